"""Make answers.csv and truth.yml of the mobile study: ``python data/mobile/make_data.py [folder]``.

Telephone users in four quarters of 2002, judged by the TCSI model. Nobody published the answers; these are simulated from a
path model with known coefficients (truth.yml) so that the published indexes (published.yml) come out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.optimize import bisect

from csr_lib.core.model import Construct, template
from csr_lib.simulate import Margin, Population, careless, draw, durations, leave_out, nudge, return_times, stratify
from csr_lib.stats.moments import moments
from csr_lib.stats.pls import pls

SEED = 2002
HERE = Path(__file__).parent

#: construct -> item -> (loading, mean, sd); means and sds are those of mobile users in the first quarter
ITEMS = {
    "Image": {"IMAG1": (0.83, 7.95, 1.55), "IMAG2": (0.76, 7.70, 1.70), "IMAG3": (0.66, 7.45, 1.85), "IMAG4": (0.72, 7.25, 1.90)},
    "Expectation": {"EXPE1": (0.80, 8.05, 1.45), "EXPE2": (0.72, 7.85, 1.65), "EXPE3": (0.62, 7.40, 1.90)},
    "Quality": {
        "QUAL1": (0.84, 7.90, 1.45),
        "QUAL2": (0.76, 7.55, 1.75),
        "QUAL3": (0.70, 7.05, 2.05),
        "QUAL4": (0.73, 7.95, 1.60),
        "QUAL5": (0.68, 7.30, 1.95),
        "QUAL6": (0.63, 6.85, 2.15),
    },
    "Value": {"VALU1": (0.86, 6.75, 1.90), "VALU2": (0.81, 7.05, 1.80), "VALU3": (0.70, 6.40, 2.15)},
    "Satisfaction": {"SATI1": (0.88, 8.05, 1.45), "SATI2": (0.82, 7.80, 1.65), "SATI3": (0.79, 7.60, 1.75)},
    "Complaints": {"COMP1": (0.78, 2.85, 1.95), "COMP2": (0.82, 3.25, 2.10), "COMP3": (0.66, 2.20, 1.65)},
    "Loyalty": {"LOYA1": (0.84, 7.75, 1.95), "LOYA2": (0.80, 7.55, 2.05), "LOYA3": (0.58, 6.35, 2.40)},
}
PATHS = {
    ("Image", "Satisfaction"): 0.20,
    ("Expectation", "Satisfaction"): 0.06,
    ("Quality", "Satisfaction"): 0.42,
    ("Value", "Satisfaction"): 0.26,
    ("Satisfaction", "Complaints"): -0.52,
    ("Satisfaction", "Loyalty"): 0.68,
}
CORRELATIONS = {
    ("Image", "Expectation"): 0.52,
    ("Image", "Quality"): 0.62,
    ("Image", "Value"): 0.46,
    ("Expectation", "Quality"): 0.50,
    ("Expectation", "Value"): 0.34,
    ("Quality", "Value"): 0.55,
}
WAVES = {"2002Q1": "2002-03-04", "2002Q2": "2002-06-03", "2002Q3": "2002-09-02", "2002Q4": "2002-12-02"}
#: what changed from quarter to quarter, in standard deviations of the construct; in the third the networks were overloaded
CHANGES = {
    "2002Q1": {},
    "2002Q2": {"Quality": 0.05, "Image": 0.03},
    "2002Q3": {"Quality": -0.42, "Value": -0.06},
    "2002Q4": {"Quality": 0.06, "Value": 0.05, "Image": 0.05},
}
#: company -> (industry, share of all users, share of the sample)
COMPANIES = {
    "fixed_a": ("fixed", 0.215, 0.26),
    "fixed_b": ("fixed", 0.163, 0.23),
    "mobile_a": ("mobile", 0.417, 0.29),
    "mobile_b": ("mobile", 0.205, 0.22),
}
#: province -> (share of all users, share of the sample); in Ningxia one or two questionnaires per company and quarter
PROVINCES = {
    "广东": (0.22, 0.18),
    "江苏": (0.17, 0.16),
    "四川": (0.16, 0.15),
    "河北": (0.145, 0.14),
    "湖北": (0.125, 0.14),
    "辽宁": (0.10, 0.12),
    "陕西": (0.07, 0.11),
    "宁夏": (0.01, 0.0),
}
TIERS = {"key": 0.06, "business": 0.20, "public": 0.74}
#: how groups differ, in standard deviations: (column, value) -> construct -> shift
DIFFERENCES = {
    ("industry", "fixed"): {"Quality": 0.30, "Value": 0.36, "Image": 0.18, "Expectation": 0.10},
    ("company", "mobile_b"): {"Value": 0.10, "Quality": -0.34, "Image": -0.15},
    ("company", "fixed_b"): {"Quality": -0.22, "Image": -0.12},
    ("province", "广东"): {"Expectation": 0.15, "Quality": -0.08},
    ("province", "陕西"): {"Value": -0.18, "Quality": -0.12},
    ("province", "江苏"): {"Quality": 0.12},
    ("tier", "key"): {"Quality": 0.25, "Image": 0.15},
    ("tier", "business"): {"Value": -0.12},
}
PER_WAVE = 503
PUBLISHED = {"fixed": 79.9, "mobile": 76.2}
LEAST_SECONDS = 120  # = cleaning.speeder of study.yml
SATISFACTION = list(ITEMS["Satisfaction"])
MODEL = template("tcsi").fill({name: Construct(name, tuple(items)) for name, items in ITEMS.items()})


def population() -> Population:
    """Return what is true of mobile users in the first quarter."""
    return Population.from_model(
        MODEL,
        PATHS,
        {key: about[0] for items in ITEMS.values() for key, about in items.items()},
        {key: Margin.of(about[1], about[2]) for items in ITEMS.values() for key, about in items.items()},
        CORRELATIONS,
    )


def fielded(rng: np.random.Generator) -> pd.DataFrame:
    """Return who was asked: wave, company, industry, sector, province, tier, age and case weight."""
    parts = []
    for number, wave in enumerate(WAVES):
        few = 1 + number % 2
        strata = pd.DataFrame(
            [
                {
                    "company": company,
                    "industry": industry,
                    "sector": "telecom",
                    "province": province,
                    "share": users * size,
                    "n": round(PER_WAVE * sampled * part) if part else few,
                }
                for company, (industry, users, sampled) in COMPANIES.items()
                for province, (size, part) in PROVINCES.items()
            ]
        )
        parts.append(stratify(strata).assign(wave=wave).sample(frac=1, random_state=rng))
    people = pd.concat(parts, ignore_index=True)
    people["tier"] = rng.choice(list(TIERS), len(people), p=list(TIERS.values()))
    people["age"] = np.clip(np.round(18 + rng.gamma(2.6, 8.0, len(people))), 18, 79).astype(int)
    people["weight"] = people["weight"].round(4)
    return people


def shifts(people: pd.DataFrame) -> pd.DataFrame:
    """Return how far every respondent's constructs lie from those of mobile users in the first quarter."""
    out = pd.DataFrame(0.0, index=people.index, columns=list(ITEMS))
    for wave, change in CHANGES.items():
        for construct, size in change.items():
            out.loc[people["wave"] == wave, construct] += size
    for (column, value), change in DIFFERENCES.items():
        for construct, size in change.items():
            out.loc[people[column] == value, construct] += size
    return out


