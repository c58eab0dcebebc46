"""What goes with what: the map of correlations, and the quadrant of importance and performance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses._options import language
from csr_lib.core.errors import AnalysisError
from csr_lib.core.text import text
from csr_lib.explore.measure import Measure, measure
from csr_lib.explore.view import Draft, View, code_line, draft, pairwise, people, selection
from csr_lib.stats.correlation import correlations as pairs_of

if TYPE_CHECKING:
    from csr_lib.study import Survey

#: With more indicators than this the map is one of constructs, where there are some.
MOST = 24
#: As many pairs are listed under the map.
LISTED = 10


def correlations(
    survey: Survey, keys: str | Sequence[str] | None = None, *, confidence: float = 0.95, lang: str | None = None
) -> View:
    """Show how closely the ratings of respondents go together.

    Parameters
    ----------
    survey : the answers; filter them first.
    keys : a construct (its indicators), or a list of indicators, constructs and outcomes. None: all indicators rated, or the
        constructs where these are many; overall satisfaction, where it was asked, is added to both.
    confidence : level of the intervals.
    lang : language; the survey's by default.

    Returns
    -------
    View
        Table ``pairs``: Pearson's r of every pair, Fisher's interval, p, and p after Holm; all who answered both. With sampling
        weights by the effective n of the pair, which is approximate. The same numbers: R ``cor.test``; those of
        `csr_lib.drivers` for the same variables.

    Raises
    ------
    OptionError
        An unknown key.
    AnalysisError
        Fewer than two measures, or too few answers.
    """
    lang = language(lang, survey.lang)
    chosen = people(survey)
    measures = [measure(chosen, k) for k in _asked(chosen, keys)]
    measures = [m for m in measures if m.kind != "choice"]
    if len(measures) < 2:
        raise AnalysisError(
            "a correlation needs two measures", where="explore.correlations", allowed="two keys or more", mend="name more of them"
        )
    pairs = _pairs(chosen, measures, confidence)
    known = pairs.dropna(subset=["estimate"])
    if known.empty:
        raise AnalysisError(
            "no pair has enough answers that vary", where="explore.correlations", mend="take a condition out of the filter"
        )
    from csr_lib.show.heatmap import heatmap

    names = [m.key for m in measures]
    square = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for a, b, r in zip(pairs["item"], pairs["other"], pairs["estimate"], strict=True):
        square.loc[a, b] = square.loc[b, a] = r
    labels = {m.key: m.label for m in measures}
    arguments = [] if keys is None else [keys if isinstance(keys, str) else list(keys)]
    basis = pairwise(chosen, float(known["n"].min()))
    d = draft("correlations", survey, chosen, lang, confidence, basis, arguments, labels, measures=len(names))
    drawing = heatmap(
        square.rename_axis("item").reset_index(), labels=labels, lang=lang, triangle=True, scale_label=d.say("axis.correlation")
    )
    ordered = known.reindex(known["estimate"].abs().sort_values(ascending=False, kind="stable").index).reset_index(drop=True)
    ends = {k: _named(d, ordered.iloc[at]) for k, at in (("strongest", 0), ("weakest", -1))}
    heads = {"estimate": "r", "item": d.say("first"), "other": d.say("second")}
    shown = d.table(
        "pairs", ordered.head(LISTED), ["item", "other", "estimate", "ci_low", "ci_high", "p_adjusted", "n"],
        {"estimate": "decimal"}, headings=heads, notes=[d.say("note.correlations")],
        most=min(LISTED, len(ordered)), total=len(ordered),
    )  # fmt: skip
    clear = int((ordered["p_adjusted"] < 1 - confidence).sum())
    said = [d.say("said.correlations" if len(ordered) > 1 else "said.correlation", **ends)]
    said.append(d.say("said.correlations_clear", clear=clear, total=len(ordered)))
    return d.view({"pairs": pairs}, [shown], d.figure(drawing, **ends), said)


def _asked(survey: Survey, keys: str | Sequence[str] | None) -> list[str]:
    study = survey.study
    if isinstance(keys, str):
        return list(study.leaves(keys)) if keys in study.constructs else [keys]
    if keys is not None:
        return list(dict.fromkeys(keys))
    found: list[str] = list(survey.asked("perception"))
    if len(found) > MOST and len(study.constructs) > 1:
        found = [c for c in study.constructs if set(study.leaves(c)) <= set(found)]
    columns = {r.column for i in study.indicators if (r := study.rating(i))}
    overall = study.outcome_rating("satisfaction") if "satisfaction" in study.outcomes else None
    return found + (["satisfaction"] if overall is not None and overall.column not in columns else [])


def _pairs(survey: Survey, measures: Sequence[Measure], level: float) -> pd.DataFrame:
    answers = pd.DataFrame({m.key: np.where(m.known(), m.answers, np.nan) for m in measures})
    kind: Any = survey.weight_kind
    found = pairs_of(answers, measures[0].weights, kind=kind, confidence=level, at_least=max(3, survey.study.min_cell))
    return found.rename(columns={"one": "item"})


def _named(d: Draft, row: Any) -> str:
    return d.say("pair", first=d.labels[row["item"]], second=d.labels[row["other"]], r=row["estimate"])


def quadrant(survey: Survey, *, bootstrap: int = 500, lang: str | None = None, **options: Any) -> View:
    """Place the indicators by importance and performance, of those selected; the four-quadrant model.

    Parameters
    ----------
    survey : the answers; filter them first. Of several waves the latest counts, as in the analysis.
    bootstrap : resamples for how firmly each indicator sits in its quadrant; fewer than in a report, which takes longer.
    lang : language; the survey's by default.
    options : of `csr_lib.importance_performance`, which does the work (``importance="correlation"``, ``cut="median"`` …).

    Returns
    -------
    View
        Table ``indicators`` of that analysis; its key findings are the sentences.

    Raises
    ------
    OptionError, AnalysisError
        What `csr_lib.importance_performance` raises.
    """
    from csr_lib.analyses.importance_performance import importance_performance

    lang = language(lang, survey.lang)
    chosen = people(survey)
    result = importance_performance(chosen, lang=lang, bootstrap=bootstrap, **options)
    given = {**options, "bootstrap": None if bootstrap == 500 else bootstrap}
    return View(
        name="quadrant",
        lang=lang,
        title=text("explore.title.quadrant", lang),
        selection=selection(chosen.wave(chosen.waves[-1]) if len(chosen.waves) > 1 else chosen, lang),
        code=code_line("quadrant", survey, lang, **given),
        basis=result.basis,
        tables={"indicators": result.tables["indicators"]},
        shown=(result.table("indicators", lang),),  # type: ignore[arg-type]
        figure=result.figure("quadrant", lang),  # type: ignore[arg-type]
        sentences=tuple(result.findings(lang, level="key")),
        withheld=result.withheld,
    )
