"""A Result goes to JSON and back without loss."""

import json
import math
from dataclasses import dataclass

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csr_lib.core.check import Check, Finding, Headline
from csr_lib.core.result import Basis, Result, Source

SOURCE = Source(
    "demo", {"zh": "例", "en": "Demo"}, simulated=True, n_read=12, excluded={"empty": 2}, hashes={"answers.csv": "00"}
)


@dataclass(frozen=True, kw_only=True)
class DemoResult(Result):
    analysis = "demo_of_a_result"


def result(**changes) -> Result:
    return DemoResult(source=SOURCE, basis=Basis(10, 9.5, "sampling", "listwise", 1), **changes)


def test_a_result_comes_back_as_it_was() -> None:
    frame = pd.DataFrame({"indicator": ["a", "b"], "estimate": [0.1 + 0.2, math.nan], "n": [3, 4], "shown": [True, False]})
    before = result(
        seed=7,
        tables={"indicators": frame},
        bases={"indicators": Basis(8, 8)},
        labels={"a": {"zh": "甲", "en": "A"}},
        headline=(Headline("index", 72.5, ci_low=70.0, ci_high=75.0, note=Finding("x", {"n": 3})),),
        checks=(Check("alpha", "warn", 0.65, 0.7, "nunnally1994", {"construct": {"zh": "甲", "en": "A"}}),),
        found=(Finding("weakest", {"names": ["a", "b"]}, "bad", "key"),),
        drawn_from={"map": ("indicators",)},
    )
    after = Result.from_json(before.to_json())
    assert type(after) is DemoResult
    pd.testing.assert_frame_equal(after.tables["indicators"], frame, check_exact=True)
    assert after.to_json() == before.to_json()
    assert after.headline == before.headline
    assert after.checks == before.checks
    assert after.source == before.source
    assert after.bases == before.bases


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_keep_all_their_digits(values: list[float]) -> None:
    frame = pd.DataFrame({"estimate": pd.Series(values, dtype="float64")})
    after = Result.from_json(result(tables={"t": frame}).to_json())
    pd.testing.assert_frame_equal(after.tables["t"], frame, check_exact=True)


def test_what_json_does_not_know_becomes_null_and_never_breaks_the_file() -> None:
    json.loads(result(options={"a": math.inf, "b": (1, 2)}).to_json())


def test_a_table_that_hides_its_keys_in_the_index_is_refused() -> None:
    with pytest.raises(TypeError, match="index"):
        result(tables={"t": pd.DataFrame({"x": [1]}, index=["key"])}).to_json()
