import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.outcome_rates import outcome_rates

COUNTS = st.integers(0, 500)


@given(st.integers(1, 500), COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.floats(0, 1))
@settings(max_examples=25)
def test_rates_are_ordered_shares_and_contacts_split_into_cooperation(I, P, R, NC, O, UH, UO, e):  # noqa: E741
    r = dict(outcome_rates(I=I, P=P, R=R, NC=NC, O=O, UH=UH, UO=UO, e=e).table[["rate", "estimate"]].itertuples(index=False))
    assert all(0 <= v <= 1 for v in r.values())
    assert r["RR1"] <= r["RR3"] * (1 + 1e-12) <= r["RR5"] * (1 + 1e-12) ** 2
    assert r["RR2"] <= r["RR4"] * (1 + 1e-12) <= r["RR6"] * (1 + 1e-12) ** 2
    assert r["RR1"] == pytest.approx(r["CON1"] * r["COOP1"])
    assert r["RR4"] == pytest.approx(r["CON2"] * r["COOP2"])
    assert r["RR6"] == pytest.approx(r["CON3"] * r["COOP2"])


def test_e_of_none_and_all_are_the_outer_rates():
    facts = {"I": 60, "R": 20, "NC": 10, "UH": 30}
    assert outcome_rates(**facts, e=1).rate("RR3") == outcome_rates(**facts).rate("RR1")
    assert outcome_rates(**facts, e=0).rate("REF2") == outcome_rates(**facts).rate("REF3")


def test_e_is_allocated_in_proportion_where_the_ineligible_are_known():
    found = outcome_rates(I=60, R=20, NC=20, UH=50, NE=100)
    assert (found.e, found.e_source) == (0.5, "proportional")
    assert found.rate("RR3") == pytest.approx(60 / 125)


def test_rates_that_need_an_unknown_e_do_not_exist():
    found = outcome_rates(I=60, R=20, UO=5)
    assert found.e_source == "not known"
    assert {r for r in found.table.rate if math.isnan(found.rate(r))} == {"RR3", "RR4", "REF2", "CON2"}
    assert outcome_rates(I=60, R=20).rate("RR3") == 0.75


def test_a_rate_over_nobody_does_not_exist():
    found = outcome_rates(I=0, NC=10)
    assert math.isnan(found.rate("COOP1"))
    assert found.rate("CON1") == 0


@pytest.mark.parametrize(
    ("facts", "error", "says"),
    [
        ({"I": -1, "P": float("nan")}, DataError, "2 problems"),
        ({"I": 1, "e": 1.5}, OptionError, "between 0 and 1"),
        ({"I": 0}, AnalysisError, "no cases"),
    ],
)
def test_what_cannot_be_is_refused(facts, error, says):
    with pytest.raises(error, match=says):
        outcome_rates(**facts)
