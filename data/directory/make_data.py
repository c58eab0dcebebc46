"""Make answers.csv and truth.yml of the directory study: ``python data/directory/make_data.py [folder]``.

Callers of a number-inquiry hotline, asked at three places in Shenyang. Nobody published the answers; these are simulated so that
the published figures (published.yml) come out: the correlation of the two sums, and the regression of satisfaction on them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from csr_lib.simulate import Margin, Population, draw, durations, leave_out, return_times, tune

SEED = 7
HERE = Path(__file__).parent

#: item -> (shares of the grades 1 to 5, how closely it goes with its dimension)
ATTITUDE = {
    "polite": ((0.09, 0.21, 0.22, 0.35, 0.13), 0.87),
    "manner": ((0.14, 0.22, 0.20, 0.32, 0.12), 0.91),
    "mandarin": ((0.07, 0.20, 0.27, 0.38, 0.08), 0.80),
}
QUALITY = {
    "waiting": ((0.15, 0.24, 0.22, 0.34, 0.05), 0.80),
    "efficiency": ((0.10, 0.22, 0.26, 0.34, 0.08), 0.88),
    "answer": ((0.09, 0.18, 0.25, 0.37, 0.11), 0.85),
    "connection": ((0.14, 0.23, 0.23, 0.33, 0.07), 0.77),
    "call": ((0.06, 0.17, 0.29, 0.41, 0.07), 0.72),
    "content": ((0.08, 0.20, 0.29, 0.36, 0.07), 0.83),
}
OUTCOMES = {
    "overall": (0.10, 0.22, 0.19, 0.27, 0.22),
    "again": (0.10, 0.18, 0.21, 0.33, 0.18),
    "recommend": (0.13, 0.20, 0.25, 0.29, 0.13),
}
#: how the two dimensions and the three outcomes hang together, latent and standardised
TOGETHER = pd.DataFrame(
    [
        [1.00, 0.895, 0.575, 0.52, 0.52],
        [0.895, 1.00, 0.658, 0.60, 0.60],
        [0.575, 0.658, 1.00, 0.66, 0.62],
        [0.52, 0.60, 0.66, 1.00, 0.72],
        [0.52, 0.60, 0.62, 0.72, 1.00],
    ],
    index=["attitude", "quality", *OUTCOMES],
    columns=["attitude", "quality", *OUTCOMES],
)

# ---- published
R_SUMS, R, INTERCEPT, B_ATTITUDE, B_QUALITY, INDEX = 0.787, 0.596, 0.656, 0.038, 0.123, 0.5725
ISSUED = {"station": 170, "street": 180, "hall": 150}
RETURNED = {"station": 161, "street": 170, "hall": 149}
VALID = {"station": 142, "street": 151, "hall": 137}

#: first day in the field and how long it lasted, by place; the service hall began late
FIELD = {"station": ("2008-10-10", 12), "street": ("2008-10-10", 12), "hall": ("2008-10-14", 10)}
LEAST_SECONDS = 60  # = cleaning.speeder of study.yml
#: what is wrong with the questionnaires that are not valid, and how many there are of each kind
FABRICATED, STRAIGHT, NEVER_CALLED = 15, 18, 17
TWICE = 2
#: how places and ages differ, in sd of an item
DIFFERENCES = {
    ("place", "hall"): {"polite": 0.18, "manner": 0.20, "content": 0.15, "answer": 0.12},
    ("place", "station"): {"waiting": -0.22, "connection": -0.15},
    ("old", True): {"efficiency": -0.18, "mandarin": -0.12, "again": 0.20},
}


def population() -> Population:
    """Return what is true: nine ratings and three outcomes on latent normal variables."""
    owner = {**dict.fromkeys(ATTITUDE, "attitude"), **dict.fromkeys(QUALITY, "quality"), **{o: o for o in OUTCOMES}}
    load = {**{k: v[1] for k, v in (ATTITUDE | QUALITY).items()}, **dict.fromkeys(OUTCOMES, 1.0)}
    names = list(owner)
    together = TOGETHER.to_dict()
    r = pd.DataFrame(
        [[1.0 if a == b else load[a] * load[b] * together[owner[b]][owner[a]] for b in names] for a in names], names, names
    )
    margins = {k: Margin(v[0]) for k, v in (ATTITUDE | QUALITY).items()} | {k: Margin(v) for k, v in OUTCOMES.items()}
    return Population.from_correlation(r, margins)


def people(place: npt.NDArray[np.object_], rng: np.random.Generator) -> pd.DataFrame:
    """Return who was asked: place, sex, age in years, education, occupation, income."""
    n = len(place)
    age = np.clip(np.round(20 + 50 * rng.beta(1.25, 2.0, n)), 20, 70).astype(int)
    age[rng.choice(n, 2, replace=False)] = (20, 70)  # the published range
    education = np.array([rng.choice(4, p=(0.24, 0.34, 0.35, 0.07) if a < 45 else (0.42, 0.37, 0.19, 0.02)) for a in age]) + 1
    occupation = np.where(age < 24, rng.choice([1, 2, 3, 4], n, p=(0.6, 0.2, 0.1, 0.1)), rng.choice([2, 3, 4, 5], n))
    occupation = np.where((age > 56) & (rng.random(n) < 0.75), 6, occupation)
    income = np.clip(np.round(1.6 + 0.45 * (education - 1) + 0.9 * rng.standard_normal(n)), 1, 4).astype(int)
    return pd.DataFrame(
        {
            "place": place,
            "sex": rng.choice([1, 2], n, p=(0.47, 0.53)),
            "age": age,
            "education": education,
            "occupation": occupation,
            "income": income,
        }
    )


def valid_answers(who: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, int]:
    """Return the answers of the valid questionnaires and how many were moved to meet the published regression."""
    truth = population()
    shifts = pd.DataFrame(0.0, index=who.index, columns=list(truth.correlation.columns))
    for (trait, value), change in DIFFERENCES.items():
        here = (who["age"] >= 50) if trait == "old" else (who[trait] == value)
        for item, size in change.items():
            shifts.loc[here, item] += size
    answers = draw(truth, len(who), rng, shifts, exact=True).answers
    services = [*ATTITUDE, *QUALITY]
    skipped = rng.choice(
        len(who), 6, replace=False
    )  # left overall satisfaction open: 57.25 % of 424 answers, of 430 it cannot be
    asked = np.ones(len(who), dtype=bool)
    asked[skipped] = False

    def loss(values: npt.NDArray[np.float64]) -> float:
        """The worst distance from a published figure, in halves of its last printed digit; no straight lines."""
        x = np.column_stack([values[:, :3].sum(axis=1), values[:, 3:9].sum(axis=1)])
        y = values[asked, 9]
        if (np.ptp(values[:, :9], axis=1) == 0).any():
            return np.inf
        design = np.column_stack([np.ones(asked.sum()), x[asked]])
        b = np.linalg.lstsq(design, y, rcond=None)[0]
        multiple = np.corrcoef(design @ b, y)[0, 1]
        found = (np.corrcoef(x.T)[0, 1], multiple, *b, (y.mean() - 1) / 4)
        wanted = ((R_SUMS, 0.0005), (R, 0.0005), (INTERCEPT, 0.0005), (B_ATTITUDE, 0.0005), (B_QUALITY, 0.0005), (INDEX, 0.00005))
        return float(max(abs(f - w) / half for f, (w, half) in zip(found, wanted, strict=True)))

    start = answers[[*services, "overall"]].to_numpy(dtype=float, copy=True)
    line = np.ptp(start[:, :9], axis=1) == 0  # honest, yet nine times the same: the cleaning rule could not tell
    start[line, 0] += np.where(start[line, 0] < 5, 1, -1)
    tuned, moved = tune(start, loss, rng, 1, 5, enough=0.9, together=3)
    answers = answers.assign(**{name: tuned[:, i].astype(int) for i, name in enumerate([*services, "overall"])})
    answers = leave_out(answers, rng, share=0.035, skippers=0.07, columns=["again", "recommend"])
    return answers.assign(overall=answers["overall"].astype("Int64").mask(~asked)), moved + int(line.sum())


def outliers(x: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Tell which values lie beyond 1.5 interquartile ranges from the quartiles; NaN does not."""
    low, high = np.quantile(x[~np.isnan(x)], (0.25, 0.75))
    return (x < low - 1.5 * (high - low)) | (x > high + 1.5 * (high - low))


