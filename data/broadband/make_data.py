"""Make answers.csv, operations.csv and truth.yml of the broadband study: ``python data/broadband/make_data.py [folder]``.

Installation and repair by appointment, eighteen months. Nobody published the answers or the orders; these are simulated so that
the published figures (published.yml) come out in 2012, before a service programme that is simulated from January 2013 on.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from csr_lib.core.model import Construct, Model
from csr_lib.simulate import Margin, Population, careless, draw, durations, leave_out, nudge

SEED = 24
HERE = Path(__file__).parent

MONTHS = tuple(str(m) for m in pd.period_range("2012-01", "2013-06", freq="M"))
BEFORE = 12  # months before the programme; the published figures are theirs
#: construct -> items with (mean, sd) in 2012, and its weight in satisfaction
CONSTRUCTS: dict[str, tuple[dict[str, tuple[float, float]], float]] = {
    "Appointment": ({"booking": (7.4, 1.8), "punctual": (6.9, 2.1)}, 0.34),
    "Timeliness": ({"install_speed": (7.0, 2.0), "repair_speed": (6.7, 2.1)}, 0.26),
    "Visit": ({"skill": (8.1, 1.5), "attitude": (8.4, 1.4), "callback": (7.2, 2.0)}, 0.16),
    "Quality": ({"network": (7.5, 1.7), "speed": (7.1, 1.9), "stability": (7.3, 1.8)}, 0.20),
}
RIVAL = {"network": (7.7, 1.6), "speed": (7.4, 1.8), "stability": (7.5, 1.7)}
#: level of the service that customers expect, on the same scale
EXPECTED = {
    "booking": (8.0, 1.5),
    "punctual": (8.9, 1.2),
    "install_speed": (8.2, 1.5),
    "repair_speed": (8.8, 1.3),
    "skill": (8.3, 1.4),
    "attitude": (8.3, 1.4),
    "callback": (7.1, 1.9),
}
LEAD = 5.5  # sd of Appointment per unit of the kept-appointment rate of the month before
DISTRICTS = {1: 0.45, 2: 0.33, 3: 0.22}
LEAST_SECONDS = 60
#: published: of the dissatisfied, because of lateness; of the complaints, about lateness; quality against the main competitor
LATE_REASON, LATE_COMPLAINTS, QUALITY_GAP = 0.347, 0.5061, -2.4
REASONS = {1: None, 2: 0.27, 3: 0.21, 4: 0.17}  # 1 lateness; 2 network, 3 price, 4 staff, else 5
COMPLAINTS = {"2012": 164, "2013": 47}  # tickets in a year; 83 of 164 are 50.61 %
LATE = {"2012": 83, "2013": 17}
ORDERS = 98  # a month, on average


def kept_rates(rng: np.random.Generator) -> np.ndarray:
    """Return the true share of appointments kept, month by month: unsteady in 2012, better from 2013 on, worse in the last."""
    wave = np.empty(len(MONTHS))
    wave[0] = 0.0
    for t in range(1, len(wave)):
        wave[t] = 0.25 * wave[t - 1] + rng.normal(0, 0.085)
    trend = np.where(np.arange(len(MONTHS)) < BEFORE, 0.76, 0.84)
    return np.clip(trend + wave, 0.5, 0.97)


def population() -> Population:
    """Return what is true in a month of 2012 with an average rate of kept appointments."""
    model = Model(
        (*(Construct(c, tuple(items)) for c, (items, _) in CONSTRUCTS.items()), Construct("Satisfaction", ("overall",))),
        tuple((c, "Satisfaction") for c in CONSTRUCTS),
        "Satisfaction",
    )
    names = list(CONSTRUCTS)
    margins = {i: Margin.of(*moments) for items, _ in CONSTRUCTS.values() for i, moments in items.items()}
    margins["overall"] = Margin((0.035, 0.085, 0.20, 0.44, 0.24))
    return Population.from_model(
        model,
        paths={(c, "Satisfaction"): weight for c, (_, weight) in CONSTRUCTS.items()},
        loadings={i: 0.80 for items, _ in CONSTRUCTS.values() for i in items} | {"overall": 1.0},
        margins=margins,
        correlations={(a, b): 0.45 for k, a in enumerate(names) for b in names[k + 1 :]},
    )


def month(t: int, people: Population, kept: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return the answers of one month; what happened in the month before is felt now."""
    n = int(rng.integers(92, 112))
    last = t == len(MONTHS) - 1
    service = rng.choice([1, 2], n, p=[0.42, 0.58] if last else [0.60, 0.40])
    district = rng.choice(list(DISTRICTS), n, p=list(DISTRICTS.values()))
    shifts = pd.DataFrame(0.0, index=range(n), columns=list(CONSTRUCTS))
    shifts["Appointment"] += LEAD * (kept[max(t - 1, 0)] - 0.76)
    shifts["Timeliness"] += 0.30 * (t >= BEFORE)
    shifts.loc[service == 2, ["Appointment", "Timeliness"]] -= 0.45
    shifts.loc[district == 3, "Timeliness"] -= 0.25
    if last:
        shifts["Timeliness"] -= 1.0
    sample = draw(people, n, rng, shifts)
    items = [c for c in sample.answers if c != "overall"]
    answers, manner = careless(sample.answers, rng, share=0.02, columns=items)
    for item, (mean, sd) in RIVAL.items():
        own = (sample.answers[item] - CONSTRUCTS["Quality"][0][item][0]) / CONSTRUCTS["Quality"][0][item][1]
        answers[f"R_{item}"] = Margin.of(mean, sd).grade(0.35 * own + np.sqrt(1 - 0.35**2) * rng.standard_normal(n))
    answers = leave_out(answers, rng, share=0.012, skippers=0.10, columns=[c for c in answers if c != "overall"])
    dissatisfied = answers["overall"] <= 2
    complained = rng.random(n) < np.where(dissatisfied, 0.42, 0.03)
    day = pd.Timestamp(f"{MONTHS[t]}-01") + pd.to_timedelta(rng.integers(18, 27, n), unit="D")
    times = day + pd.to_timedelta(rng.integers(8 * 3600, 21 * 3600, n), unit="s")
    out = pd.DataFrame({"id": [f"{MONTHS[t][2:4]}{MONTHS[t][5:]}{i:03d}" for i in range(1, n + 1)], "month": MONTHS[t]})
    out = out.assign(service=service, district=district)
    return pd.concat([out, answers], axis=1).assign(
        reason="",
        complained=complained.astype(int),
        seconds=durations(manner, rng, median=190, least=LEAST_SECONDS),
        finished=pd.Series(times).dt.strftime("%Y-%m-%d %H:%M:%S"),
    )


