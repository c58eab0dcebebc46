"""Distribution: how the answers to one question, or to the indicators of a construct, lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses._options import language
from csr_lib.analyses._rows import rows
from csr_lib.analyses.overview.scores import bottom_flags, boxes_of, top_flags
from csr_lib.core.text import number, text, words
from csr_lib.explore.measure import Measure, measure, options, several_answers
from csr_lib.explore.view import Draft, View, draft, pairwise, people

if TYPE_CHECKING:
    from csr_lib.show import Drawing, Figure
    from csr_lib.show.tables import Table
    from csr_lib.study import Survey

#: How many points at each end of a scale are its top and bottom box, as in the overview.
BOXES = 2
#: From this share on at one end of a scale the view says that the scale is exhausted.
HALF = 0.5
#: ``construct`` that stands for every indicator rated.
ALL = "all"


def distribution(survey: Survey, key: str | None = None, *, confidence: float = 0.95, lang: str | None = None) -> View:
    """Show how answers are distributed.

    Parameters
    ----------
    survey : the answers; filter them first (``survey.where(…)``, ``survey.wave(…)``).
    key : an indicator, an outcome, a question with one answer or several, or a construct, which is shown indicator by
        indicator; ``"all"`` for all indicators; overall satisfaction where None, or else the first indicator.
    confidence : level of the intervals.
    lang : language; the survey's by default.

    Returns
    -------
    View
        Tables ``answers`` (share of every answer with Wilson's interval) and ``summary`` (mean, spread, ends of the scale); of a
        construct ``indicators`` and ``distribution``. Everybody who answered the question counts.

    Raises
    ------
    OptionError
        An unknown key.
    AnalysisError
        Fewer than `min_cell` respondents or answers.
    """
    lang = language(lang, survey.lang)
    chosen = people(survey)
    study = chosen.study
    members: Sequence[str] = ()
    if key == ALL:
        members = chosen.asked("perception")
    elif key in study.constructs:
        members = [i for i in study.leaves(key) if i in chosen.asked("perception")]
    if members:
        return _several(survey, chosen, str(key), [measure(chosen, i) for i in members], lang, confidence)
    if key in several_answers(chosen):
        return _options(survey, chosen, str(key), lang, confidence)
    return _one(survey, measure(chosen, key), lang, confidence)


# ---- one question


def _one(survey: Survey, m: Measure, lang: str, level: float) -> View:
    basis = m.survey.basis(used=m.known())
    labels = {**m.grades, m.key: m.label}
    d = draft("distribution", survey, m.survey, lang, level, basis, [m.key], labels, label=words(m.label, lang))
    summary = _summary(m, level)
    tables = {"summary": summary}
    shown = [_in_figures("summary", summary, m.unit, d)]
    if m.grades:
        tables = {"answers": answer_shares(m, level), **tables}
        columns = ["answer", "n", "share", "ci_low", "ci_high", *(["cumulative"] if m.kind == "rating" else [])]
        answers = d.table("answers", tables["answers"], columns, dict.fromkeys(("share", "ci_low", "cumulative"), "share"))
        shown = [answers, *(shown if m.kind == "rating" else [])]
    return d.view(tables, shown, _one_figure(m, tables, d), _one_said(m, tables, d))


def answer_shares(m: Measure, level: float) -> pd.DataFrame:
    """Return the share of every answer with its interval, and of it and all before it, the worst first."""
    rows = []
    for place, column in enumerate(m.grades):
        gave = m.places == place
        found = m.share(gave.astype(float), level)
        row = {"answer": column, "n": m.count(m.known(gave)), "share": found.estimate}
        rows.append(row | {"ci_low": found.ci_low, "ci_high": found.ci_high})
    frame = pd.DataFrame(rows)
    return frame.assign(cumulative=np.minimum(1.0, frame["share"].cumsum()))


def _summary(m: Measure, level: float) -> pd.DataFrame:
    """One row: key, n, estimate; of a rating the mean in scale points, spread, and both ends of the scale."""
    found = m.estimate(level)
    row: dict[str, Any] = {"indicator": m.key, "n": found.n}
    if m.kind == "choice":
        return pd.DataFrame([row])
    row |= {"estimate": found.estimate, "ci_low": found.ci_low, "ci_high": found.ci_high}
    if m.kind == "rating" and m.scale:
        raw = m.raw(level)
        row |= {"mean": raw.estimate, "mean_ci_low": raw.ci_low, "mean_ci_high": raw.ci_high, "sd": raw.sd}
        boxes = boxes_of(m.scale, BOXES)
        for name, flags in (("top_box", top_flags), ("bottom_box", bottom_flags)) if boxes else ():
            share = m.share(flags(m.answers, m.scale, boxes), level)
            row |= {name: share.estimate, f"{name}_ci_low": share.ci_low, f"{name}_ci_high": share.ci_high}
        for name, end in (("floor", m.scale.min), ("ceiling", m.scale.max)):
            row[name] = m.share((m.answers == end).astype(float), level).estimate
    elif m.kind != "happened":
        row["sd"] = found.sd
    return pd.DataFrame([row])


def _in_figures(name: str, frame: pd.DataFrame, unit: str, d: Draft) -> Table:
    columns = (
        "indicator", "n", "mean", "mean_ci_low", "mean_ci_high", "sd", "estimate", "ci_low", "ci_high", "top_box", "bottom_box",
    )  # fmt: skip
    formats = {"estimate": unit, "mean": "points", "sd": "points", "top_box": "share", "bottom_box": "share"}
    return d.table(
        name, frame, columns, formats, headings={"estimate": d.say(f"unit.{unit}"), "indicator": d.say("panel.indicator")}
    )


def _one_figure(m: Measure, tables: dict[str, pd.DataFrame], d: Draft) -> Figure:
    if not m.grades:
        return d.figure(_box(m, d), "distribution_box")
    from csr_lib.show.estimates import intervals

    frame = tables["answers"].iloc[::-1] if m.kind == "rating" else tables["answers"]
    percent = frame.assign(**{c: 100 * frame[c] for c in ("share", "ci_low", "ci_high")})
    drawing = intervals(
        percent, labels=m.grades, lang=d.lang, key="answer", value="share", kind="score", confidence=d.level,
        axis_label=d.say("axis.share"),
    )  # fmt: skip
    shares = zip(frame["answer"], frame["share"], strict=True)
    return d.figure(
        drawing, list=[text("phrase.named", d.lang, label=m.grades[a], value=number(s, "percent")) for a, s in shares]
    )


def _box(m: Measure, d: Draft) -> Drawing:
    from csr_lib.show.boxes import boxes
    from csr_lib.stats.box_plot import box

    kind: Any = m.survey.weight_kind
    values = np.where(m.known(), m.answers, np.nan)
    b = box(values, m.weights, kind=kind)
    row = {k: getattr(b, k) for k in ("whisker_low", "q1", "median", "q3", "whisker_high", "n")}
    row |= {"group": m.key, "mean": m.raw(d.level).estimate, "outlying": sorted({float(v) for v in values[b.outlying]})}
    limits = (0.0, 100.0) if m.kind == "score" else (m.scale.min, m.scale.max) if m.scale else None
    unit = "points" if m.kind == "rating" else m.unit
    return boxes(pd.DataFrame([row]), labels={m.key: m.label}, lang=d.lang, limits=limits, kind=unit)


def _one_said(m: Measure, tables: dict[str, pd.DataFrame], d: Draft) -> list[str]:
    row = rows(tables["summary"])[0]
    key = f"said.distribution_{m.kind}"
    if m.kind in ("choice", "happened"):
        answers = rows(tables["answers"])
        told = answers[1] if m.kind == "happened" else max(answers, key=lambda r: r.share)
        return [d.say(key, answer=m.grades[told.answer], share=told.share, low=told.ci_low, high=told.ci_high)]
    if m.kind != "rating" or m.scale is None:
        return [d.say(key, **vars(row))]
    said = [d.say(key, lowest=m.scale.min, highest=m.scale.max, **vars(row))]
    if "top_box" in vars(row):
        said.append(d.say("said.distribution_boxes", boxes=boxes_of(m.scale, BOXES), top=row.top_box, bottom=row.bottom_box))
    return said + [d.say(f"said.distribution_{e}", share=s) for e in ("ceiling", "floor") if (s := getattr(row, e)) > HALF]


# ---- one question, several answers


def _options(survey: Survey, chosen: Survey, key: str, lang: str, level: float) -> View:
    from csr_lib.show.estimates import intervals

    found = options(chosen, key)
    answered = found[0].known()
    answers = []
    for m in found:
        share = m.share(m.answers, level)
        row = {"answer": m.key, "n": m.count(answered & (m.answers > 0)), "share": share.estimate}
        answers.append(row | {"ci_low": share.ci_low, "ci_high": share.ci_high})
    frame = pd.DataFrame(answers).sort_values("share", ascending=False, ignore_index=True, kind="stable")
    number_of = Measure(key, "", chosen, "amount", np.sum([m.answers for m in found], axis=0), None, {}).raw(level)
    summary = pd.DataFrame(
        [
            {
                "indicator": key,
                "n": number_of.n,
                "estimate": number_of.estimate,
                "ci_low": number_of.ci_low,
                "ci_high": number_of.ci_high,
            }
        ]
    )
    labels = {m.key: m.label for m in found}
    asked = words(chosen.label(key), lang)
    d = draft("distribution", survey, chosen, lang, level, chosen.basis(used=answered), [key], labels, label=asked)
    percent = frame.assign(**{c: 100 * frame[c] for c in ("share", "ci_low", "ci_high")})
    drawing = intervals(
        percent,
        labels=labels,
        lang=lang,
        key="answer",
        value="share",
        kind="score",
        confidence=level,
        axis_label=d.say("axis.share"),
    )
    shares = zip(frame["answer"], frame["share"], strict=True)
    drawn = d.figure(drawing, list=[text("phrase.named", d.lang, label=labels[a], value=number(s, "percent")) for a, s in shares])
    columns, formats = ["answer", "n", "share", "ci_low", "ci_high"], {"share": "share", "ci_low": "share"}
    shown = d.table("answers", frame, columns, formats, notes=[d.say("several_answers")])
    first = rows(frame)[0]
    told = {"answer": labels[first.answer], "share": first.share, "low": first.ci_low, "high": first.ci_high}
    said = d.say("said.distribution_options", mean=number_of.estimate, **told)
    return d.view({"answers": frame, "summary": summary}, [shown], drawn, [said])


# ---- several indicators


def _several(survey: Survey, chosen: Survey, key: str, measures: Sequence[Measure], lang: str, level: float) -> View:
    from csr_lib.show.diverging import diverging_bars

    frame = pd.concat([_summary(m, level) for m in measures], ignore_index=True)
    labels = {m.key: m.label for m in measures}
    several = text("explore.all_indicators", lang) if key == ALL else words(chosen.label(key), lang)
    basis = pairwise(chosen, float(frame["n"].min()))
    d = draft("distribution", survey, chosen, lang, level, basis, [key], labels, label=several)
    tables, drawn = {"indicators": frame}, None
    scored = {
        r.indicator: text("phrase.named", d.lang, label=labels[r.indicator], value=number(r.estimate, "score"))
        for r in rows(frame)
    }
    graded = [m for m in measures if m.grades]
    if graded:
        scales = [tuple(m.grades) for m in graded]
        usual = max(dict.fromkeys(scales), key=scales.count)
        alike = [m for m in graded if tuple(m.grades) == usual]
        spread = pd.DataFrame([{"indicator": m.key, **dict(zip(usual, m.shares(), strict=True))} for m in alike])
        tables["distribution"] = spread.merge(frame[["indicator", "n", "top_box"]], on="indicator")
        drawing = diverging_bars(
            tables["distribution"], labels=labels, lang=lang, grades=alike[0].grades,
            totals={"top_box": text("overview.top_heading", lang)}, axis_label=text("overview.axis.answers", lang),
        )  # fmt: skip
        drawn = d.figure(drawing, "distribution_several", list=list(scored.values()))
    ranked = frame.sort_values("estimate", kind="stable")["indicator"].tolist()
    said = "said.distribution_several" if len(ranked) > 1 else "said.distribution_alone"
    sentence = d.say(said, total=len(ranked), best=scored[ranked[-1]], worst=scored[ranked[0]])
    return d.view(tables, [_in_figures("indicators", frame, "score", d)], drawn, [sentence])
