"""Answers with known truth, for example studies, lessons and tests.

A `Population` says what is true: how items and constructs hang together (as latent normal variables) and how the answers to
each item are distributed over its grades. `draw` takes respondents from it. What makes real answers untidy is put on
afterwards, one function each: `careless` respondents, answers left out (`leave_out`), `durations`, `return_times`,
over-sampled strata with the weights that put them right (`stratify`). Last, `nudge` moves as few answers as possible by one
grade each until a published figure is met, and `tune` searches for answers that meet several at once. Every random step takes a
seed or a `numpy.random.Generator`.
"""

from csr_lib.simulate.nudging import nudge
from csr_lib.simulate.population import Margin, Population
from csr_lib.simulate.respondents import Sample, Seed, careless, draw, durations, leave_out, return_times, stratify
from csr_lib.simulate.tuning import tune

__all__ = [
    "Margin",
    "Population",
    "Sample",
    "Seed",
    "careless",
    "draw",
    "durations",
    "leave_out",
    "nudge",
    "return_times",
    "stratify",
    "tune",
]
