"""The loyalty example: the shapes that the source describes in words, each held against the answers."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from csr_lib.study import Survey, open_study

LOYALTY = Path(__file__).parents[2] / "data" / "loyalty"
MARKETS = ("retail", "card", "airline", "telecom")
LEVELS = ("dissatisfied", "so_so", "basic", "complete")


def loaded(file: str) -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load((LOYALTY / file).read_text(encoding="utf-8"))
    return content


@cache
def survey() -> Survey:
    return open_study(LOYALTY / "study.yml")


@cache
def means() -> pd.DataFrame:
    """Weighted means by market and level: loyalty and recommending on 0-100, the share who left."""
    overall = survey().outcome("satisfaction")
    data = pd.DataFrame(
        {
            "market": survey().codes["market"].astype(str),
            "level": pd.cut(overall, [0, 4, 6, 8, 10], labels=list(LEVELS)),
            "loyalty": (survey().outcome("loyalty") - 1) / 9 * 100,
            "recommend": survey().outcome("recommendation") * 10,
            "left": 1 - survey().outcome("repurchase"),
            "weight": survey().weights,
        }
    ).dropna()
    names = ["loyalty", "recommend", "left"]
    found: pd.DataFrame = data.groupby(["market", "level"], observed=True)[[*names, "weight"]].apply(
        lambda g: pd.Series({k: np.average(g[k], weights=g["weight"]) for k in names})
    )  # type: ignore[assignment]
    return found


def at(name: str, market: str, level: str) -> float:
    return float(means()[name][market, level])


def statements() -> dict[str, object]:
    steps = {
        m: (at("loyalty", m, "complete") - at("loyalty", m, "basic"), at("loyalty", m, "basic") - at("loyalty", m, "so_so"))
        for m in MARKETS
    }
    left = {m: at("left", m, "basic") for m in MARKETS}
    spread = {k: {m: at(k, m, "complete") - at(k, m, "dissatisfied") for m in MARKETS} for k in ("loyalty", "recommend")}
    return {
        "not_linear": [m for m in MARKETS if steps[m][0] > 2 * steps[m][1]],
        "completely_loyal": steps["retail"][0] >= 25 and at("left", "retail", "complete") < left["retail"] / 2,
        "basic_at_risk": [m for m in MARKETS if left[m] > 0.25],
        "less_protection": sorted(MARKETS, key=lambda m: -left[m]),
        "false_loyalty": [m for m in MARKETS if spread["loyalty"][m] < 10 and spread["recommend"][m] > 40],
    }


def test_every_statement_is_held_against_the_answers() -> None:
    assert statements().keys() == loaded("published.yml")["figures"].keys()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["not_linear", "completely_loyal", "basic_at_risk", "less_protection", "false_loyalty"])
def test_the_statement_holds(name: str) -> None:
    assert statements()[name] == loaded("published.yml")["figures"][name]["value"]  # type: ignore[index]


def test_loyalty_follows_the_curves_that_the_answers_were_drawn_from() -> None:
    truth = loaded("truth.yml")["loyalty_by_grade"]
    overall, loyalty = survey().outcome("satisfaction"), (survey().outcome("loyalty") - 1) / 9 * 100
    market = survey().codes["market"].astype(str)
    for name in MARKETS:
        here = (market == name) & overall.notna() & loyalty.notna()
        expected = np.asarray(truth[name])[overall[here].astype(int) - 1]  # type: ignore[index]
        difference = loyalty[here] - expected
        assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(here.sum()) + 1.0, name
        assert np.corrcoef(loyalty[here], expected)[0, 1] > 0.10, name
