"""The bank study gives every published figure that the others allow, all at once and to the printed precision."""

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from csr_lib.stats.adequacy import adequacy
from csr_lib.stats.factor import FactorSolution, factor_analysis, score_weights
from csr_lib.stats.reliability import reliability
from csr_lib.study import Survey, open_study

BANK = Path(__file__).parents[2] / "data" / "bank"
FIGURES: dict[str, dict[str, Any]] = yaml.safe_load((BANK / "published.yml").read_text(encoding="utf-8"))["figures"]
ITEMS = [f"Q{i}" for i in range(1, 13)]
CONSTRUCTS = ("Image", "Product", "Relationship", "Service", "Environment")


@cache
def survey() -> Survey:
    return open_study(BANK / "study.yml")


@cache
def components() -> FactorSolution:
    return factor_analysis(survey().moments(ITEMS), 5, method="components", rotation="varimax")


@cache
def owners() -> pd.Series:
    """Item -> the component on which it loads most."""
    return components().loadings.set_index("item").abs().idxmax(axis=1)


@cache
def paths() -> pd.DataFrame:
    """Overall satisfaction on the standardised component scores, by ordinary least squares, worked out here by hand."""
    ratings = survey().ratings("perception", ITEMS)
    scores = ((ratings - ratings.mean()) / ratings.std()).to_numpy() @ score_weights(components()).set_index("item").to_numpy()
    y = survey().outcome("satisfaction").to_numpy(float)
    y = (y - y.mean()) / y.std(ddof=1)
    X = np.column_stack([np.ones(len(y)), scores])
    beta, rss, _, _ = np.linalg.lstsq(X, y, rcond=None)
    df = len(y) - X.shape[1]
    error = np.sqrt(np.diag(np.linalg.inv(X.T @ X)) * rss[0] / df)
    of = {
        name: list(components().factors).index(owners()[f"Q{i}"]) + 1
        for name, i in zip(CONSTRUCTS, (1, 3, 6, 8, 11), strict=True)
    }
    return pd.DataFrame({name: {"estimate": beta[k], "t": beta[k] / error[k]} for name, k in of.items()})


def grouping() -> dict[str, list[str]]:
    groups = {f: list(part.index) for f, part in owners().groupby(owners())}
    names = {
        next(name for name, c in survey().study.constructs.items() if items[0] in c.indicators): items
        for items in groups.values()
    }
    return {name: names[name] for name in CONSTRUCTS}


FOUND: dict[str, Any] = {
    "issued": lambda: survey().study.sampling.issued,
    "issued_large": lambda: survey().study.sampling.issued_by["size"]["large"],
    "issued_small": lambda: survey().study.sampling.issued_by["size"]["sme"],
    "returned": lambda: survey().source().n_read,
    "return_rate": lambda: math.floor(survey().source().n_read / survey().study.sampling.issued * 1e4) / 100,
    "valid": lambda: survey().n,
    "kmo": lambda: adequacy(survey().moments(ITEMS)).kmo,
    "bartlett": lambda: adequacy(survey().moments(ITEMS)).chi_square,
    "bartlett_df": lambda: adequacy(survey().moments(ITEMS)).df,
    "components": lambda: int((components().eigenvalues["eigenvalue"] > 1).sum()),
    "variance": lambda: components().variance.query("stage == 'rotated'")["cumulative"].iloc[-1],
    "grouping": grouping,
    **{f"path_{name.lower()}": lambda name=name: paths()[name]["estimate"] for name in CONSTRUCTS},
}


def test_every_published_figure_is_held_against_the_answers() -> None:
    assert {*FOUND, "alpha"} == FIGURES.keys()


@pytest.mark.parametrize("figure", FOUND)
def test_the_published_figure_comes_out(figure: str) -> None:
    published = FIGURES[figure]
    if "tolerance" in published:
        assert FOUND[figure]() == pytest.approx(published["value"], abs=published["tolerance"], rel=0)
    else:
        assert FOUND[figure]() == published["value"]


def test_alpha_of_the_twelve_items_is_above_the_published_bound() -> None:
    assert reliability(survey().moments(ITEMS)).alpha > FIGURES["alpha"]["value"]


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_the_coefficient_is_as_certain_as_was_printed(name: str) -> None:
    from scipy.stats import t

    assert 2 * t.sf(paths()[name]["t"], 87) < FIGURES[f"path_{name.lower()}"]["p_below"]


def test_every_item_belongs_to_its_component_by_a_large_loading() -> None:
    assert components().loadings.set_index("item").abs().max(axis=1).min() > 0.5


def test_the_sample_fits_the_figures_before_rounding_away_the_contradictions() -> None:
    """The squares of the five coefficients are the R² of a model whose predictors are uncorrelated."""
    ratings = survey().ratings("perception", ITEMS)
    scores = ((ratings - ratings.mean()) / ratings.std()).to_numpy() @ score_weights(components()).set_index("item").to_numpy()
    assert np.abs(np.corrcoef(scores, rowvar=False) - np.eye(5)).max() < 1e-9
    assert (paths().loc["estimate"] ** 2).sum() == pytest.approx(0.868, abs=0.005)


def test_five_questionnaires_are_invalid_and_no_valid_one_lacks_an_answer() -> None:
    excluded = survey().source().excluded
    assert excluded == {"empty": 1, "straight_line": 4}
    assert survey().ratings("perception").notna().all(axis=None)


def test_real_answers_lean_to_the_good_side_and_differ_in_spread() -> None:
    ratings = survey().ratings("perception")
    assert (ratings.skew() < 0).all()
    assert ratings.std().max() / ratings.std().min() > 1.3
    assert ratings.corr().to_numpy()[np.triu_indices(12, 1)].std() > 0.05
