"""Make answers.csv and truth.yml of the power study: ``python data/power/make_data.py [folder]``.

Electricity customers of two years. Nobody published the answers; these are simulated so that the published figures
(published.yml) come out, from a model with known weights that truth.yml keeps.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from csr_lib.core.model import Construct, Model
from csr_lib.simulate import Margin, Population, careless, draw, durations, leave_out, nudge, return_times

SEED = 8
HERE = Path(__file__).parent

#: key -> (perception mean, sd, stated importance mean, sd, weight in overall satisfaction, change from 2012 to 2013 in sd)
INDICATORS = {
    "safety": (8.55, 1.35, 9.30, 0.95, 0.10, 0.10),
    "stability": (7.55, 1.75, 9.20, 1.05, 0.20, 0.22),
    "hall": (8.35, 1.45, 7.25, 1.80, 0.05, 0.12),
    "communication": (7.10, 1.90, 7.90, 1.60, 0.19, 0.18),
    "hotline": (8.15, 1.60, 7.65, 1.75, 0.06, 0.10),
    "repair": (7.90, 1.70, 9.00, 1.10, 0.14, 0.20),
    "payment": (7.42, 1.90, 7.60, 1.70, 0.08, 0.15),
    "fault": (7.72, 1.75, 8.80, 1.20, 0.15, 0.22),
}
SUPPLY = ("safety", "stability", "repair", "fault")  # these hang together, and so do the other four
#: pairs that go together more, or less, than others of their block
CLOSE = {
    ("repair", "fault"): 0.70,
    ("stability", "fault"): 0.62,
    ("communication", "hotline"): 0.63,
    ("hall", "payment"): 0.61,
    ("safety", "hall"): 0.36,
    ("stability", "payment"): 0.36,
    ("hotline", "repair"): 0.50,
}
SATISFIED = {"2012": 0.82, "2013": 0.88}  # published
RETURNED = {"2012": 486, "2013": 517}
REGIONS = {1: 0.46, 2: 0.31, 3: 0.23}
TYPES = {1: 0.70, 2: 0.19, 3: 0.11}
#: how regions and customer types differ, in sd: (column, code) -> indicator -> shift
DIFFERENCES = {
    ("region", 3): {"stability": -0.25, "repair": -0.20, "payment": -0.15},
    ("region", 1): {"communication": 0.08},
    ("type", 3): {"stability": -0.30, "communication": 0.20, "fault": -0.15},
    ("type", 2): {"payment": -0.15},
}
LEAST_SECONDS = 75  # = cleaning.speeder of study.yml
COMMENTS = (
    "希望停电前提前通知",
    "缴费点太少，老人不会用手机缴费",
    "抢修很快，谢谢",
    "电压不稳，夏天空调带不动",
    "95598 接通快，但问题转了几次",
    "营业厅排队时间长",
    "故障修好以后没有人回访",
    "没有意见",
)


def population() -> Population:
    """Return what is true in 2012: the eight perceptions drive overall satisfaction with the weights above."""
    keys = list(INDICATORS)
    perception = {k: f"P{i}" for i, k in enumerate(keys, 1)}
    importance = {k: f"I{i}" for i, k in enumerate(keys, 1)}
    model = Model(
        (
            *(Construct(k, (perception[k],)) for k in keys),
            Construct("demands", tuple(importance.values())),
            Construct("satisfaction", ("overall",)),
        ),
        (*((k, "satisfaction") for k in keys), ("demands", "satisfaction")),
        "satisfaction",
    )
    correlations = {
        (a, b): CLOSE.get((a, b), 0.56 if (a in SUPPLY) == (b in SUPPLY) else 0.42)
        for i, a in enumerate(keys)
        for b in keys[i + 1 :]
    }
    correlations |= {(k, "demands"): 0.12 for k in keys}
    margins = {perception[k]: Margin.of(v[0], v[1]) for k, v in INDICATORS.items()}
    margins |= {importance[k]: Margin.of(v[2], v[3]) for k, v in INDICATORS.items()}
    margins["overall"] = Margin((0.008, 0.030, 0.142, 0.530, 0.290))
    return Population.from_model(
        model,
        paths={(k, "satisfaction"): v[4] for k, v in INDICATORS.items()} | {("demands", "satisfaction"): 0.0},
        loadings=dict.fromkeys(perception.values(), 1.0) | dict.fromkeys(importance.values(), 0.62) | {"overall": 1.0},
        margins=margins,
        correlations=correlations,
    )


def year(wave: str, people: Population, rng: np.random.Generator) -> tuple[pd.DataFrame, int]:
    """Return the answers of one year and how many answers were moved to meet the published share."""
    n = RETURNED[wave]
    region = rng.choice(list(REGIONS), n, p=list(REGIONS.values()))
    kind = rng.choice(list(TYPES), n, p=list(TYPES.values()))
    shifts = pd.DataFrame(0.0, index=range(n), columns=list(INDICATORS))
    if wave == "2013":
        shifts += [v[5] for v in INDICATORS.values()]
    for (column, code), change in DIFFERENCES.items():
        for key, size in change.items():
            shifts.loc[(region if column == "region" else kind) == code, key] += size
    sample = draw(people, n, rng, shifts)
    items = [c for c in sample.answers if c != "overall"]
    answers, manner = careless(sample.answers, rng, share=0.022, columns=items)
    seconds = durations(manner, rng, median=245, least=LEAST_SECONDS)
    complained = rng.random(n) < 1 / (1 + np.exp(2.2 + 1.1 * sample.scores["satisfaction"]))
    answers = leave_out(
        answers, rng, share=0.018, skippers=0.12, columns=items, driver=pd.Series(kind == 1).astype(int), ratio=1.6
    )
    answers = leave_out(answers, rng, share=0.006, skippers=0.006, columns=["overall", "I8"])
    kept = seconds >= LEAST_SECONDS
    answers, moved = nudge(
        answers,
        ["overall"],
        lambda frame: float((frame.loc[kept, "overall"].dropna() >= 4).mean()),
        SATISFIED[wave],
        rng,
        low=1,
        high=5,
        rows=kept,
        only=[3, 4],
    )
    comment = np.where(rng.random(n) < 0.09, rng.choice(COMMENTS, n), "")
    out = pd.DataFrame({"id": [f"{wave[2:]}{i:04d}" for i in range(1, n + 1)], "year": wave, "region": region, "type": kind})
    out = pd.concat([out, answers], axis=1).assign(
        complained=complained.astype(int),
        comment=comment,
        seconds=seconds,
        finished=return_times(n, rng, f"{wave}-09-03", 24).dt.strftime("%Y-%m-%d %H:%M:%S"),
    )
    again = int(rng.choice(np.flatnonzero(manner == "")))  # one respondent pressed "submit" twice
    return pd.concat([out.iloc[: again + 1], out.iloc[again:]], ignore_index=True), moved


def main(folder: Path = HERE) -> None:
    """Write answers.csv (UTF-8 with a byte-order mark, which Excel needs to show Chinese) and truth.yml."""
    rng = np.random.default_rng(SEED)
    people = population()
    years, moved = zip(*(year(wave, people, rng) for wave in RETURNED), strict=True)
    pd.concat(years, ignore_index=True).to_csv(folder / "answers.csv", index=False, encoding="utf-8-sig", lineterminator="\n")
    truth = {
        "weights": {k: v[4] for k, v in INDICATORS.items()},
        "change_in_sd": {k: v[5] for k, v in INDICATORS.items()},
        "r2": people.truth["r2"]["satisfaction"],
        "means_2012": {k: {"perception": v[0], "importance": v[2]} for k, v in INDICATORS.items()},
        "construct_correlation": people.truth["construct_correlation"],
        "answers_moved_to_meet_published_shares": dict(zip(RETURNED, moved, strict=True)),
    }
    text = yaml.safe_dump(truth, allow_unicode=True, sort_keys=False, width=130)
    (folder / "truth.yml").write_text(
        "# What is true of the population behind answers.csv; written by make_data.py.\n" + text, "utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
