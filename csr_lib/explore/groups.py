"""Groups side by side: cross-tables of answers, and means or shares with intervals and a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.analyses._options import language
from csr_lib.core.errors import OptionError
from csr_lib.core.text import number, text, words
from csr_lib.explore.measure import Measure, measure
from csr_lib.explore.split import Split, notes, pairs, split, test_answers, test_means, tested
from csr_lib.explore.view import Draft, View, draft, grouping_label, people

if TYPE_CHECKING:
    from csr_lib.study import Survey


def crosstab(
    survey: Survey, key: str | None = None, by: str | None = None, *, confidence: float = 0.95, lang: str | None = None
) -> View:
    """Show the answers to a question by group: shares of each answer in every group, with a χ² test.

    Parameters
    ----------
    survey : the answers; filter them first.
    key : an indicator, outcome or question with one answer; where None, overall satisfaction if it is a single question, else the
        first indicator.
    by : a segment, ``wave`` or ``role``; the first segment where None.
    confidence : level of the interval of the effect size.
    lang : language; the survey's by default.

    Returns
    -------
    View
        Tables ``shares`` (one row per group and one for all: shares of the answers, n) and ``test``. Pearson's χ² without
        continuity correction, Cramér's V; under sampling weights after Rao and Scott. The same numbers: R
        ``chisq.test(correct = FALSE)``, ``survey::svychisq``.

    Raises
    ------
    OptionError
        An unknown key or grouping, or a measure whose answers are no grades (a construct's score).
    AnalysisError
        Too few answers, or fewer than two groups that may be shown.
    """
    lang = language(lang, survey.lang)
    chosen = people(survey)
    m = measure(chosen, key)
    if key is None and not m.grades:  # overall satisfaction is a score of several questions
        m = measure(chosen, next(iter(chosen.asked("perception")), None))
    if not m.grades:
        raise OptionError(
            f"'{m.key}' has no answers to count: it is a number",
            where="explore.crosstab",
            allowed="an indicator, or a question with a few answers",
            mend="use compare, which shows its mean by group",
        )
    groups = split(m, by)
    d = _draft("crosstab", survey, m, groups, lang, confidence)
    rows = [
        {"group": value, "n": m.count(here), **dict(zip(m.grades, m.shares(here), strict=True))}
        for value, here in [*groups.rows.items(), ("", m.known())]
    ]
    frame = pd.DataFrame(rows)
    test, why = test_answers(m, groups, confidence)
    few = [d.say("note.expected", least=test.smallest_expected)] if test is not None and test.smallest_expected < 5 else []
    heads = {"group": d.fill["by"], **m.grades}
    formats = dict.fromkeys(m.grades, "percent")
    said = [*notes(groups, lang), *few]
    columns = ["group", *m.grades, "n"]
    shown = d.table("shares", frame, columns, formats, headings=heads, notes=said, strong=[len(frame) - 1])
    asked = [text("phrase.named", d.lang, label=d.labels[r["group"]], value=number(r["n"], "count")) for r in rows[:-1]]
    return d.view(
        {"shares": frame} | ({"test": pd.DataFrame([vars(test)])} if test else {}),
        [shown],
        d.figure(_bars(m, frame.iloc[:-1], d), list=asked),
        [*_widest(m, frame, d), tested(m, groups, test, why, d)],
        groups.withheld,
    )


def compare(
    survey: Survey, key: str | None = None, by: str | None = None, *, confidence: float = 0.95, lang: str | None = None
) -> View:
    """Compare groups in a mean (0–100) or share, with intervals, a test and an effect size.

    Parameters
    ----------
    survey : the answers; filter them first.
    key : an indicator, construct or outcome; overall satisfaction where None.
    by : a segment, ``wave`` or ``role``; the first segment where None.
    confidence : level of the intervals.
    lang : language; the survey's by default.

    Returns
    -------
    View
        Tables ``groups`` (one row per group and one for all), ``test`` and, of three to eight groups, ``pairs`` (p-values after
        Holm). Waves that the same respondents answered, or between which the question changed, are shown and not tested.

    Raises
    ------
    OptionError
        An unknown key or grouping; a question whose answers are names.
    AnalysisError
        Too few answers, or fewer than two groups that may be shown.

    Notes
    -----
    Intervals, tests and withholding are those of `csr_lib.overview`, of everybody who answered the question in hand: Welch's
    test, by ranks (Kruskal–Wallis) for a rating of fewer than five grades, χ² for shares.
    """
    lang = language(lang, survey.lang)
    m = measure(people(survey), key)
    if m.kind == "choice":
        raise OptionError(
            f"the answers to '{m.key}' are names, which have no mean",
            where="explore.compare",
            allowed="an indicator, a construct or an outcome",
            mend="use crosstab, which shows their shares by group",
        )
    groups = split(m, by)
    d = _draft("compare", survey, m, groups, lang, confidence)
    rows = []
    for value, here in [*groups.rows.items(), ("", None)]:
        found = m.estimate(confidence, here)
        rows.append({"group": value} | {k: getattr(found, k) for k in ("n", "estimate", "ci_low", "ci_high", "sd")})
    frame = pd.DataFrame(rows)
    test, why = test_means(m, groups, confidence)
    tables = {"groups": frame} | ({"test": pd.DataFrame([vars(test)])} if test else {})
    heads = {"group": d.fill["by"], "estimate": d.say(f"unit.{m.unit}")}
    shown = [
        d.table(
            "groups", frame, ["group", "n", "estimate", "ci_low", "ci_high"], {"estimate": m.unit}, headings=heads,
            notes=notes(groups, lang), strong=[len(frame) - 1],
        )
    ]  # fmt: skip
    every = pairs(m, groups, confidence) if test else None
    if every is not None:
        tables["pairs"] = every
        unit = {"share": "signed_share", "score": "signed_score"}.get(m.unit, "decimal")
        columns = ["group", "other", "difference", "ci_low", "ci_high", "p_adjusted", "d"]
        formats = {"difference": unit, "ci_low": unit, "d": "decimal"}
        shown.append(d.table("pairs", every, columns, formats, headings=heads, notes=[d.say("note.pairs")]))
    high, low = (rows[int(at)] for at in (frame["estimate"][:-1].argmax(), frame["estimate"][:-1].argmin()))
    named = [text("phrase.named", d.lang, label=d.labels[r["group"]], value=number(r["estimate"], m.unit)) for r in (high, low)]
    ends = dict(zip(("high", "low"), named, strict=True))
    gap = (high["estimate"] - low["estimate"]) * (100 if m.unit == "share" else 1)
    apart = d.say(f"apart.{m.unit}", value=number(gap, "decimal" if m.unit == "decimal" else "score"))
    return d.view(
        tables,
        shown,
        d.figure(_dots(m, frame, d), **ends),
        [d.say("said.compare_ends", **ends, difference=apart), tested(m, groups, test, why, d)],
        groups.withheld,
    )


def _draft(name: str, survey: Survey, m: Measure, groups: Split, lang: str, level: float) -> Draft:
    labels = {**groups.labels, "": text("explore.total", lang)}
    by = grouping_label(m.survey, groups.by, lang)
    return draft(
        name, survey, m.survey, lang, level, groups.basis, [m.key, groups.by], labels, label=words(m.label, lang), by=by
    )  # fmt: skip


def _bars(m: Measure, frame: pd.DataFrame, d: Draft) -> Any:
    if m.kind == "rating":
        from csr_lib.show.diverging import diverging_bars

        axis = text("overview.axis.answers", d.lang)
        return diverging_bars(frame, labels=d.labels, lang=d.lang, grades=m.grades, key="group", axis_label=axis)
    from csr_lib.show.estimates import stacked_shares

    return stacked_shares(frame, labels=d.labels, lang=d.lang, columns=m.grades, key="group")


def _dots(m: Measure, frame: pd.DataFrame, d: Draft) -> Any:
    from csr_lib.show.estimates import intervals

    data = frame.assign(**{c: 100 * frame[c] for c in ("estimate", "ci_low", "ci_high")}) if m.unit == "share" else frame
    return intervals(
        data.iloc[:-1], labels=d.labels, lang=d.lang, confidence=d.level, kind="decimal" if m.unit == "decimal" else "score",
        overall=(float(data["estimate"].iloc[-1]), d.labels[""]), axis_label=d.say(f"axis.{m.unit}"),
    )  # fmt: skip


def _widest(m: Measure, frame: pd.DataFrame, d: Draft) -> list[str]:
    """Say which answer differs most between the groups; of yes and no, how much the share of yes does."""
    shares = frame.iloc[:-1][list(m.grades)]
    widest = str((shares.max() - shares.min()).idxmax()) if m.kind != "happened" else list(m.grades)[-1]
    found = shares[widest].to_numpy(dtype=float)
    low, high = int(found.argmin()), int(found.argmax())
    if found[low] == found[high]:
        return []
    key = "happened" if m.kind == "happened" else "widest"
    at = {"low": d.labels[frame["group"].iloc[low]], "high": d.labels[frame["group"].iloc[high]]}
    return [d.say(f"said.crosstab_{key}", answer=m.grades[widest], **at, low_share=found[low], high_share=found[high])]
