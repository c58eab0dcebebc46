"""Make answers.csv, operations.csv and truth.yml of the steel study: ``python data/steel/make_data.py [folder]``.

A steel mill and its customers, graded strategic, key, general or potential anew every half year, asked six times. The source
describes the procedure and prints no figures; the answers and the records are simulated from what truth.yml keeps.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from csr_lib.core.model import Construct, Model
from csr_lib.simulate import Margin, Population, careless, draw, durations, leave_out

SEED = 31
HERE = Path(__file__).parent

WAVES = ("2011H1", "2011H2", "2012H1", "2012H2", "2013H1", "2013H2")
TIERS = ("strategic", "key", "general", "potential")
#: construct -> items with (mean, sd) on six grades, and its weight in satisfaction
CONSTRUCTS: dict[str, tuple[dict[str, tuple[float, float]], float]] = {
    "Order": ({"reply": (4.95, 0.85), "change": (4.60, 1.00), "on_time": (4.75, 1.05)}, 0.24),
    "Quality": ({"dimension": (5.10, 0.80), "surface": (4.80, 0.95), "property": (5.15, 0.75), "batches": (4.70, 1.00)}, 0.26),
    "Transport": ({"transit": (4.65, 1.05), "damage": (4.85, 0.95), "packing": (5.00, 0.85)}, 0.14),
    "Claims": ({"response": (4.70, 1.05), "settling": (4.50, 1.10)}, 0.20),
    "Service": ({"manager": (5.15, 0.85), "technical": (4.95, 0.90), "informed": (4.75, 0.95)}, 0.10),
    "Price": ({"price": (4.20, 1.05), "terms": (4.40, 1.05)}, 0.12),
}
LOYALTY = {"stay": (4.85, 0.95), "more": (4.35, 1.10)}
STABILITY = 0.72  # of what is behind a customer's answers, from one half year to the next
#: customers of each grade in the first half year; then eleven key customers are graded strategic
FIRST = {"strategic": 4, "key": 45, "general": 60, "potential": 41}
PROMOTED, REGRADED, REPLACED, ANSWER = 12, 0.05, 0.05, 0.90
USES = {"auto": 0.22, "appliance": 0.20, "machinery": 0.28, "building": 0.30}
SHIPYARDS = 4  # too few to be shown
LEAST_SECONDS = 90
#: sd by which customers of a grade differ from the average, whenever they are asked
ALWAYS = {"strategic": {"Service": 0.30}, "potential": {"Service": -0.20, "Price": -0.20}}
#: what happens: (wave, grade) -> construct -> sd. Wagons run short for key customers, are put right, and stay right; then a new
#: rule on who signs claims slows those of strategic customers
EVENTS = {
    ("2012H2", "key"): {"Transport": -1.10, "Order": -0.80},
    ("2013H1", "key"): {"Transport": -0.35, "Order": -0.25},
    ("2013H2", "key"): {"Transport": 0.15, "Order": 0.10},
    ("2013H2", "strategic"): {"Claims": -1.70},
}
ORDERS = {"strategic": 9.0, "key": 3.4, "general": 1.7, "potential": 0.9}  # per customer and half year
TONNES = {"strategic": 420, "key": 210, "general": 90, "potential": 45}  # per order
ON_TIME = {"strategic": 0.97, "key": 0.95, "general": 0.93, "potential": 0.92}
LATE = {("2012H2", "key"): 0.72, ("2013H1", "key"): 0.90}  # on time, when wagons ran short and after the first correction
DAMAGED, DAMAGED_THEN = 0.015, {("2012H2", "key"): 0.08, ("2013H1", "key"): 0.03}
OBJECTED = {"strategic": 0.030, "key": 0.035, "general": 0.045, "potential": 0.060}
HOURS = {"strategic": 5.0, "key": 8.0, "general": 12.0, "potential": 16.0}  # until a claim is answered, mean
DAYS = {"strategic": 4.0, "key": 5.0, "general": 6.0, "potential": 7.0}  # until it is settled, mean
SLOWER = {("2013H2", "strategic"): (5.5, 2.6)}


def population() -> Population:
    """Return what is true of a customer of average grade when nothing happens."""
    model = Model(
        (
            *(Construct(c, tuple(items)) for c, (items, _) in CONSTRUCTS.items()),
            Construct("Satisfaction", ("overall",)),
            Construct("Loyalty", (*LOYALTY, "recommend")),
        ),
        (*((c, "Satisfaction") for c in CONSTRUCTS), ("Satisfaction", "Loyalty"), ("Price", "Loyalty")),
        "Satisfaction",
    )
    names = list(CONSTRUCTS)
    items = {i: moments for entry, _ in CONSTRUCTS.values() for i, moments in entry.items()} | LOYALTY
    margins = {i: Margin.of(*moments, 1, 6) for i, moments in items.items()}
    margins |= {"overall": Margin.of(5.00, 0.85, 1, 6), "recommend": Margin.of(7.6, 1.7, 0, 10)}
    paths = {(c, "Satisfaction"): weight for c, (_, weight) in CONSTRUCTS.items()}
    return Population.from_model(
        model,
        paths={**paths, ("Satisfaction", "Loyalty"): 0.55, ("Price", "Loyalty"): 0.20},
        loadings={**dict.fromkeys(items, 0.82), "overall": 1.0, "recommend": 0.75},
        margins=margins,
        correlations={(a, b): 0.42 for k, a in enumerate(names) for b in names[k + 1 :]},
    )


def customers(rng: np.random.Generator) -> list[pd.DataFrame]:
    """Return for each half year who the customers are: ``id tier use``, graded anew, a few gone and replaced."""
    grades = [g for g, n in FIRST.items() for _ in range(n)]
    people = pd.DataFrame({"id": [f"C{i:03d}" for i in range(1, len(grades) + 1)], "tier": grades})
    people["use"] = rng.choice(list(USES), len(people), p=list(USES.values()))
    people.loc[people[people["tier"] == "general"].index[:SHIPYARDS], "use"] = "ship"
    found, last = [people], len(people)
    for position in range(1, len(WAVES)):
        people = people.copy()
        if position == 1:
            chosen = rng.choice(people.index[people["tier"] == "key"], PROMOTED, replace=False)
            people.loc[chosen, "tier"] = "strategic"
        else:
            moved = people.index[(rng.random(len(people)) < REGRADED) & (people["tier"] != "strategic")]
            for row in moved:
                at = TIERS.index(people.loc[row, "tier"]) + int(rng.choice([-1, 1]))
                people.loc[row, "tier"] = TIERS[min(max(at, 1), 3)]
        gone = people.index[(rng.random(len(people)) < REPLACED) & people["tier"].isin(["general", "potential"])]
        gone = gone[people.loc[gone, "use"] != "ship"]
        people.loc[gone, "id"] = [f"C{last + i:03d}" for i in range(1, len(gone) + 1)]
        people.loc[gone, "tier"] = "potential"
        last += len(gone)
        found.append(people)
    return found


def orders(wave: str, people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the orders of a half year and the claims that come of them, one row each."""
    first = pd.Timestamp(f"{wave[:4]}-{'01' if wave.endswith('1') else '07'}-01")
    rows: list[dict[str, Any]] = []
    for customer in people.to_dict("records"):
        tier = str(customer["tier"])
        who = {"customer": customer["id"], "tier": tier}
        for _ in range(rng.poisson(ORDERS[tier])):
            opened = first + pd.Timedelta(days=int(rng.integers(0, 180)))
            tonnes = max(5, round(TONNES[tier] * float(rng.lognormal(-0.125, 0.5))))
            on_time = rng.random() < LATE.get((wave, tier), ON_TIME[tier])
            full, damaged = rng.random() < 0.975, rng.random() < DAMAGED_THEN.get((wave, tier), DAMAGED)
            objected = rng.random() < OBJECTED[tier]
            rows.append(
                {**who, "type": "order", "opened": opened, "tonnes": tonnes, "on_time": on_time, "full": full}
                | {"damaged": damaged, "objection": objected}
            )
            reasons = {"quality": objected, "delivery": not on_time and rng.random() < 0.4, "transport": damaged}
            for about, happened in {**reasons, "service": rng.random() < 0.006}.items():
                if happened:
                    rows.append({**who, "type": "claim", "about": about, **claim(wave, tier, opened, first, rng)})
    return pd.DataFrame(rows)