def seat(who: pd.DataFrame, answers: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the traits, some exchanged within place and age class, so that no box plot by a trait has outliers, as published."""
    a = answers.astype("Float64")
    sums = [a[list(items)].sum(axis=1, skipna=False) for items in (ATTITUDE, QUALITY)]
    values = np.column_stack([v.to_numpy(dtype=float, na_value=np.nan) for v in (*sums, a["overall"])])
    old = (who["age"] >= 50).to_numpy()
    traits = (
        who.assign(age=pd.cut(who["age"], [0, 29, 39, 49, 59, 99], labels=False)).apply(lambda t: t.factorize()[0]).to_numpy()
    )

    def outlying(order: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        found = np.zeros(values.shape, dtype=bool)
        for trait in traits[order].T:
            for group in range(trait.max() + 1):
                here = trait == group
                for column in range(values.shape[1]):
                    found[here, column] |= outliers(values[here, column])
        return found

    order = np.arange(len(who))
    out = outlying(order)
    for _ in range(2000):
        if not out.any():
            return who.iloc[order].reset_index(drop=True)
        one = rng.choice(np.flatnonzero(out.any(axis=1)))
        other = rng.choice(np.flatnonzero((traits[:, 0] == traits[one, 0]) & (old == old[one])))
        tried = order.copy()
        tried[[one, other]] = order[[other, one]]
        then = outlying(tried)
        if then.sum() <= out.sum():
            order, out = tried, then
    raise RuntimeError(f"{out.sum()} outliers are left; try another seed")


def bad_answers(who: pd.DataFrame, kind: npt.NDArray[np.object_], rng: np.random.Generator) -> pd.DataFrame:
    """Return what careless, made-up and unentitled questionnaires say."""
    answers = draw(population(), len(who), rng).answers
    made_up, straight = kind == "fabricated", kind == "straight"
    answers.loc[made_up, :] = rng.integers(1, 6, (made_up.sum(), answers.shape[1]))
    answers.loc[straight, :] = rng.choice([3, 4, 5], straight.sum(), p=(0.5, 0.35, 0.15))[:, None]
    return answers.astype("Int64")


def times(places: npt.NDArray[np.object_], rng: np.random.Generator) -> pd.Series:
    """Return when each questionnaire was handed in, by place."""
    out = pd.Series(pd.NaT, index=range(len(places)), dtype="datetime64[ns]")
    for place, (start, days) in FIELD.items():
        here = np.flatnonzero(places == place)
        out.iloc[here] = rng.permutation(return_times(len(here), rng, start, days).to_numpy())
    return out


def main(folder: Path = HERE) -> None:
    """Write answers.csv (UTF-8 with a byte-order mark, which Excel needs to show Chinese) and truth.yml."""
    rng = np.random.default_rng(SEED)
    good = people(rng.permutation(np.repeat(list(VALID), list(VALID.values()))), rng)
    answers, moved = valid_answers(good, rng)
    good = seat(good, answers, rng)
    spoilt = {p: RETURNED[p] - VALID[p] for p in RETURNED}
    places = np.repeat(list(spoilt), list(spoilt.values()))  # the made-up ones all come from one place
    kind = np.array(["fabricated"] * FABRICATED + ["straight"] * STRAIGHT + ["never"] * NEVER_CALLED, dtype=object)
    bad = people(places, rng)
    rows = pd.concat(
        [pd.concat([good, answers], axis=1), pd.concat([bad, bad_answers(bad, kind, rng)], axis=1)], ignore_index=True
    )
    kind = np.concatenate([np.full(len(good), "", dtype=object), kind])
    hasty = np.where(kind == "fabricated", kind, "")
    rows["called"] = np.where(kind == "never", 0, 1)
    rows["seconds"] = durations(pd.Series(hasty), rng, median=225, least=LEAST_SECONDS, hasty=1.0)
    rows["finished"] = times(rows["place"].to_numpy(), rng)
    burst = pd.Timestamp(FIELD["station"][0]) + pd.Timedelta(days=9, hours=20, minutes=41)
    made_up = np.flatnonzero(kind == "fabricated")
    rows.loc[made_up, "finished"] = burst + pd.to_timedelta(np.cumsum(rng.integers(38, 75, len(made_up))), unit="s")
    rows = rows.sort_values("finished", kind="stable").reset_index(drop=True)
    rows.insert(0, "id", [f"D{i:03d}" for i in range(1, len(rows) + 1)])
    rows["finished"] = rows["finished"].dt.strftime("%Y-%m-%d %H:%M:%S")
    again = np.sort(rng.choice(np.flatnonzero(rows["called"] == 1), TWICE, replace=False))  # entered twice
    rows = rows.loc[np.sort(np.concatenate([np.arange(len(rows)), again]))]
    rows.to_csv(folder / "answers.csv", index=False, encoding="utf-8-sig", lineterminator="\n")
    truth = {
        "regression_on_sums": {"intercept": INTERCEPT, "Attitude": B_ATTITUDE, "Quality": B_QUALITY},
        "latent_correlation": {name: row.to_dict() for name, row in TOGETHER.iterrows()},
        "loadings": {k: v[1] for k, v in (ATTITUDE | QUALITY).items()},
        "differences_in_sd": [{"trait": t, "value": v, **change} for (t, v), change in DIFFERENCES.items()],
        "not_valid": {"fabricated": FABRICATED, "straight_line": STRAIGHT, "never_called": NEVER_CALLED, "entered_twice": TWICE},
        "answers_moved_to_meet_published_figures": moved,
    }
    text = yaml.safe_dump(truth, allow_unicode=True, sort_keys=False, width=130)
    (folder / "truth.yml").write_text(
        "# What is true of the population behind answers.csv; written by make_data.py.\n" + text, "utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
