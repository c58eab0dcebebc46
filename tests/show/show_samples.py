"""Frames with long labels in both languages, one per figure function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from csr_lib.core.model import TEMPLATES, template
from csr_lib.show.change import rank_slopes, trend, waterfall
from csr_lib.show.diverging import diverging_bars
from csr_lib.show.estimates import intervals, rollup, stacked_shares
from csr_lib.show.figure import Drawing
from csr_lib.show.five_gaps import five_gaps
from csr_lib.show.path_diagram import path_diagram
from csr_lib.show.profile import gap_bars, gap_profile, radar
from csr_lib.show.quadrant import quadrant

INDICATORS = {
    "safety": ("供电安全性与故障应急处置能力", "Safety of supply and handling of emergencies"),
    "stability": ("供电稳定性", "Stability of supply"),
    "hall": ("营业厅服务态度与办理效率", "Courtesy and efficiency at the service hall"),
    "communication": ("停电信息告知", "Communication of planned interruptions of supply"),
    "hotline": ("95598 服务热线", "Hotline"),
    "repair": ("故障报修", "Repair"),
    "payment": ("电费缴纳便利性（含线上渠道）", "Convenience of payment, online channels included"),
    "fault": ("故障处理及时性", "Fault handling"),
}
DIMENSIONS = {
    "Reliability": ("信赖度（言出必行、始终如一）", "Reliability"),
    "Assurance": ("专业度", "Assurance and competence of staff"),
    "Tangibles": ("有形度", "Tangibles"),
    "Empathy": ("同理度", "Empathy"),
    "Responsiveness": ("反应度", "Responsiveness"),
}
GROUPS = {
    "east": ("东部沿海及长三角经济区", "Eastern coast and the Yangtze delta economic area"),
    "north": ("北部", "North"),
    "region": ("地区", "Region"),
    "us": ("本企业", "Our company"),
    "rival": ("主要竞争者", "The main competitor"),
    "no_staff": ("员工答卷", "answers of front-line staff"),
    "no_standards": ("服务标准", "service standards"),
}
LABELS = {k: {"zh": zh, "en": en} for part in (INDICATORS, DIMENSIONS, GROUPS) for k, (zh, en) in part.items()}
AXIS = {"zh": "满意度指数（按理论量程换算为 0–100）", "en": "Satisfaction index (0–100 by the theoretical ends of the scale)"}


def indicators() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"indicator": list(INDICATORS), "construct": np.repeat(list(DIMENSIONS)[:4], 2)})
    frame["importance"], frame["performance"] = rng.uniform(3.4, 4.7, 8), rng.uniform(3.3, 4.6, 8)
    frame["importance_std_error"], frame["performance_std_error"], frame["correlation"] = 0.05, 0.06, 0.3
    frame["share"] = rng.uniform(0.5, 1, 8)
    frame["expectation"], frame["perception"], frame["adequate"] = frame.importance, frame.performance, 3.1
    for name in ("expectation", "perception"):
        frame[f"{name}_ci_low"], frame[f"{name}_ci_high"] = frame[name] - 0.1, frame[name] + 0.1
    frame["gap"] = frame.perception - frame.expectation
    frame["ci_low"], frame["ci_high"] = frame.gap - 0.1, frame.gap + 0.1
    frame.loc[3, ["perception", "perception_ci_low", "gap"]] = np.nan
    return frame


def many(n: int = 34) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {"indicator": [f"q{i}" for i in range(n)], "importance": rng.normal(0.3, 0.07, n), "performance": rng.normal(86, 4, n)}
    )


def estimates() -> pd.DataFrame:
    frame = pd.DataFrame({"segment": "region", "group": ["east", "north"], "estimate": [74.2, 71.3], "n": [1500, 29]})
    return frame.assign(ci_low=frame.estimate - 2, ci_high=frame.estimate + 2)


#: Nine constructs and sixteen paths, more than any template has.
LARGE = [
    *(("Image", t) for t in ("Expectation", "Satisfaction", "Loyalty")),
    *(("Expectation", t) for t in ("Product", "Service", "Value")),
    *((s, t) for s in ("Product", "Service") for t in ("Value", "Satisfaction")),
    *(("Satisfaction", t) for t in ("Trust", "Complaints", "Loyalty")),
    *(("Value", "Satisfaction"), ("Trust", "Loyalty"), ("Complaints", "Loyalty")),
]
LARGE_LABELS = {
    "Product": {"zh": "产品质量感知", "en": "Perceived product quality"},
    "Service": {"zh": "服务质量感知", "en": "Perceived service quality"},
    "Trust": {"zh": "信任", "en": "Trust"},
}
MODELS = (*TEMPLATES, "large")


def model_frames(name: str) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, object]]:
    model = template("ecsi" if name == "large" else name)
    labels = {k: v["label"] for k, v in model.constructs.items()} | (LARGE_LABELS if name == "large" else {})
    paths = LARGE if name == "large" else model.paths
    rng = np.random.default_rng(1)
    rows = [
        {"source": s, "target": t, "estimate": rng.uniform(-0.4, 0.8), "p_value": rng.choice([1e-4, 0.02, 0.3])} for s, t in paths
    ]
    names = [k for k in labels if any(k in path for path in paths)]
    return pd.DataFrame(rows), pd.DataFrame({"construct": names, "index": 71.24, "r_squared": 0.512}), labels


def path_drawing(name: str, lang: str) -> Drawing:
    paths, constructs, labels = model_frames(name)
    return path_diagram(paths, constructs=constructs, labels=labels, lang=lang, target="Satisfaction")


def _quadrant(lang: str) -> Drawing:
    frame = indicators()
    rivals = pd.DataFrame({"indicator": frame.indicator, "competitor": "rival", "performance": frame.performance + 0.1})
    return quadrant(frame, labels=LABELS, lang=lang, cut=(4.1, 4.0), competitors=rivals, diagonal=(0, 1))


def _compare(lang: str) -> Drawing:
    parts = [indicators().assign(series=s, estimate=70.0 + i) for i, s in enumerate(("us", "rival"))]
    return intervals(pd.concat(parts), labels=LABELS, lang=lang, key="indicator", series="series", axis_label=AXIS[lang])


def _five(lang: str) -> Drawing:
    frame = pd.DataFrame(
        {
            "gap": [1, 2, 3, 4, 5],
            "estimate": [-0.31, np.nan, np.nan, 0.05, -0.62],
            "missing": ["", "no_standards", "no_staff+no_standards", "", ""],
        }
    )
    return five_gaps(frame.assign(ci_low=frame.estimate - 0.1, ci_high=frame.estimate + 0.1), labels=LABELS, lang=lang)


def _rollup(lang: str) -> Drawing:
    frame = pd.DataFrame(
        {"unit": ["east", "us", "rival"], "parent": ["", "east", "east"], "estimate": [75.0, 77, 73], "share": [np.nan, 0.5, 0.5]}
    )
    return rollup(frame, labels=LABELS, lang=lang, axis_label=AXIS[lang])


def _waterfall(lang: str) -> Drawing:
    frame = pd.DataFrame({"construct": list(INDICATORS), "change": [0.4, -0.3, 2.2, 0.9, -0.1, 0, np.nan, 0.1]})
    return waterfall(frame, start=(72.1, "2012"), end=(75.3, "2013"), labels=LABELS, lang=lang, axis_label=AXIS[lang])


def _trend(lang: str) -> Drawing:
    frame = pd.DataFrame({"wave": ["2012", "2013", "2014"], "estimate": [72.1, np.nan, 75.9]})
    frame = frame.assign(ci_low=frame.estimate - 1, ci_high=frame.estimate + 1)
    return trend(frame, labels={}, lang=lang, targets=[(77.0, LABELS["east"])], axis_label=AXIS[lang])


def _ranks(lang: str) -> Drawing:
    frame = pd.DataFrame({"construct": list(DIMENSIONS), "customers_rank": [1, 3, 5, 4, 2], "company_rank": [2, 3, 1, 4, 4]})
    sides = {"left": "customers_rank", "right": "company_rank", "left_label": LABELS["us"], "right_label": LABELS["rival"]}
    return rank_slopes(frame, labels=LABELS, lang=lang, **sides)


def _shares(lang: str) -> Drawing:
    frame = pd.DataFrame({"indicator": list(INDICATORS), "a": 0.5, "b": 0.45, "c": 0.05})
    return stacked_shares(frame, labels=LABELS, lang=lang, columns={"a": LABELS["us"], "b": LABELS["rival"], "c": LABELS["east"]})


def _diverging(lang: str) -> Drawing:
    frame = indicators()[["construct", "indicator"]].assign(a=0.02, b=0.05, c=0.2, d=0.4, e=0.33, top=0.73)
    grades = {c: c for c in "abcde"}
    totals = {"top": LABELS["us"]}
    return diverging_bars(frame, labels=LABELS, lang=lang, grades=grades, group_by="construct", totals=totals, axis_label="x")


def _radar(lang: str) -> Drawing:
    frame = pd.DataFrame(
        {"construct": list(DIMENSIONS), "expectation": [4.5, 4.4, 4.3, 4.2, 4.6], "perception": [4.0, 4.1, 4.2, 3.8, 3.7]}
    )
    return radar(frame, labels=LABELS, lang=lang)


DRAWINGS: dict[str, Callable[[str], Drawing]] = {
    "quadrant": _quadrant,
    "quadrant_many": lambda lang: quadrant(
        many(), labels={f"q{i}": LABELS["payment"] for i in range(34)}, lang=lang, cut=(0.3, 86.0)
    ),
    "impact_map": lambda lang: quadrant(indicators(), labels=LABELS, lang=lang, cut=None, axis_labels=(AXIS[lang], AXIS[lang])),
    "gap_profile": lambda lang: gap_profile(indicators(), labels=LABELS, lang=lang),
    "gap_bars": lambda lang: gap_bars(indicators(), labels=LABELS, lang=lang, sort=True),
    "radar": _radar,
    "five_gaps": _five,
    "intervals": lambda lang: intervals(
        estimates(),
        labels=LABELS,
        lang=lang,
        group_by="segment",
        overall=(73.0, LABELS["us"]),
        targets=[(85.0, LABELS["east"])],
        sort=True,
    ),
    "compare": _compare,
    "stacked_shares": _shares,
    "diverging": _diverging,
    "rollup": _rollup,
    "trend": _trend,
    "waterfall": _waterfall,
    "rank_slopes": _ranks,
    **{f"path_{name}": (lambda lang, name=name: path_drawing(name, lang)) for name in MODELS},
}
