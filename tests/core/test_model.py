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


W = Construct("W", of=("A", "B"))


def test_a_construct_may_be_made_of_others_through_several_levels() -> None:
    model = Model((W, Construct("Top", of=("W", "C")), A, B, C, Construct("Y", ("y",))), (("Top", "Y"),), "Y")
    assert model.wholes == (W, model.construct("Top"))
    assert model.leaves("Top") == ("A", "B", "C")
    assert model.leaves("Y") == ("Y",)
    assert model.items == ("A1", "A2", "B1", "B2", "C1", "C2", "y")


@pytest.mark.parametrize(
    ("constructs", "paths", "target", "message"),
    [
        ((W, A, B, C), [("W", "C"), ("A", "C")], "C", "'A' is a part of 'W' and on a path"),
        ((W, A, C), [("W", "C")], "C", "constructs.W.of: unknown construct 'B'"),
        ((W, Construct("V", of=("B", "C")), A, B, C), [("W", "V")], "V", "'B' is a part of 'W' and of 'V'"),
        ((Construct("W", of=("A", "A")), A, C), [("W", "C")], "C", "'A' is a part of 'W' twice"),
        ((Construct("W", ("w",), of=("A",)), A, C), [("W", "C")], "C", "'W' has items and parts"),
        ((W, A, B, C), [("W", "C")], "A", "the target 'A' is a part of 'W'"),
        ((Construct("W", of=("V",)), Construct("V", of=("W",)), C), [("W", "C")], "C", "W, V are made of each other"),
        (
            (Construct("W", of=("A",)), A, Construct("C", ("A",))),
            [("W", "C")],
            "C",
            "'A' is a part of 'W' and the name of an item",
        ),
        ((W, A, B, C, Construct("D", ("d",))), [("W", "C")], "C", "construct 'D' is not on any path"),
        ((A, A, B), [("A", "B")], "B", "construct 'A' stands twice"),
    ],
)
def test_impossible_wholes_say_what_is_wrong(constructs: tuple, paths: list, target: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        Model(constructs, tuple(paths), target)


def test_a_template_takes_the_parts_of_its_constructs_along() -> None:
    published = template("tcsi")
    given = {c: Construct(c, (f"{c}1",)) for c in published.constructs}
    given |= {"Quality": Construct("Quality", of=("Network", "Service")), "Service": Construct("Service", ("s1", "s2"))}
    model = published.fill({**given, "Network": Construct("Network", ("n1",)), "Unused": Construct("Unused", ("u1",))})
    assert model.leaves("Quality") == ("Network", "Service")
    assert "Unused" not in model.names
    assert set(model.names) == {*published.constructs, "Network", "Service"}


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