def name_reasons(answers: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Let the dissatisfied say why, so that in 2012 the published share names lateness among those who count."""
    out = answers.copy()
    first = out["month"].isin(MONTHS[:BEFORE])
    for part, late in ((first, LATE_REASON), (~first, 0.26)):
        rows = rng.permutation(np.flatnonzero(part & (out["overall"] <= 2) & (out["seconds"] >= LEAST_SECONDS)))
        n = len(rows)
        while abs(round(late * n) / n - late) > 0.0004 and part is first:  # one of them does not say why
            n -= 1
        count = round(late * n)
        others = rng.choice([2, 3, 4, 5], n - count, p=[0.38, 0.26, 0.22, 0.14])
        out.iloc[rows[:n], out.columns.get_loc("reason")] = ["1"] * count + [str(o) for o in others]
    return out


def expect(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the answers with the expected levels: some customers expect more of everything, all a little more where they got it.

    They have random numbers of their own, so that all other answers are what they would be without.
    """
    rng = np.random.default_rng([SEED, 1])
    demanding = rng.standard_normal(len(answers))
    asked = {}
    for item, (mean, sd) in EXPECTED.items():
        got = answers[item].astype(float)
        got = ((got - got.mean()) / got.std()).fillna(0.0).to_numpy()
        own = np.sqrt(1 - 0.6**2 - 0.2**2) * rng.standard_normal(len(answers))
        asked[f"E_{item}"] = Margin.of(mean, sd).grade(0.6 * demanding + 0.2 * got + own)
    expected = leave_out(pd.DataFrame(asked), rng, share=0.012, skippers=0.08, columns=list(asked))
    place = answers.columns.get_loc("reason")
    return pd.concat([answers.iloc[:, :place], expected, answers.iloc[:, place:]], axis=1)


def orders(t: int, kept: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return the orders of one month: when opened, appointed, dispatched, done and called back."""
    n = int(rng.poisson(ORDERS))
    first, after = pd.Timestamp(f"{MONTHS[t]}-01"), t >= BEFORE
    last = t == len(MONTHS) - 1
    days = first.days_in_month
    opened = np.sort(rng.uniform(0, days * 24 - 1, n))  # hours since the first of the month
    repair = rng.random(n) < (0.55 if last else 0.42)
    kind = np.where(
        repair, rng.choice(["line", "modem", "account"], n, p=[0.5, 0.3, 0.2]), rng.choice(["new", "move"], n, p=[0.7, 0.3])
    )
    needs = rng.random(n) < 0.93
    appointed = needs & (rng.random(n) < (0.95 if after else 0.86))
    wait = rng.gamma(1.6, (5.0 if after else 8.5), n)  # hours until an appointment is made
    made = opened + wait
    dispatched = made + rng.gamma(1.5, 2.0, n)
    contacted = dispatched + rng.gamma(1.4, (0.16 if after else 0.28), n)
    late_contact = contacted - dispatched > 0.5
    timely = appointed & (wait <= 24) & ~late_contact
    was_kept = appointed & (rng.random(n) < kept[t])
    fast = 0.78 if after else 1.0
    slow = np.where(kind == "line", 1.45, np.where(kind == "account", 0.45, 1.0)) * (1.75 if last else 1.0)
    took = np.where(
        repair, rng.gamma(1.5, 4.6, n) * slow * fast, rng.gamma(3.2, 20.0, n) * np.where(kind == "move", 1.15, 0.94) * fast
    )
    took = took * np.where(was_kept | ~appointed, 1.0, 1.35)
    done = (
        np.maximum(opened + took, contacted + 0.3)
        if not repair.any()
        else np.where(repair, opened + took, np.maximum(opened + took, contacted + 0.5))
    )
    person = rng.random(n) < 0.4
    called = done + np.where(person, rng.gamma(1.8, 14.0, n), rng.gamma(1.3, 0.06, n))
    still = done > days * 24 + 96  # not finished when the file was written: only in the last month

    def at(hours: np.ndarray, there: Any) -> pd.Series:
        stamps = pd.Series(first + pd.to_timedelta((hours * 60).round(), unit="min")).dt.strftime("%Y-%m-%d %H:%M")
        return stamps.where(pd.Series(there), "")

    everyone = np.ones(n, dtype=bool)
    finished = ~(still & last)
    return pd.DataFrame(
        {
            "order": [f"{MONTHS[t][2:4]}{MONTHS[t][5:]}-{i:03d}" for i in range(1, n + 1)],
            "type": np.where(repair, "repair", "install"),
            "kind": kind,
            "district": rng.choice(list(DISTRICTS), n, p=list(DISTRICTS.values())),
            "opened": at(opened, everyone),
            "needs": needs.astype(int),
            "appointed": np.where(needs, appointed.astype(int).astype(str), ""),
            "timely": np.where(needs, timely.astype(int).astype(str), ""),
            "kept": np.where(appointed, was_kept.astype(int).astype(str), ""),
            "made": at(made, appointed),
            "dispatched": at(dispatched, appointed),
            "contacted": at(contacted, appointed),
            "done": at(done, finished),
            "by": np.where(finished, np.where(person, "person", "auto"), ""),
            "called": at(called, finished),
            "about": "",
        }
    )


def complaints(rng: np.random.Generator) -> pd.DataFrame:
    """Return the complaints: as many a year as published shares need, spread over its months."""
    rows = []
    for year, total in COMPLAINTS.items():
        months = [m for m in MONTHS if m.startswith(year)]
        about = rng.permutation(
            ["late"] * LATE[year] + list(rng.choice(["network", "price", "staff"], total - LATE[year], p=[0.5, 0.3, 0.2]))
        )
        for i, (m, subject) in enumerate(zip(rng.choice(months, total), about, strict=True), 1):
            opened = pd.Timestamp(f"{m}-01") + pd.Timedelta(minutes=int(rng.integers(0, 27 * 24 * 60)))
            solved = opened + pd.Timedelta(minutes=int(rng.gamma(2.0, 11.0 if year == "2012" else 8.0) * 60))
            rows.append(
                {
                    "order": f"C{year[2:]}-{i:03d}",
                    "type": "complaint",
                    "opened": opened.strftime("%Y-%m-%d %H:%M"),
                    "done": solved.strftime("%Y-%m-%d %H:%M"),
                    "about": subject,
                }
            )
    return pd.DataFrame(rows)


def spoil(records: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Put in what real records have: four orders done before they were opened, one time that is none."""
    out = records.copy()
    finished = np.flatnonzero((out["done"] != "") & (out["type"] == "repair"))
    for row in rng.choice(finished, 4, replace=False):
        opened = pd.Timestamp(out["opened"].iloc[row])
        out.iloc[row, out.columns.get_loc("done")] = (opened - pd.Timedelta(hours=3)).strftime("%Y-%m-%d %H:%M")
    out.iloc[int(rng.choice(finished)), out.columns.get_loc("called")] = "无人接听"
    return out


def main(folder: Path = HERE) -> None:
    """Write answers.csv, operations.csv (both UTF-8 with a byte-order mark, which Excel needs) and truth.yml."""
    rng = np.random.default_rng(SEED)
    people, kept = population(), kept_rates(rng)
    answers = pd.concat([month(t, people, kept, rng) for t in range(len(MONTHS))], ignore_index=True)
    counts = (answers["seconds"] >= LEAST_SECONDS) & answers["month"].isin(MONTHS[:BEFORE])

    def points(frame: pd.DataFrame, prefix: str) -> float:
        return float(
            (frame.loc[counts, [f"{prefix}{i}" for i in RIVAL]].astype(float).mean(axis=1).dropna().mean() - 1) / 9 * 100
        )

    rival = points(answers, "") - QUALITY_GAP
    answers, moved = nudge(answers, [f"R_{i}" for i in RIVAL], lambda f: points(f, "R_"), rival, rng, low=1, high=10, rows=counts)
    answers = expect(name_reasons(answers, rng))
    answers.to_csv(folder / "answers.csv", index=False, encoding="utf-8-sig", lineterminator="\n")
    records = (
        pd.concat([*(orders(t, kept, rng) for t in range(len(MONTHS))), complaints(rng)], ignore_index=True)
        .astype(object)
        .fillna("")
    )
    records["sort"] = pd.to_datetime(records["opened"])
    records = records.sort_values("sort", kind="stable").drop(columns="sort")
    for column in ("needs", "district"):
        records[column] = records[column].map(lambda v: "" if v == "" else str(int(v)))
    spoil(records, rng).to_csv(folder / "operations.csv", index=False, encoding="utf-8-sig", lineterminator="\n")
    truth = {
        "kept_rate": {m: round(float(k), 4) for m, k in zip(MONTHS, kept, strict=True)},
        "kept_rate_leads_satisfaction_by_months": 1,
        "weights": {c: weight for c, (_, weight) in CONSTRUCTS.items()},
        "repair_customers_in_sample": {"2012-01 to 2013-05": 0.40, "2013-06": 0.58},
        "shift_of_repair_customers_in_sd": -0.45,
        "timeliness_in_the_last_month_in_sd": -1.0,
        "expected_level": {item: mean for item, (mean, _) in EXPECTED.items()},
        "records_with_times_going_backwards": 4,
        "answers_moved_to_meet_the_quality_gap": moved,
    }
    text = yaml.safe_dump(truth, allow_unicode=True, sort_keys=False, width=130)
    (folder / "truth.yml").write_text(
        "# What is true of the population behind the two files; written by make_data.py.\n" + text, "utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