def index(answers: pd.DataFrame, weight: pd.Series, rows: pd.Series, kept: pd.Series) -> float:
    """Return the satisfaction index of `rows`, 0-100, with the item weights of the model of all `kept` respondents."""
    whole, part = (moments(answers[here].astype(float), weight[here]) for here in (kept, kept & rows))
    estimate = pls(whole, MODEL, limits=(1, 10))
    return float(estimate.index_of(part.mean)[MODEL.names.index("Satisfaction")])


def answered(people: pd.DataFrame, level: dict[str, float]) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Return answers, kind of respondent and seconds where the satisfaction of every industry is moved by its `level` (in sd).

    The random numbers are the same every time, so that only `level` makes a difference.
    """
    rng = np.random.default_rng([SEED, 1])
    moved = shifts(people)
    moved["Satisfaction"] += people["industry"].map(level)
    answers, kind = careless(draw(population(), len(people), rng, moved).answers, rng, share=0.017)
    older = (people["age"] >= 35).astype(int)
    answers = leave_out(answers, rng, share=0.021, skippers=0.11, driver=older, ratio=1.5)
    return answers, kind, durations(kind, rng, median=520, least=LEAST_SECONDS)


def levels(people: pd.DataFrame) -> dict[str, float]:
    """Return the level of satisfaction, in sd, at which each industry's index comes near the published one."""
    found = dict.fromkeys(PUBLISHED, 0.0)
    for industry, target in PUBLISHED.items():

        def miss(value: float, industry: str = industry, target: float = target) -> float:
            answers, _, seconds = answered(people, found | {industry: value})
            return index(answers, people["weight"], people["industry"] == industry, seconds >= LEAST_SECONDS) - target

        found[industry] = round(bisect(miss, -0.5, 0.8, xtol=2e-3), 4)
    return found


def main(folder: Path = HERE) -> None:
    """Write answers.csv (UTF-8 with a byte-order mark, which Excel needs to show Chinese) and truth.yml."""
    rng = np.random.default_rng(SEED)
    people = fielded(rng)
    level = levels(people)
    answers, kind, seconds = answered(people, level)
    kept = seconds >= LEAST_SECONDS
    moves = {}
    for industry, target in PUBLISHED.items():
        here = people["industry"] == industry
        answers, moves[industry] = nudge(
            answers,
            SATISFACTION,
            lambda frame, here=here: index(frame, people["weight"], here, kept),
            target,
            rng,
            low=1,
            high=10,
            rows=here & kept,
        )
    out = pd.concat([people[["wave", "company", "industry", "sector", "province", "tier", "age", "weight"]], answers], axis=1)
    out["seconds"] = seconds
    out["finished"] = ""
    for wave, start in WAVES.items():
        here = people["wave"] == wave
        out.loc[here, "finished"] = return_times(int(here.sum()), rng, start, 19).dt.strftime("%Y-%m-%d %H:%M:%S").to_numpy()
    number = out.groupby("wave").cumcount() + 1
    out.insert(0, "id", out["wave"].str[2:] + "-" + number.astype(str).str.zfill(4))
    twice = rng.choice(np.flatnonzero(kind == ""), 3, replace=False)  # sent in twice
    out = pd.concat([out, out.iloc[twice]]).sort_index(kind="stable")
    out.to_csv(folder / "answers.csv", index=False, encoding="utf-8-sig", lineterminator="\n")
    facts = {
        **population().truth,
        "changes_in_sd": CHANGES,
        "differences_in_sd": {f"{column}={value}": change for (column, value), change in DIFFERENCES.items()},
        "satisfaction_level_in_sd": {k: round(v, 4) for k, v in level.items()},
        "answers_moved_to_meet_published_indexes": moves,
    }
    text = yaml.safe_dump(facts, allow_unicode=True, sort_keys=False, width=130)
    (folder / "truth.yml").write_text(
        "# What is true of the population behind answers.csv; written by make_data.py.\n" + text, "utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
