"""Answers with a known structure for the numerical tests."""

import numpy as np
import pandas as pd
import pytest

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


def simulate(n: int, seed: int = 0) -> pd.DataFrame:
    """Integers 1–10: Image → Quality → Satisfaction → Loyalty with moderate paths."""
    rng = np.random.default_rng(seed)
    image = rng.standard_normal(n)
    quality = 0.6 * image + 0.8 * rng.standard_normal(n)
    satisfaction = 0.3 * image + 0.5 * quality + 0.6 * rng.standard_normal(n)
    loyalty = 0.7 * satisfaction + 0.7 * rng.standard_normal(n)
    parts = {"i": (image, 3), "q": (quality, 3), "s": (satisfaction, 2), "l": (loyalty, 1)}
    frame = {
        f"{letter}{k + 1}": 6.5 + 1.6 * (0.8 * score + 0.6 * rng.standard_normal(n))
        for letter, (score, items) in parts.items()
        for k in range(items)
    }
    return pd.DataFrame(frame).round().clip(1, 10)


@pytest.fixture
def answers():
    return simulate(300)


@pytest.fixture
def holes(answers):
    """The same answers, one in twelve missing at random; the first column complete."""
    lost = np.random.default_rng(5).random(answers.shape) < 1 / 12
    lost[:, 0] = False
    return answers.mask(lost)
