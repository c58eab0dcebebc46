"""Tracking: the tables as they are shown, their labels and bases, and which figures there are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.tracking.change import OTHERS
from csr_lib.analyses.tracking.measures import Followed, Measure
from csr_lib.analyses.tracking.plan import improvement_plan
from csr_lib.analyses.tracking.warning import ALL, GRADES
from csr_lib.core.result import Basis, Source
from csr_lib.core.text import LANGUAGES, text, words

if TYPE_CHECKING:
    from csr_lib.analyses.tracking.analysis import Options, TrackingResult
    from csr_lib.analyses.tracking.change import Series
    from csr_lib.analyses.tracking.operations import Operated
    from csr_lib.study import Survey

NAN = math.nan
_COMPARED = ("before", "estimate", "ci_low", "ci_high", "change", "change_ci_low", "change_ci_high", "p_adjusted", "reading")
_FIGURES = ("n", "estimate", "ci_low", "ci_high")
_FOLLOWED = ("measure", "n", "before", "after", "change", "change_ci_low", "change_ci_high", "p_adjusted", "d_z")

COLUMNS: dict[str, tuple[str, ...]] = {
    "waves": ("wave", "period", "n", "n_effective", "records"),
    "headline": ("wave", "n", "estimate", "ci_low", "ci_high", "target", "lower", "centre", "upper", "signal"),
    "summary": ("measure", "n", *_COMPARED, "target", "standing"),
    "indicators": ("measure", "n", *_COMPARED, "target", "standing"),
    "changed": ("indicator", "wave", "what"),
    "warnings": ("group", "measure", "grade", "rules", "n", "estimate", "target"),
    "false_alarms": ("group", "measures", "grade", "per_measure", "any", "any_ci_low", "any_ci_high"),
    "own_limits": ("measure", "group", "unit", "n", "estimate", "ci_low", "ci_high", "yellow", "orange", "red", "grade"),
    "decomposition": (
        "segment", "n", "before", "after", "change", "composition", "composition_ci_low", "composition_ci_high", "within",
        "within_ci_low", "within_ci_high",
    ),
    "decomposition_groups": (
        "segment", "group", "share_before", "share_after", "mean_before", "mean_after", "composition", "within", "within_ci_low",
        "within_ci_high",
    ),
    "panel": _FOLLOWED,
    "panel_indicators": _FOLLOWED,
    "attrition": ("stayed", "left", "share", "mean_stayed", "mean_left", "difference", "ci_low", "ci_high", "p_value"),
    "transitions": ("from_level", "n", "low", "middle", "high"),
    "moves": ("n", "rose", "stayed", "fell", "p_value"),
    "service": ("metric", "unit", *_FIGURES, "target", "status", "before", "p_adjusted"),
    "types": (
        "metric", "type", "unit", "n", "mean", "mean_ci_low", "mean_ci_high", "median", "p90", "limit", "within_limit",
        "within_limit_ci_low", "within_limit_ci_high",
    ),
    "types_test": ("metric", "types", "n", "statistic", "p_value", "epsilon2"),
    "breaches": ("period", "metric", "type", "unit", *_FIGURES, "target", "status"),
    "breaches_all": ("period", "metric", "type", "unit", *_FIGURES, "target", "status"),
    "overdue": ("metric", "row", "time", "length", "limit", "unit", "times_limit", "open"),
    "lead_lag": ("metric", "lag", "pairs", "correlation", "estimate", "ci_low", "ci_high", "p_adjusted"),
    "faults": ("row", "metric", "rule", "detail"),
    "plan": ("priority", "subject", "unit", "now", "goal", "why"),
}  # fmt: skip
FORMATS: dict[str, dict[str, str]] = {
    "*": {
        **dict.fromkeys(
            ("estimate", "before", "after", "target", "lower", "centre", "upper", "mean_before", "mean_after", "mean_stayed",
             "mean_left", "mean", "median", "p90", "limit", "length", "now", "goal", "yellow", "orange", "red"), "score",
        ),
        **dict.fromkeys(("change", "composition", "within", "difference"), "signed_score"),
        **dict.fromkeys(("share", "share_before", "share_after", "low", "middle", "high", "rose", "stayed", "fell"), "share"),
        "records": "count", "d_z": "decimal",
    },
    "false_alarms": {"per_measure": "share", "any": "share"},
    "service": {"within_limit": "share", "n_open": "count"},
    "types": {"within_limit": "share"},
    "attrition": {"stayed": "count", "left": "count", "ci_low": "signed_score"},
    "types_test": {"statistic": "decimal", "epsilon2": "decimal"},
    "overdue": {"times_limit": "score", "row": "count"},
    "lead_lag": {"estimate": "signed", "correlation": "signed"},
    "faults": {"row": "count"},
}  # fmt: skip
GROUPS: dict[str, tuple[str, ...]] = {
    "warnings": ("group",),
    "false_alarms": ("group", "measures"),
    "own_limits": ("measure",),
    "decomposition_groups": ("segment",),
    "types": ("metric",),
    "breaches": ("period",),
    "lead_lag": ("metric",),
}
#: Breaches that a report shows; all of them are in the workbook.
BREACHES = 15
#: Most measures that are all watched group by group.
WATCHED = 20
#: Waves that the board of warnings shows.
BOARD_WAVES = 12
#: Fewer waves than this make no trend to draw.
TREND_WAVES = 3


def watched_by_group(followed: Followed) -> list[Measure]:
    """Return what is watched group by group: everything, or where that is too much all but the single indicators."""
    if len(followed.measures) <= WATCHED:
        return list(followed.measures)
    chosen = [m for m in followed.measures if m.level != "indicator" or m.key == followed.headline]
    return chosen if len(chosen) > 1 else list(followed.measures)


def with_limits(trend: pd.DataFrame, control: pd.DataFrame | None) -> pd.DataFrame:
    """Return the trend with control limits beside it; blank where there are none."""
    columns = ["centre", "lower", "upper", "signal"]
    if control is None or control.empty:
        return trend.assign(centre=NAN, lower=NAN, upper=NAN, signal="")
    out = trend.merge(control[["measure", "wave", *columns]], on=["measure", "wave"], how="left")
    out["signal"] = out["signal"].fillna("")
    return out


def arranged(
    followed: Followed, series: Series, compared: pd.DataFrame, tables: Mapping[str, pd.DataFrame], done: Operated
) -> dict[str, pd.DataFrame]:
    """Return the tables that are read first."""
    trend = with_limits(tables["trend"], tables["control"])
    headline = trend[trend["measure"] == followed.headline]
    indicators = compared[compared["level"] == "indicator"].sort_values("change", kind="stable")
    levels = tables["warning_levels"]
    warned = levels[levels["grade"].isin(GRADES[1:])].copy()
    warned["order"] = -warned["grade"].map({g: i for i, g in enumerate(GRADES)}).astype(float)
    changed = [
        {"indicator": name, "wave": wave, "what": what}
        for name, entry in followed.survey.study.indicators.items()
        for wave, what in entry.changed.items()
        if wave in followed.waves[1:]
    ]
    out = {
        "breaches": _breaches(tables.get("breaches_all"), done),
        "waves": _waves(followed, done),
        "headline": headline,
        "summary": _without_targets(compared[compared["level"] != "indicator"]),
        "indicators": _without_targets(indicators),
        "warnings": warned.sort_values(["order"], kind="stable").drop(columns="order"),
        "changed": pd.DataFrame(changed, columns=["indicator", "wave", "what"]),
    }
    if "panel" in tables:
        single = tables["panel"]["level"] == "indicator"
        if single.any() and not single.all():
            out |= {"panel": tables["panel"][~single], "panel_indicators": tables["panel"][single]}
    return out | {"plan": improvement_plan(followed, compared, {**tables, **out}, done)}


def _breaches(found: pd.DataFrame | None, done: Operated) -> pd.DataFrame:
    """Return the breaches that a report shows: all of the latest period, the sure ones of those before."""
    if found is None or done.periods is None:
        return pd.DataFrame()
    shown = (found["period"] == done.periods.names[-1]) | (found["status"] == "missed_sure")
    return found[shown].head(BREACHES)


def _without_targets(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave the columns about targets out where no row has one."""
    return frame if frame["target"].notna().any() else frame.drop(columns=["target", "standing"])


