"""Make answers.csv and truth.yml of the software study: ``python data/software/make_data.py [folder]``.

Customers, managers and front-line staff of a vendor of construction-cost software, asked about the five RATER dimensions.
Nobody published the answers; these are simulated from a model with known parameters (truth.yml) so that what was published
(published.yml) comes out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from csr_lib.core.model import Construct, Model
from csr_lib.simulate import Margin, Population, careless, draw, durations, leave_out, return_times

SEED = 7
HERE = Path(__file__).parent

#: dimension -> indicator -> means on the scale from 1 to 7:
#: customers' expectation, perception, distance from the expected to the least acceptable level, the rival's rating, importance;
#: management's belief about customers' expectation, importance in management's eyes; staff's perception of delivery
INDICATORS = {
    "Reliability": {
        "accuracy": (6.55, 5.95, 0.90, 5.75, 6.60, 6.45, 6.20, 6.20),
        "security": (6.50, 5.05, 1.00, 5.45, 6.50, 5.95, 5.70, 5.85),
        "stability": (6.40, 5.55, 1.05, 5.40, 6.40, 6.15, 5.90, 5.80),
        "delivery": (6.20, 5.45, 1.15, 5.35, 6.05, 5.90, 5.55, 5.95),
    },
    "Responsiveness": {
        "upgrades": (6.30, 4.85, 1.20, 5.30, 6.10, 5.70, 5.35, 5.75),
        "after_sales": (6.40, 4.90, 1.15, 5.25, 6.30, 5.75, 5.30, 5.70),
        "hotline": (6.10, 5.35, 1.30, 5.20, 5.90, 5.80, 5.20, 5.80),
        "solving": (6.30, 5.40, 1.20, 5.35, 6.25, 5.85, 5.45, 5.75),
    },
    "Assurance": {
        "training": (6.05, 4.70, 1.35, 5.10, 5.80, 5.60, 5.35, 5.45),
        "knowledge": (6.15, 5.55, 1.20, 5.30, 6.00, 6.20, 5.95, 6.10),
        "norms": (6.25, 5.60, 1.10, 5.65, 6.05, 6.25, 6.10, 6.05),
        "courtesy": (5.85, 5.75, 1.40, 5.45, 5.45, 6.10, 5.90, 6.20),
    },
    "Empathy": {
        "ease": (6.20, 4.60, 1.25, 5.15, 6.00, 5.65, 5.50, 5.40),
        "business": (5.75, 5.15, 1.45, 4.95, 5.55, 5.60, 5.45, 5.65),
        "contact": (5.35, 5.05, 1.60, 4.80, 5.00, 5.70, 5.60, 5.75),
        "tailoring": (5.50, 4.80, 1.55, 4.75, 5.20, 5.40, 5.30, 5.35),
    },
    "Tangibles": {
        "interface": (5.65, 5.35, 1.45, 5.20, 5.30, 6.15, 6.25, 5.90),
        "manuals": (5.50, 5.00, 1.50, 4.95, 5.05, 5.85, 5.95, 5.60),
        "offices": (4.85, 5.25, 1.70, 4.95, 4.35, 5.95, 6.15, 5.95),
        "brand": (5.40, 5.75, 1.50, 5.35, 5.00, 6.40, 6.50, 6.25),
    },
}
#: standardised path of each dimension into overall satisfaction
WEIGHTS = {"Reliability": 0.32, "Responsiveness": 0.27, "Assurance": 0.12, "Empathy": 0.16, "Tangibles": 0.04}
CORRELATIONS = {
    ("Reliability", "Responsiveness"): 0.58,
    ("Reliability", "Assurance"): 0.55,
    ("Reliability", "Empathy"): 0.46,
    ("Reliability", "Tangibles"): 0.40,
    ("Responsiveness", "Assurance"): 0.64,
    ("Responsiveness", "Empathy"): 0.60,
    ("Responsiveness", "Tangibles"): 0.36,
    ("Assurance", "Empathy"): 0.57,
    ("Assurance", "Tangibles"): 0.45,
    ("Empathy", "Tangibles"): 0.48,
}
#: how groups of customers differ, in sd: (column, value) -> construct -> shift
DIFFERENCES = {
    ("trade", "consultant"): {"Reliability": 0.15, "Responsiveness": -0.15, "expecting": 0.20},
    ("trade", "owner"): {"Empathy": -0.20, "expecting": -0.10},
    ("years", "new"): {"Assurance": -0.25, "Empathy": -0.20},
}
TRADES = {"contractor": 0.48, "consultant": 0.27, "owner": 0.16, "designer": 0.09}
CUSTOMERS, MANAGERS, STAFF = 308, 24, 61
LEAST_SECONDS = 90  # = cleaning.speeder of study.yml
KEYS = [key for group in INDICATORS.values() for key in group]
NUMBER = {key: f"{i:02d}" for i, key in enumerate(KEYS, 1)}


def means(column: int) -> dict[str, float]:
    """Return one column of INDICATORS, indicator -> mean."""
    return {key: about[column] for group in INDICATORS.values() for key, about in group.items()}


def items(letter: str, column: int, sds: tuple[float, float], low: int = 1) -> dict[str, Margin]:
    """Return item -> margin for one kind of rating; the further from the top a mean lies, the more the ratings spread."""
    at = means(column)
    top, bottom = max(at.values()), min(at.values())
    spread = {k: sds[0] + (sds[1] - sds[0]) * (top - m) / (top - bottom) for k, m in at.items()}
    return {f"{letter}{NUMBER[k]}": Margin.of(at[k], spread[k], low, 7) for k in KEYS}


def loadings(margins: dict[str, Margin], low: float, high: float) -> dict[str, float]:
    """Return item -> loading, unequal as they are in a questionnaire, running through the range again and again."""
    steps = np.linspace(low, high, 7)
    return {name: float(steps[(3 * i) % 7]) for i, name in enumerate(margins)}


def customers() -> Population:
    """Return what is true of customers: dimensions drive satisfaction, satisfaction and the rival drive loyalty."""
    perception = items("P", 1, (0.95, 1.35))
    expectation = items("E", 0, (0.65, 1.15))
    distance = items("D", 2, (0.85, 0.75), low=0)
    rival = items("R", 3, (0.95, 1.20))
    importance = items("I", 4, (0.65, 1.20))
    intent = {
        "overall": Margin.of(5.15, 1.20, 1, 7),
        "again": Margin.of(3.75, 0.95, 1, 5),
        "recommend": Margin.of(7.1, 2.1, 0, 10),
    }
    dimensions = [Construct(name, tuple(f"P{NUMBER[k]}" for k in group)) for name, group in INDICATORS.items()]
    model = Model(
        (
            *dimensions,
            Construct("expecting", tuple(expectation)),
            Construct("tolerance", tuple(distance)),
            Construct("rival", tuple(rival)),
            Construct("demands", tuple(importance)),
            Construct("satisfaction", ("overall",)),
            Construct("loyalty", ("again", "recommend")),
        ),
        (
            *((name, "satisfaction") for name in WEIGHTS),
            ("expecting", "satisfaction"),
            ("tolerance", "satisfaction"),
            ("demands", "satisfaction"),
            ("satisfaction", "loyalty"),
            ("rival", "loyalty"),
        ),
        "satisfaction",
    )
    return Population.from_model(
        model,
        paths={(name, "satisfaction"): w for name, w in WEIGHTS.items()}
        | {("expecting", "satisfaction"): -0.12, ("tolerance", "satisfaction"): 0.06, ("demands", "satisfaction"): 0.0}
        | {("satisfaction", "loyalty"): 0.66, ("rival", "loyalty"): -0.22},
        loadings=loadings(perception, 0.66, 0.86)
        | loadings(expectation, 0.48, 0.72)
        | loadings(distance, 0.40, 0.60)
        | loadings(rival, 0.55, 0.75)
        | loadings(importance, 0.42, 0.66)
        | {"overall": 0.92, "again": 0.80, "recommend": 0.84},
        margins=perception | expectation | distance | rival | importance | intent,
        correlations=CORRELATIONS
        | {(name, "expecting"): 0.12 for name in WEIGHTS}
        | {(name, "rival"): 0.30 for name in WEIGHTS}
        | {("expecting", "demands"): 0.35, ("expecting", "rival"): 0.10, ("expecting", "tolerance"): 0.10},
    )


def company(letters: dict[str, dict[str, Margin]], common: float) -> Population:
    """Return what is true of managers or staff: ratings of one kind share a leniency, different kinds share none."""
    names = [name for margins in letters.values() for name in margins]
    r = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for margins in letters.values():
        strength = np.array(list(loadings(margins, common - 0.15, common + 0.15).values()))
        block = np.outer(strength, strength)
        np.fill_diagonal(block, 1.0)
        r.loc[list(margins), list(margins)] = block
    return Population.from_correlation(r, {k: m for margins in letters.values() for k, m in margins.items()})


def customer_rows(people: Population, rng: np.random.Generator) -> pd.DataFrame:
    """Return the customers' answers."""
    n = CUSTOMERS
    who = pd.DataFrame({"trade": rng.choice(list(TRADES), n, p=list(TRADES.values()))})
    who["using"] = np.clip(np.round(rng.gamma(2.2, 2.4, n)), 0, 18).astype(int)
    shift = pd.DataFrame(0.0, index=who.index, columns=[*INDICATORS, "expecting"])
    for (column, value), change in DIFFERENCES.items():
        here = who["trade"] == value if column == "trade" else who["using"] < 2
        for construct, size in change.items():
            shift.loc[here, construct] += size
    drawn = draw(people, n, rng, shift).answers
    adequate = pd.DataFrame({f"A{NUMBER[k]}": np.maximum(drawn[f"E{NUMBER[k]}"] - drawn[f"D{NUMBER[k]}"], 1) for k in KEYS})
    answers = pd.concat([drawn.drop(columns=[f"D{NUMBER[k]}" for k in KEYS]), adequate], axis=1)
    answers, kind = careless(
        answers, rng, share=0.02, straight=0.5, columns=[c for c in answers if c not in ("overall", "again", "recommend")]
    )
    grid = [f"{letter}{NUMBER[k]}" for letter in "EAPI" for k in KEYS]
    answers = leave_out(answers, rng, share=0.014, skippers=0.12, columns=grid)
    rival = [f"R{NUMBER[k]}" for k in KEYS]
    knows = pd.Series(rng.random(n) < 0.61)
    answers[rival] = answers[rival].astype("Int64").where(knows, pd.NA)  # only those who know the rival rate it
    other = np.where(rng.random(n) < 0.3, "竞品B", "")
    brands = [
        "┋".join(b for b in ("本公司", "竞品A" if k and r < 0.55 else "", o) if b)
        for k, r, o in zip(knows, rng.random(n), other, strict=True)
    ]
    return pd.concat([who, answers], axis=1).assign(
        who="客户", brands=brands, seconds=durations(kind, rng, median=980, least=LEAST_SECONDS)
    )