def claim(wave: str, tier: str, opened: pd.Timestamp, first: pd.Timestamp, rng: np.random.Generator) -> dict[str, Any]:
    """Return when a claim came in, was answered and was settled."""
    slower = SLOWER.get((wave, tier), (1.0, 1.0))
    end = first + pd.Timedelta(days=178)
    came = min(opened + pd.Timedelta(days=int(rng.integers(3, 20))), end) + pd.Timedelta(minutes=int(rng.integers(480, 1080)))
    answered = came + pd.Timedelta(minutes=int(rng.gamma(2.0, HOURS[tier] * slower[0] * 30)) + 10)
    settled = answered + pd.Timedelta(minutes=int(rng.gamma(2.5, DAYS[tier] * slower[1] * 576)) + 60)
    return {"opened": came, "replied": answered, "settled": settled}


def half_year(
    wave: str,
    truth: Population,
    people: pd.DataFrame,
    before: pd.DataFrame,
    traded: pd.DataFrame,
    complained: set[str],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the answers of one half year and what is behind them, by customer."""
    who = people[(rng.random(len(people)) < ANSWER) | (people["tier"] == "strategic")].reset_index(drop=True)
    shifts = pd.DataFrame(0.0, index=range(len(who)), columns=list(CONSTRUCTS))
    for tier in TIERS:
        here = (who["tier"] == tier).to_numpy()
        for effects in (ALWAYS.get(tier, {}), EVENTS.get((wave, tier), {})):
            for construct, size in effects.items():
                shifts.loc[here, construct] += size
    former = before.reindex(index=who["id"], columns=truth.correlation.columns).reset_index(drop=True)
    sample = draw(truth, len(who), rng, shifts, before=former, stability=STABILITY)
    asked = [str(c) for c in sample.answers if c != "overall"]
    answers, manner = careless(sample.answers, rng, share=0.008, columns=[c for c in asked if c != "recommend"])
    answers = leave_out(answers, rng, share=0.015, skippers=0.12, columns=asked)
    claims = traded[traded["type"] == "claim"]
    tonnes = traded.groupby("customer")["tonnes"].sum().reindex(who["id"]).fillna(0).astype(int).to_numpy()
    had_claim = who["id"].isin(complained).to_numpy()
    put_right = np.where(rng.random(len(who)) < 0.72, "1", np.where(rng.random(len(who)) < 0.6, "2", "3"))
    day = pd.Timestamp(f"{wave[:4]}-{'06-10' if wave.endswith('1') else '12-10'}") + pd.to_timedelta(
        rng.integers(0, 12, len(who)), unit="D"
    )
    finished = day + pd.to_timedelta(rng.integers(8 * 3600, 18 * 3600, len(who)), unit="s")
    out = pd.concat([who.assign(wave=wave)[["id", "wave", "tier", "use"]], answers], axis=1).assign(
        complained=who["id"].isin(set(claims["customer"])).astype(int),
        put_right=np.where(had_claim, put_right, ""),
        tonnes=tonnes,
        seconds=durations(manner, rng, median=270, least=LEAST_SECONDS),
        finished=pd.Series(finished).dt.strftime("%Y-%m-%d %H:%M:%S"),
    )
    latent = sample.latent.set_axis(pd.Index(who["id"]), axis=0)
    return out, latent.combine_first(before)


def written(records: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the records as the mill's system writes them, with two claims settled before they came in."""
    out = records.sort_values("opened", kind="stable").reset_index(drop=True)
    wrong = rng.choice(out.index[out["type"] == "claim"], 2, replace=False)
    out.loc[wrong, "settled"] = out.loc[wrong, "opened"] - pd.Timedelta(days=2)
    day, minute = "%Y-%m-%d", "%Y-%m-%d %H:%M"
    text = pd.DataFrame({"no": [f"{'O' if t == 'order' else 'C'}{i:04d}" for i, t in enumerate(out["type"], 1)]})
    text = text.assign(**{c: out[c] for c in ("customer", "tier", "type", "about")})
    text["opened"] = [v.strftime(day if t == "order" else minute) for v, t in zip(out["opened"], out["type"], strict=True)]
    for column in ("replied", "settled"):
        text[column] = [v.strftime(minute) if pd.notna(v) else "" for v in out[column]]
    for column in ("tonnes", "on_time", "full", "damaged", "objection"):
        text[column] = [str(int(v)) if pd.notna(v) else "" for v in out[column]]
    return text.fillna("")


def main(folder: Path = HERE) -> None:
    """Write answers.csv, operations.csv (both UTF-8 with a byte-order mark, which Excel needs) and truth.yml."""
    rng = np.random.default_rng(SEED)
    everybody, graded = population(), customers(rng)
    answers, records = [], []
    before, complained = pd.DataFrame(index=pd.Index([], name="id")), set[str]()
    for wave, people in zip(WAVES, graded, strict=True):
        traded = orders(wave, people, rng)
        found, before = half_year(wave, everybody, people, before, traded, complained, rng)
        complained = set(traded.loc[traded["type"] == "claim", "customer"])
        answers.append(found)
        records.append(traded)
    written(pd.concat(records, ignore_index=True), rng).to_csv(
        folder / "operations.csv", index=False, encoding="utf-8-sig", lineterminator="\n"
    )
    pd.concat(answers, ignore_index=True).to_csv(folder / "answers.csv", index=False, encoding="utf-8-sig", lineterminator="\n")
    truth = {
        "weights": {c: weight for c, (_, weight) in CONSTRUCTS.items()},
        "correlation_of_what_is_behind_an_answer_with_the_wave_before": STABILITY,
        "always_in_sd": ALWAYS,
        "events_in_sd": {f"{wave}, {tier}": effects for (wave, tier), effects in EVENTS.items()},
        "on_time": {**ON_TIME, **{f"{wave}, {tier}": share for (wave, tier), share in LATE.items()}},
        "hours_until_a_claim_is_answered": {**HOURS, "2013H2, strategic": HOURS["strategic"] * SLOWER["2013H2", "strategic"][0]},
        "days_from_answer_to_settling": {**DAYS, "2013H2, strategic": DAYS["strategic"] * SLOWER["2013H2", "strategic"][1]},
        "customers": {wave: people["tier"].value_counts().to_dict() for wave, people in zip(WAVES, graded, strict=True)},
        "claims_settled_before_they_came_in": 2,
    }
    text = yaml.safe_dump(truth, allow_unicode=True, sort_keys=False, width=130)
    (folder / "truth.yml").write_text(
        "# What is true of the customers behind the two files; written by make_data.py.\n" + text, "utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
