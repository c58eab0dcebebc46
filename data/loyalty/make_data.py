"""Make answers.csv and truth.yml of the loyalty study: ``python data/loyalty/make_data.py [folder]``.

Customers in four markets, from fiercely competitive retail to a fixed-line telephone that is nearly a monopoly. No figures were
published about them, only shapes (published.yml): how loyalty follows satisfaction where there is choice, and where there is
none. The answers are drawn from the curves below, which have those shapes; every respondent's expected loyalty is a known
function of the market and of satisfaction.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from csr_lib.simulate import Margin, Population, careless, draw, durations, leave_out, return_times, stratify

SEED = 14
HERE = Path(__file__).parent
Values = npt.NDArray[np.float64]

#: item -> (mean, sd, loading on how well the customer feels served); 1–10
RATINGS = {
    "quality": (7.4, 1.75, 0.80),
    "staff": (7.6, 1.70, 0.72),
    "ease": (7.1, 2.00, 0.66),
    "solved": (6.7, 2.15, 0.70),
    "price": (6.3, 2.05, 0.52),
    "overall": (7.3, 1.95, 0.86),
}
#: market -> powers of satisfaction (0–1) and what each adds to expected loyalty, 0–100
CURVES: dict[str, dict[int, float]] = {
    "retail": {0: 16, 1: 14, 6: 58},
    "card": {0: 24, 1: 20, 5: 42},
    "airline": {0: 32, 1: 42, 2: 8},
    "telecom": {0: 76, 1: 6},
}
#: the same for the chance of still being a customer a year later
STAYING: dict[str, dict[int, float]] = {
    "retail": {0: 0.32, 1: 0.10, 5: 0.58},
    "card": {0: 0.45, 1: 0.18, 4: 0.32},
    "airline": {0: 0.62, 1: 0.32},
    "telecom": {0: 0.965, 1: 0.015},
}
#: the same for recommending, 0–100: it follows satisfaction in every market, since it needs no alternative
RECOMMENDING = {0: 12.0, 1: 70.0, 4: 12.0}
#: how far the customers' mood about each market is from the mean of all, in sd of satisfaction
MOOD = {"retail": 0.12, "card": 0.05, "airline": 0.0, "telecom": -0.30}
#: how far respondents scatter about the curve (0–100), all items of loyalty together, and each by itself
SCATTER, ITEM_SCATTER = 15.0, 9.0
#: item of loyalty -> how much lower or higher it is answered than their mean (0–100)
LOYALTY = {"stay": 6.0, "first": 0.0, "premium": -6.0}
#: contribution in yuan a year: median by tier, factor by market, spread of its logarithm
REVENUE = {"key": 9000.0, "general": 2400.0}
SIZE = {"retail": 1.0, "card": 0.6, "airline": 1.8, "telecom": 0.5}
SPREAD = 0.55

#: market, tier, share of the customers of all four markets (each a quarter), interviews
STRATA = [
    ("retail", "key", 0.05, 130),
    ("retail", "general", 0.20, 290),
    ("card", "key", 0.04, 110),
    ("card", "general", 0.21, 270),
    ("airline", "key", 0.06, 130),
    ("airline", "general", 0.19, 240),
    ("telecom", "key", 0.03, 90),
    ("telecom", "general", 0.22, 280),
]
LEAST_SECONDS = 60  # = cleaning.speeder of study.yml
TWICE = 3


def curve(powers: dict[int, float], satisfaction: Values) -> Values:
    """Return Σ coefficient · satisfaction^power, for satisfaction from 0 to 1."""
    return np.sum([c * satisfaction**k for k, c in powers.items()], axis=0)


def population() -> Population:
    """Return what is true of the ratings: one factor behind them, graded 1 to 10."""
    names = list(RATINGS)
    load = {k: v[2] for k, v in RATINGS.items()}
    r = pd.DataFrame([[1.0 if a == b else load[a] * load[b] for b in names] for a in names], names, names)
    return Population.from_correlation(r, {k: Margin.of(v[0], v[1]) for k, v in RATINGS.items()})


def graded(percent: Values, low: int, high: int) -> npt.NDArray[np.int64]:
    """Return answers on a scale of whole numbers from values on 0–100, cut off at its ends."""
    return np.clip(np.round(low + percent / 100 * (high - low)), low, high).astype(np.int64)


def people(rng: np.random.Generator) -> pd.DataFrame:
    """Return who was asked: market, tier, case weight, region, years with the company."""
    out = stratify(pd.DataFrame(STRATA, columns=["market", "tier", "share", "n"]))
    out["weight"] = out["weight"].round(4)
    out = out.iloc[rng.permutation(len(out))].reset_index(drop=True)
    n = len(out)
    out["region"] = rng.choice(["north", "east", "south"], n, p=[0.3, 0.4, 0.3])
    out["years"] = np.minimum(np.round(rng.gamma(1.8, 2.6, n), 0), 25).astype(int)
    return out


def followed(who: pd.DataFrame, overall: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """Return what follows from satisfaction: loyalty, recommendation, staying, and what the customer is worth."""
    s = (overall.to_numpy(dtype=float) - 1) / 9
    n = len(who)
    markets = who["market"].to_numpy()
    loyal, staying = (np.zeros(n) for _ in range(2))
    for market in CURVES:
        here = markets == market
        loyal[here], staying[here] = curve(CURVES[market], s[here]), curve(STAYING[market], s[here])
    own = rng.standard_normal(n)  # what makes a customer more or less loyal than satisfaction says
    narrow = np.where(markets == "telecom", 0.6, 1.0)
    out = pd.DataFrame(index=who.index)
    for item, shift in LOYALTY.items():
        out[item] = graded(loyal + shift + narrow * (SCATTER * own + ITEM_SCATTER * rng.standard_normal(n)), 1, 10)
    out["recommend"] = graded(curve(RECOMMENDING, s) + 14 * rng.standard_normal(n), 0, 10)
    chance = np.clip(staying + 0.06 * narrow * own * (markets != "telecom"), 0.02, 0.99)
    out["kept"] = (rng.random(n) < chance).astype(int)
    spread = np.exp(SPREAD * rng.standard_normal(n) + 0.12 * own)
    out["revenue"] = np.round(who["tier"].map(REVENUE) * who["market"].map(SIZE) * spread, -1).astype(int)
    return out


def main(folder: Path = HERE) -> None:
    """Write answers.csv (UTF-8 with a byte-order mark, which Excel needs to show Chinese) and truth.yml."""
    rng = np.random.default_rng(SEED)
    who = people(rng)
    shifts = pd.DataFrame({"overall": who["market"].map(MOOD)})
    drawn = draw(population(), len(who), rng, shifts).answers
    answers = drawn.join(followed(who, drawn["overall"], rng))
    rated = [*RATINGS, *LOYALTY]
    answers, kind = careless(answers, rng, share=0.014, columns=rated)
    answers = leave_out(answers, rng, share=0.02, skippers=0.06, columns=[*RATINGS, *LOYALTY, "recommend"])
    seconds = durations(kind, rng, median=240, least=LEAST_SECONDS)
    when = return_times(len(who), rng, "2014-05-12", 19).dt.strftime("%Y-%m-%d %H:%M:%S").to_numpy()
    out = pd.concat([who, answers], axis=1).assign(seconds=seconds, finished=when)
    out.insert(0, "id", [f"L{i + 1:04d}" for i in range(len(out))])
    again = rng.choice(np.flatnonzero(kind == ""), TWICE, replace=False)  # sent in twice
    out = pd.concat([out, out.iloc[again]]).sort_index(kind="stable")
    out.to_csv(folder / "answers.csv", index=False, encoding="utf-8-sig", lineterminator="\n")
    grades = np.arange(10) / 9
    facts: dict[str, Any] = {
        "loyalty_by_grade": {m: [round(float(v), 2) for v in curve(p, grades)] for m, p in CURVES.items()},
        "staying_by_grade": {m: [round(float(v), 4) for v in curve(p, grades)] for m, p in STAYING.items()},
        "recommending_by_grade": [round(float(v), 2) for v in curve(RECOMMENDING, grades)],
        "mood_in_sd": MOOD,
        "careless": {k: int((kind == k).sum()) for k in ("straight", "random")},
    }
    head = (
        "# What is true of the population behind answers.csv; written by make_data.py.\n"
        "# Loyalty, staying and recommending by grade of overall satisfaction, 1 to 10.\n"
    )
    (folder / "truth.yml").write_text(head + yaml.safe_dump(facts, allow_unicode=True, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
