"""Control limits of a textbook, and a decomposition worked by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from csr_lib.stats.control import share_limits
from csr_lib.stats.decomposition import kitagawa

KNOWN = json.loads(Path(__file__).with_name("control_charts.json").read_text())


def test_the_fraction_nonconforming_has_the_limits_of_the_textbook() -> None:
    known = KNOWN["orange_juice"]
    shares = np.array(known["nonconforming"]) / known["n"]
    found = share_limits(shares, known["n"], baseline=30)
    half = 0.5 * 10 ** -known["digits"]
    assert float(found.centre) == pytest.approx(known["centre"], abs=half)
    assert float(found.lower[0]) == pytest.approx(known["lower"], abs=2 * half)  # printed from the rounded centre
    assert float(found.upper[0]) == pytest.approx(known["upper"], abs=2 * half)
    assert (np.flatnonzero(shares > found.upper) + 1).tolist() == known["beyond"]


def test_the_parts_of_a_change_are_those_worked_by_hand() -> None:
    known = KNOWN["kitagawa"]
    values, groups = [], []
    for share, mean in zip(known["share"], known["mean"], strict=True):
        counts = [round(10 * s) for s in share]
        values.append(np.repeat(mean, counts))
        groups.append(np.repeat(["a", "b"], counts))
    parts = kitagawa((values[0], values[1]), (groups[0], groups[1]), resamples=0).parts.set_index("part")["estimate"]
    assert parts["composition"] == pytest.approx(known["composition"])
    assert parts["within"] == pytest.approx(known["within"])
    assert parts["change"] == pytest.approx(7.8)
