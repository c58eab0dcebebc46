"""A construct on a path may be made of others: the model of a study keeps the levels of study.yml."""

from collections.abc import Callable
from pathlib import Path

import pytest

from csr_lib.core.errors import StudyError
from csr_lib.core.model import Construct
from csr_lib.study import open_study

STUDY = """
constructs: {Network: [a], Desk: [b], Service: {of: [Network, Desk], mode: B}, Loyalty: [c], Price: [d]}
model: {paths: {Service: [Loyalty]}, target: Loyalty}
"""


@pytest.fixture
def indicators(small: str) -> str:
    """The small study with two indicators more."""
    head = [line for line in small.splitlines() if not line.startswith("indicators")]
    return "\n".join([*head, "indicators: [a, b, c, d]"])


def test_a_whole_on_a_path_brings_its_parts(folder: Callable[..., Path], indicators: str) -> None:
    survey = open_study(folder(indicators + STUDY, answers__csv="a,b,c,d\n1,2,3,4\n"))
    model = survey.model()
    assert model.construct("Service") == Construct("Service", (), "B", ("Network", "Desk"))
    assert set(model.names) == {"Service", "Loyalty", "Network", "Desk"}
    assert set(model.items) == {"a", "b", "c"}


def test_a_whole_off_all_paths_is_no_part_of_the_model(folder: Callable[..., Path], indicators: str) -> None:
    study = indicators + STUDY.replace("{Service: [Loyalty]}", "{Network: [Loyalty], Desk: [Loyalty]}")
    model = open_study(folder(study, answers__csv="a,b,c,d\n1,2,3,4\n")).model()
    assert model.wholes == ()
    assert set(model.names) == {"Network", "Desk", "Loyalty"}


def test_a_part_with_a_path_of_its_own_is_named(folder: Callable[..., Path], indicators: str) -> None:
    study = indicators + STUDY.replace("{Service: [Loyalty]}", "{Service: [Loyalty], Desk: [Loyalty]}")
    with pytest.raises(StudyError, match="'Desk' is a part of 'Service' and on a path"):
        open_study(folder(study, answers__csv="a,b,c,d\n1,2,3,4\n")).model()
