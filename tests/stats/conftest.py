"""Answers with a known structure for the numerical tests."""

import numpy as np
import pytest
from stats_samples import simulate

from csr_lib.core.model import Construct, Model


@pytest.fixture
def small_model():
    return Model(
        (
            Construct("Image", ("i1", "i2", "i3")),
            Construct("Quality", ("q1", "q2", "q3")),
            Construct("Satisfaction", ("s1", "s2")),
            Construct("Loyalty", ("l1",)),
        ),
        (("Image", "Quality"), ("Image", "Satisfaction"), ("Quality", "Satisfaction"), ("Satisfaction", "Loyalty")),
        "Satisfaction",
    )


@pytest.fixture
def answers():
    return simulate(300)


@pytest.fixture
def holes(answers):
    """The same answers, one in twelve missing at random; the first column complete."""
    lost = np.random.default_rng(5).random(answers.shape) < 1 / 12
    lost[:, 0] = False
    return answers.mask(lost)
