import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.sample_size import allocate, margin_of_error, sample_size, stratified_sample_size


def test_textbook_sizes():
    assert sample_size(0.05).n == 385
    assert sample_size(0.03).n == 1068
    assert sample_size(0.05, level=0.99).n == 664
    assert sample_size(0.2, sd=1.5).n == math.ceil((1.959964 * 1.5 / 0.2) ** 2)


def test_nonresponse_and_design_effect_raise_what_is_sent_out():
    found = sample_size(0.05, design_effect=1.5, response_rate=0.6)
    assert found.n == 577
    assert found.issued == math.ceil(577 / 0.6)


@given(
    st.floats(0.005, 0.3),
    st.floats(0.05, 0.95),
    st.one_of(st.none(), st.integers(50, 100_000)),
    st.floats(0.5, 3),
)
@settings(max_examples=50)
def test_size_and_margin_are_each_others_inverse(margin, share, population, deff):
    facts = {"share": share, "population": population, "design_effect": deff}
    found = sample_size(margin, **facts)
    assert margin_of_error(found.exact, **facts) == pytest.approx(margin)
    assert found.margin <= margin * (1 + 1e-9)
    assert population is None or found.n <= population


def test_the_margin_of_a_census_is_nothing():
    assert margin_of_error(50, population=50) == 0


def overall_variance(counts, sizes, sd):
    return sum((size / sum(sizes)) ** 2 * (1 / n - 1 / size) * s * s for n, size, s in zip(counts, sizes, sd, strict=True))


@given(
    st.lists(st.tuples(st.integers(3, 12), st.floats(0.1, 5)), min_size=3, max_size=3),
    st.integers(6, 12),
    st.integers(1, 2),
)
@settings(max_examples=30)
def test_no_other_allocation_in_whole_numbers_has_a_smaller_variance(strata, n, minimum):
    sizes, sd = [s[0] for s in strata], [s[1] for s in strata]
    n = min(n, sum(sizes))
    found = allocate(n, dict(enumerate(sizes)), sd=dict(enumerate(sd)), rule="neyman", minimum=minimum)
    assert found.sum() == n
    assert (found >= minimum).all()
    assert (found <= sizes).all()
    others = [c for c in itertools.product(*(range(minimum, s + 1) for s in sizes)) if sum(c) == n]
    best = min(overall_variance(c, sizes, sd) for c in others)
    assert overall_variance(found, sizes, sd) == pytest.approx(best, rel=1e-9, abs=1e-15)


def test_allocations_by_hand():
    sizes = {"north": 2000, "south": 3000}
    assert allocate(50, sizes).to_dict() == {"north": 20, "south": 30}
    assert allocate(60, sizes, sd={"north": 3, "south": 1}, rule="neyman").to_dict() == {"north": 40, "south": 20}
    assert allocate(50, {"tiny": 10, "huge": 99_990}, minimum=8).to_dict() == {"tiny": 8, "huge": 42}
    assert allocate(50, {"tiny": 5, "huge": 99_995}, minimum=8).to_dict() == {"tiny": 5, "huge": 45}


@pytest.mark.parametrize("rule", ["proportional", "neyman"])
def test_the_stratified_size_is_cochrans_formula(rule):
    sizes, sd, margin = {"a": 4000, "b": 2500, "c": 1500}, {"a": 1.0, "b": 2.0, "c": 3.0}, 0.2
    found = stratified_sample_size(margin, sizes, sd=sd, rule=rule)
    N, s = np.array(list(sizes.values())), np.array(list(sd.values()))
    V = (margin / 1.959964) ** 2
    squares = N @ s**2
    exact = ((N @ s) ** 2 if rule == "neyman" else N.sum() * squares) / (N.sum() ** 2 * V + squares)
    assert 0 <= found.n - exact < 2
    assert found.margin <= margin
    assert found.strata.n.sum() == found.n == found.issued


def test_strata_say_their_own_margin_weight_and_questionnaires():
    found = stratified_sample_size(0.05, {"a": 400, "b": 250}, response_rate={"a": 0.8, "b": 0.9}, minimum=60)
    row = found.strata.set_index("stratum").loc["b"]
    assert row.weight == pytest.approx(250 / row.n)
    assert row.margin == pytest.approx(margin_of_error(row.n, population=250))
    assert row.issued == math.ceil(row.n / 0.9)
    assert found.issued == found.strata.issued.sum()


def test_a_margin_of_nearly_nothing_asks_everybody():
    found = stratified_sample_size(1e-9, {"a": 30, "b": 20}, share={"a": 0.2, "b": 0.9}, rule="neyman")
    assert found.n == 50
    assert found.margin == 0


def test_a_population_that_cannot_answer_so_often_is_told():
    with pytest.raises(AnalysisError, match=r"a margin of 0\.12"):
        sample_size(0.05, population=100, response_rate=0.4)
    with pytest.raises(AnalysisError, match="stratum b"):
        stratified_sample_size(0.05, {"a": 1000, "b": 20}, response_rate=0.3, minimum=10)


@pytest.mark.parametrize(
    "call",
    [
        lambda: sample_size(0),
        lambda: sample_size(0.05, share=1.2),
        lambda: sample_size(0.05, share=0.5, sd=1),
        lambda: sample_size(0.05, sd=-1),
        lambda: sample_size(0.05, population=0),
        lambda: sample_size(0.05, design_effect=0),
        lambda: sample_size(0.05, response_rate=0),
        lambda: sample_size(0.05, level=95),
        lambda: margin_of_error(0),
        lambda: margin_of_error(60, population=50),
        lambda: allocate(100, {"a": 40, "b": 50}),
        lambda: allocate(3, {"a": 40, "b": 50}),
        lambda: allocate(10.5, {"a": 40, "b": 50}),
        lambda: allocate(10, {"a": 40}, rule="optimal"),
        lambda: allocate(10, {"a": 40}, rule="neyman"),
        lambda: stratified_sample_size(0.05, {"a": 40}, response_rate=2),
    ],
)
def test_impossible_wishes_are_refused(call):
    with pytest.raises(OptionError):
        call()


@pytest.mark.parametrize("sizes", [{}, {"a": 0}, {"a": 2.5}, {"a": float("nan")}])
def test_impossible_strata_are_refused(sizes):
    with pytest.raises(DataError):
        allocate(1, sizes)


def test_strata_without_a_standard_deviation_are_named():
    with pytest.raises(DataError, match="'b'"):
        allocate(10, {"a": 40, "b": 50}, sd={"a": 1}, rule="neyman")
