"""A Model is checked when it is made; templates take their items by construct name."""

import pytest

from csr_lib.core.errors import StudyError
from csr_lib.core.model import TEMPLATES, Construct, Model, template

A, B, C = (Construct(name, (f"{name}1", f"{name}2")) for name in "ABC")


def test_a_model_knows_its_neighbours_and_its_causal_order() -> None:
    model = Model((C, B, A), (("A", "B"), ("B", "C"), ("A", "C")), "C")
    assert model.causal_order() == ("A", "B", "C")
    assert model.sources("C") == ("B", "A")
    assert model.targets("A") == ("C", "B")
    assert model.ancestors("C") == ("B", "A")
    assert model.items == ("C1", "C2", "B1", "B2", "A1", "A2")


@pytest.mark.parametrize(
    ("constructs", "paths", "target", "message"),
    [
        ((A, B), [("A", "B"), ("B", "A")], "B", "circle through A, B"),
        ((A, Construct("B", ())), [("A", "B")], "B", "construct 'B' has no items"),
        ((A, Construct("B", ("A1",))), [("A", "B")], "B", "item 'A1' belongs to both 'A' and 'B'"),
        ((A, B), [("A", "Bee")], "B", "unknown construct 'Bee'"),
        ((A, B), [("A", "B"), ("A", "B")], "B", "stands twice"),
        ((A, B, C), [("A", "B")], "B", "construct 'C' is not on any path"),
        ((A, B), [("A", "B")], "Z", "unknown construct 'Z'"),
    ],
)
def test_an_impossible_model_says_what_is_wrong(constructs: tuple, paths: list, target: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        Model(constructs, tuple(paths), target)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_filled_with_constructs_is_a_model(name: str) -> None:
    published = template(name)
    model = published.fill({c: Construct(c, (f"{c}1",)) for c in published.constructs})
    assert model.target == "Satisfaction"
    assert model.paths == published.paths


def test_a_template_names_every_construct_that_is_missing_and_takes_aliases() -> None:
    given = {c: Construct(c, (f"{c}1",)) for c in ("Image", "PerceivedQuality", "Value", "Satisfaction", "Loyalty")}
    with pytest.raises(StudyError) as caught:
        template("tcsi").fill(given)
    assert len(caught.value.problems) == 2
    assert "'Expectation'" in str(caught.value)
    assert "'Complaints'" in str(caught.value)
    assert (
        "Quality"
        not in template("tcsi")
        .fill({**given, "Expectation": Construct("Expectation", ("E",)), "Complaint": Construct("Complaint", ("K",))})
        .names
    )
