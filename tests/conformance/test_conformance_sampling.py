"""Estimates from a stratified sample and its weights are those of R's survey package."""

import json
from pathlib import Path

import numpy as np
import pytest
from stratified_sample import AGE, DRAWN, POPULATION, REGION, stratified_sample

from csr_lib.stats.case_weights import design_effect, trim_weights
from csr_lib.stats.comparison import mean_interval
from csr_lib.stats.finite_population import population_mean, population_share
from csr_lib.stats.raking import poststratify, rake
from csr_lib.stats.sample_size import sample_size

FIGURES = json.loads((Path(__file__).parent / "stratified_sample.json").read_text(encoding="utf-8"))
ROWS = stratified_sample()
DESIGNS = {
    "srs": {},
    "srs_fpc": {"population": 800},
    "stratified": {"strata": ROWS.stratum, "weights": ROWS.stratum.map(lambda s: POPULATION[s] / DRAWN[s])},
    "stratified_fpc": {"strata": ROWS.stratum, "population": POPULATION},
    "weighted": {"weights": ROWS.weight},
    "weighted_strata": {"weights": ROWS.weight, "strata": ROWS.stratum},
    "weighted_strata_fpc": {"weights": ROWS.weight, "strata": ROWS.stratum, "population": POPULATION},
}


@pytest.mark.parametrize("design", DESIGNS)
def test_means_errors_and_design_effects_are_those_of_survey(design):
    for answer, figures in FIGURES["estimates"][design].items():
        found = population_mean(ROWS[answer], **DESIGNS[design])
        ours = (found.estimate, found.std_error, found.ci_low, found.ci_high, found.df, found.design_effect)
        assert ours == pytest.approx(figures, rel=1e-9), answer


def test_shares_have_the_same_estimate_and_error():
    for design, options in DESIGNS.items():
        found = population_share(ROWS.satisfied, **options)
        figures = FIGURES["estimates"][design]["satisfied"]
        assert (found.estimate, found.std_error, found.df) == pytest.approx((*figures[:2], figures[4]), rel=1e-9)


def test_the_strata_are_those_of_svyby():
    table = population_mean(ROWS.score, **DESIGNS["stratified_fpc"]).strata
    figures = FIGURES["by_stratum"]
    assert table.stratum.tolist() == figures["stratum"]
    np.testing.assert_allclose(table[["estimate", "std_error"]].T, [figures["estimate"], figures["std_error"]], rtol=1e-9)


def margins():
    names = [("region", list(REGION)), ("age", list(AGE))]
    places = [ROWS[margin].map({cell: i for i, cell in enumerate(cells)}).to_numpy() for margin, cells in names]
    return places, [np.array(list(REGION.values())), np.array(list(AGE.values()))], names


@pytest.mark.parametrize(("start", "base"), [("equal", None), ("base", ROWS.weight)])
def test_raked_weights_are_those_of_survey(start, base):
    places, shares, names = margins()
    raked = rake(places, shares, base=base, names=names, tolerance=1e-12)
    figures = FIGURES["raked"][start]
    cells = ROWS.assign(w=raked.weights / raked.weights.sum()).groupby(["region", "age"]).w.sum()
    for region, age, share in figures["cells"]:
        assert cells[region, age] == pytest.approx(share, abs=1e-10)
    assert raked.design_effect == pytest.approx(figures["design_effect"], rel=1e-9)
    if base is None:
        assert mean_interval(ROWS.score, raked.weights).estimate == pytest.approx(figures["mean_score"], rel=1e-9)
    else:
        np.testing.assert_allclose(raked.weights[:10], figures["first_weights"], rtol=1e-8)


def test_one_margin_is_post_stratification():
    places, shares, _ = margins()
    found = poststratify(places[0], shares[0], base=ROWS.weight)
    figures = FIGURES["raked"]["poststratified"]
    np.testing.assert_allclose(found.weights[:10], figures["first_weights"], rtol=1e-12)
    assert found.design_effect == pytest.approx(figures["design_effect"], rel=1e-12)


def test_trimming_that_spreads_equally_is_surveys():
    found = trim_weights(ROWS.weight, 2, spread="equal")
    figures = FIGURES["raked"]["trimmed"]
    np.testing.assert_allclose(found[:10], figures["first_weights"], rtol=1e-9)
    assert found.max() == pytest.approx(figures["upper"])
    assert found.sum() == pytest.approx(figures["sum"])
    assert design_effect(found) == pytest.approx(figures["design_effect"], rel=1e-9)


@pytest.mark.parametrize(
    ("population", "printed"), [(10, 10), (100, 80), (200, 132), (500, 217), (1000, 278), (5000, 357), (10000, 370)]
)
def test_sample_sizes_are_those_of_krejcie_and_morgan(population, printed):
    """Krejcie and Morgan (1970), table 1: p = .5, margin .05, 95 %; they round to the nearest number."""
    assert round(sample_size(0.05, population=population).exact) == printed