def _waves(followed: Followed, done: Operated) -> pd.DataFrame:
    periods = followed.survey.study.wave.periods if followed.survey.study.wave else {}
    rows = []
    for t, wave in enumerate(followed.waves):
        part = followed.survey.wave(wave)
        row: dict[str, Any] = {"wave": wave, "period": " – ".join(map(str, periods[wave])) if wave in periods else ""}
        row |= {"n": part.n, "n_effective": part.n_effective}
        if done.periods is not None and done.periods.kind == "wave":
            row["records"] = int((done.periods.of == t).sum())
        rows.append(row)
    return pd.DataFrame(rows)


def compared(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return what was compared, for the figure of changes, with the intervals of the changes; the lowest first in each level."""
    parts = [tables[name] for name in ("summary", "indicators") if name in tables]
    frame = pd.concat(parts, ignore_index=True).dropna(subset=["change"])
    place = {level: i for i, level in enumerate(dict.fromkeys(frame["level"]))}
    frame = frame.drop(columns=["ci_low", "ci_high"]).assign(place=frame["level"].map(place))
    return frame.sort_values(["place", "change"], kind="stable").drop(columns="place").reset_index(drop=True)


def on_board(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Any], int]:
    """Return what the board shows, its waves, and how many indicators are left out because nothing was ever raised for them."""
    waves = list(dict.fromkeys(frame["wave"]))[-BOARD_WAVES:]
    shown = frame[frame["wave"].isin(waves)]
    raised = set(shown.loc[shown["grade"].isin(GRADES[1:]), "measure"])
    keep = (shown["level"] != "indicator") | shown["measure"].isin(raised)
    if not keep.any():
        keep |= True
    return shown[keep].reset_index(drop=True), waves, int(shown.loc[~keep, "measure"].nunique())


def most_telling(tables: Mapping[str, pd.DataFrame], most: int) -> list[str]:
    """Return the measures that a report draws: those warned of, then those that changed most."""
    levels = tables["warning_levels"]
    own = levels[levels["group"] == ALL]
    grade = {m: GRADES.index(g) if g in GRADES else 0 for m, g in zip(own["measure"], own["grade"], strict=True)}
    frame = pd.concat([tables[n] for n in ("summary", "indicators") if n in tables], ignore_index=True)
    size = dict(zip(frame["measure"], frame["change"].abs().fillna(0.0), strict=True))
    headline = tables["headline"]["measure"].iloc[0]
    rest = [m for m in frame["measure"] if m != headline]
    return sorted(rest, key=lambda m: (-grade.get(m, 0), -size[m]))[:most]


def service_panels(tables: Mapping[str, pd.DataFrame], most: int) -> list[str]:
    """Return the metrics that a report draws: those with a target first."""
    frame = tables["service"]
    return list(frame.assign(a=frame["target"].isna()).sort_values("a", kind="stable")["metric"])[:most]


def strongest(frame: pd.DataFrame, most: int = 4) -> pd.DataFrame:
    """Return the lags of the metrics whose best lag is most telling."""
    best = frame[frame["best"]].sort_values("p_value", kind="stable")["metric"].drop_duplicates()[:most]
    return frame[frame["metric"].isin(best)].reset_index(drop=True)


def with_units(labels: Mapping[str, Any], frame: pd.DataFrame) -> dict[str, Any]:
    """Return the labels with the unit behind each metric's."""
    out = dict(labels)
    for metric, unit in dict(zip(frame["metric"], frame["unit"], strict=True)).items():
        if unit in ("percent", "min", "h", "d"):
            name = labels.get(metric, metric)
            written = {lang: {"label": words(name, lang), "unit": text(f"value.unit.{unit}", lang)} for lang in LANGUAGES}
            out[metric] = {lang: text("tracking.with_unit", lang, **written[lang]) for lang in LANGUAGES}
    return out


def steps(result: TrackingResult) -> tuple[tuple[float, Any], tuple[float, Any], pd.DataFrame]:
    """Return start, end and contributions of the decomposition by the segment whose composition mattered most."""
    row = result.tables["decomposition"].iloc[0]
    groups = result.tables["decomposition_groups"]
    own = groups[groups["segment"] == row["segment"]]
    frame = pd.DataFrame({"step": ["tracking:composition", *own["group"]], "change": [row["composition"], *own["within"]]})
    start = (float(row["before"]), result.labels.get(result.previous, result.previous))
    return start, (float(row["after"]), result.labels.get(result.latest, result.latest)), frame


# ---- what goes with the tables


def basis(followed: Followed, series: Series) -> Basis:
    """Return the basis of the headline in the latest wave."""
    rows = followed.positions[followed.latest]
    measure = followed.measure(followed.headline)
    used = np.zeros(len(followed.survey.rows), dtype=bool)
    used[rows[np.isfinite(measure.scores[rows])]] = True
    wave = replace(followed.survey, rows=followed.survey.rows[rows])
    return wave.basis(used=np.isfinite(measure.scores[rows]))


def bases(tables: Mapping[str, pd.DataFrame], followed: Followed, own: Basis) -> dict[str, Basis]:
    """Return the bases of tables that rest on other answers than the headline's latest wave."""
    out = {}
    everybody = followed.survey.basis()
    for name in ("waves", "headline", "trend", "control", "lead_lag"):
        if name in tables:
            out[name] = replace(everybody, missing_rule="none", n_missing=0)
    for name in ("decomposition", "decomposition_groups"):
        if name in tables:
            n = float(tables["decomposition"]["n"].max())
            out[name] = replace(
                own, n=n, n_effective=n if own.weights != "sampling" else own.n_effective, n_missing=0, missing_rule="none"
            )
    if "panel" in tables:
        n = float(tables["panel"]["n"].max())
        for name in ("panel", "panel_indicators", "transitions", "moves", "attrition"):
            out[name] = replace(own, n=n, n_effective=min(n, own.n_effective), n_missing=0, missing_rule="none")
    whole, latest = (
        ("service_trend", "breaches", "breaches_all", "faults", "volume"),
        ("service", "types", "types_test", "overdue"),
    )
    for name in (*whole, *latest):
        if name in tables:
            per_period = tables["volume"]["records"]
            n = float(per_period.sum() if name in whole else per_period.iloc[-1])
            out[name] = Basis(n, n)
    for name in ("summary", "indicators", "warnings", "panel", "panel_indicators"):
        if name in tables and tables[name]["n"].max() > tables[name]["n"].min():  # every measure has its own answers
            out[name] = replace(out.get(name, own), missing_rule="each", n_missing=0)
    return out


def labels(survey: Survey, followed: Followed, tables: Mapping[str, pd.DataFrame], done: Operated) -> dict[str, Any]:
    """Return the labels of everything that stands in the tables as a key."""
    from csr_lib.analyses.tracking.operations import period_labels

    out: dict[str, Any] = {m.key: m.label for m in followed.measures}
    out |= {w: survey.label(w) for w in followed.waves}
    out |= {s: survey.label(s) for s in survey.segments}
    for name in survey.segments:
        out |= {f"{name}={v}": survey.value_label(name, v) for v in survey.data.levels(name)}
    out |= {i: survey.label(i) for i in survey.study.indicators}
    out |= period_labels(done, survey.label)
    out |= {
        key: _both(f"tracking.{word}")
        for key, word in ((ALL, "all"), (OTHERS, "others"), *((f"tracking:{w}", w) for w in ("composition", "within")))
    }
    rules = {r for r in tables.get("warning_levels", pd.DataFrame({"rules": []}))["rules"] if r}
    for joined in rules:
        out[joined] = {lang: words([text(f"tracking.rule.{r}", lang) for r in joined.split("+")], lang) for lang in LANGUAGES}
    out |= {level: _both(f"tracking.level.{level}") for level in ("outcome", "index", "construct", "indicator")}
    if "plan" in tables:  # what concerns one group
        for subject in tables["plan"]["subject"]:
            group, mark, measure = str(subject).partition("|")
            if mark:
                said = {lang: {"group": words(out[group], lang), "label": words(out[measure], lang)} for lang in LANGUAGES}
                out[subject] = {lang: text("tracking.of_group", lang, **said[lang]) for lang in LANGUAGES}
    return out


def figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    """Return the figures that there are and what each is drawn from."""
    found: dict[str, tuple[str, ...]] = {"headline": ("headline",)}
    if len(set(tables["trend"]["measure"])) > 1 and len(tables["headline"]) >= TREND_WAVES:
        found["panels"] = ("trend", "control") if "control" in tables else ("trend",)
    if any(tables[n]["change"].notna().any() for n in ("summary", "indicators") if n in tables):
        found["changes"] = tuple(n for n in ("summary", "indicators") if n in tables)
    found["board"] = ("board",)
    if len(set(tables["warning_levels"]["group"])) > 1:
        found["tiers"] = ("warning_levels",)
    if "decomposition" in tables:
        found["decomposition"] = ("decomposition", "decomposition_groups")
    if "service_trend" in tables:
        found["service"] = ("service_trend",)
    types = tables.get("types")
    if types is not None and (types["mean"].notna() & types["limit"].notna()).any():
        found["types"] = ("types",)
    if "lead_lag" in tables and tables["lead_lag"]["estimate"].notna().any():
        found["lead_lag"] = ("lead_lag",)
    return found


def references(tables: Mapping[str, pd.DataFrame], options: Options) -> tuple[str, ...]:
    """Return the literature that the tables rest on."""
    keys = ["iso10004", "wilson1927"]
    keys += {"holm": ["holm1979"], "fdr": ["benjamini1995"]}.get(options.adjust, [])
    keys += ["montgomery2013", "westernelectric1956"] if "control" in tables or "service_trend" in tables else []
    keys += ["kitagawa1955", "efron1993"] if "decomposition" in tables else []
    keys += ["laney2002", "conover1999", "garwood1936"] if "service" in tables else []
    keys += ["bartlett1946"] if "lead_lag" in tables else []
    return tuple(keys)


def source(survey: Survey, followed: Followed, done: Operated) -> Source:
    """Return where the figures came from, the operational records included."""
    own = followed.survey.source()
    filters = {k: v for k, v in own.filters.items() if k != "wave" or k in survey.filters}
    files = {done.records.file: done.records.sha256} if done.records is not None else {}
    return replace(own, filters=filters, hashes={**own.hashes, **files})


def _both(key: str) -> dict[str, str]:
    return {lang: text(key, lang) for lang in LANGUAGES}