def main(folder: Path = HERE) -> None:
    """Write answers.csv (UTF-8 with a byte-order mark, which Excel needs to show Chinese) and truth.yml."""
    rng = np.random.default_rng(SEED)
    people = customers()
    rows = [customer_rows(people, rng)]
    belief = {f"M{k[1:]}": m for k, m in items("M", 5, (0.60, 0.80)).items()}
    for role, n, letters, median in (
        ("管理者", MANAGERS, {"M": belief, "I": items("I", 6, (0.65, 0.95))}, 420),
        ("员工", STAFF, {"P": items("P", 7, (0.75, 1.0))}, 260),
    ):
        answers = draw(company(letters, 0.5), n, rng).answers
        seconds = durations(pd.Series([""] * n), rng, median=median, least=LEAST_SECONDS)
        rows.append(answers.assign(who=role, seconds=seconds))
    out = pd.concat(rows, ignore_index=True)
    out["finished"] = ""
    for letter, role in (("C", "客户"), ("M", "管理者"), ("S", "员工")):
        here = out["who"] == role
        out.loc[here, "finished"] = (
            return_times(int(here.sum()), rng, "2014-05-12", 21).dt.strftime("%Y-%m-%d %H:%M:%S").to_numpy()
        )
        out.loc[here, "id"] = [f"{letter}{i:03d}" for i in range(1, int(here.sum()) + 1)]
    ratings = [f"{letter}{NUMBER[k]}" for letter in "EAPRIM" for k in KEYS] + ["overall", "again", "recommend"]
    out[["using", *ratings]] = out[["using", *ratings]].astype("Int64")
    out = out[["id", "who", "trade", "using", "brands", *ratings, "seconds", "finished"]]
    out.to_csv(folder / "answers.csv", index=False, encoding="utf-8-sig", lineterminator="\n")
    columns = (
        "expectation",
        "perception",
        "tolerance",
        "competitor",
        "importance",
        "management_expectation",
        "management_importance",
        "staff",
    )
    facts = {
        "means": {k: dict(zip(columns, about, strict=True)) for group in INDICATORS.values() for k, about in group.items()},
        **{k: people.truth[k] for k in ("paths", "total_effects", "r2", "loadings")},
        "differences_in_sd": {f"{column}={value}": change for (column, value), change in DIFFERENCES.items()},
    }
    text = yaml.safe_dump(facts, allow_unicode=True, sort_keys=False, width=130)
    (folder / "truth.yml").write_text(
        "# What is true of the population behind answers.csv; written by make_data.py.\n" + text, "utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
