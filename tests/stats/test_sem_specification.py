"""A model says the same whether it comes as a Model, as factors or as text, and what it leaves unsaid is added as lavaan does."""

import pytest

from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.core.model import Construct, Model
from csr_lib.stats._sem_spec import from_factors, from_model
from csr_lib.stats._sem_syntax import from_syntax

CHAIN = Model(
    (
        Construct("Image", ("i1", "i2", "i3"), "reflective"),
        Construct("Quality", ("q1", "q2"), "reflective"),
        Construct("Loyalty", ("l1",), "A"),
    ),
    (("Image", "Quality"), ("Quality", "Loyalty")),
    "Loyalty",
)
TEXT = """
Image =~ i1 + i2 + i3
Quality =~ q1 + q2
Loyalty =~ l1
Quality ~ Image
Loyalty ~ Quality
"""


def said(spec):
    """What is free (by its label, or its place) and what is fixed at which value."""
    return {(*r.key, r.label or r.free or r.value) for r in spec.rows}


def test_model_and_text_are_the_same_specification():
    assert said(from_model(CHAIN)) == said(from_syntax(TEXT))


def test_factors_all_correlate_and_none_explains_another():
    spec = from_factors({"A": ["a1", "a2"], "B": ["b1", "b2"], "C": ["c1", "c2"]})
    assert {("A", "~~", "B", True), ("A", "~~", "C", True), ("B", "~~", "C", True)} <= said(spec)
    assert not [r for r in spec.rows if r.op == "~"]
    assert spec.n_free == 3 + 6 + 3 + 3


def test_a_single_item_is_its_construct_without_error():
    rows = said(from_model(CHAIN))
    assert {("Loyalty", "=~", "l1", 1.0), ("l1", "~~", "l1", 0.0), ("Loyalty", "~~", "Loyalty", True)} <= rows


def test_the_scale_comes_from_the_first_loading_or_from_the_variance():
    marker, unit = said(from_model(CHAIN)), said(from_model(CHAIN, identification="unit_variance"))
    assert {("Image", "=~", "i1", 1.0), ("Image", "~~", "Image", True)} <= marker
    assert {("Image", "=~", "i1", True), ("Image", "~~", "Image", 1.0), ("Quality", "~~", "Quality", 1.0)} <= unit


def test_residuals_of_dependent_constructs_that_explain_nothing_correlate():
    spec = from_syntax("X =~ a + b\nY =~ c + d\nZ =~ e + f\nY ~ X\nZ ~ X")
    assert ("Y", "~~", "Z", True) in said(spec)
    assert not [r for r in from_syntax("X =~ a + b\nY =~ c + d\nZ =~ e + f\nY ~ X\nZ ~ X + Y").rows if r.key == ("Y", "~~", "Z")]


def test_a_construct_made_of_others_is_a_factor_of_higher_order():
    parts = (Construct("P", ("a", "b", "c"), "reflective"), Construct("Q", ("d", "e", "f"), "reflective"))
    whole = Construct("W", mode="reflective", of=("P", "Q"))
    spec = from_factors((*parts, whole))
    assert {("W", "=~", "P", 1.0), ("W", "=~", "Q", True), ("W", "~~", "W", True)} <= said(spec)
    assert ("P", "~~", "Q", True) not in said(spec)


def test_a_composite_is_never_silently_a_factor():
    mixed = [Construct("Image", ("i1", "i2"), "A"), Construct("Quality", ("q1", "q2"), "B"), Construct("One", ("o",), "A")]
    with pytest.raises(AnalysisError, match="'Image' is a composite") as caught:
        from_factors(mixed)
    assert [p.where for p in caught.value.problems] == ["constructs.Image.mode", "constructs.Quality.mode"]
    assert from_factors(mixed, composites="as_factors").composites_as_factors == ("Image", "Quality")


def test_equal_labels_are_one_parameter():
    spec = from_syntax("F =~ a + l*b + l*c + d\na ~~ v*a\nb ~~ v*b")
    index = dict(zip((r.key for r in spec.rows), spec.index, strict=True))
    assert index["F", "=~", "b"] == index["F", "=~", "c"]
    assert index["a", "~~", "a"] == index["b", "~~", "b"]
    assert spec.names[index["F", "=~", "b"]] == "l"
    assert spec.n_free == len(set(spec.index) - {-1}) == 6


def test_groups_share_labelled_parameters_only():
    spec = from_syntax("F =~ a + l*b + c").in_groups(2)
    assert spec.n_free == 2 * 6 - 1
    assert "F =~ c [group 2]" in spec.names


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("F =~ NA*a + b", ("F", "=~", "a", True)),
        ("F =~ a + -0.5*b", ("F", "=~", "b", -0.5)),
        ("F =~ a + .5*b", ("F", "=~", "b", 0.5)),
        ("F =~ a+1e-3*b", ("F", "=~", "b", 0.001)),
        ("F=~a+b;a~~-1*b # a comment", ("a", "~~", "b", -1.0)),
        ("F =~ a +\n b", ("F", "=~", "b", True)),
        ("F =~ a + b\n F ~ 1", ("F", "~1", "", True)),
        ("F =~ a + b\n a ~ 2*1", ("a", "~1", "", 2.0)),
        ("满意 =~ 题1 + 题2", ("满意", "=~", "题2", True)),
    ],
)
def test_syntax(text, row):
    assert row in said(from_syntax(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("F =~ a + b\nx := a*b", "not part of a covariance model"),
        ("F =~ a + b\na == b", "not part of a covariance model"),
        ("F <~ a + b", "'F <~ a \\+ b' is not part"),
        ("F =~ c(1,2)*a + b", "cannot read"),
        ("F =~ start(2)*a", "cannot read"),
        ("F =~ a + ", "cannot read"),
        ("F =~ a + a", "stands twice"),
        ("F =~ a + b\nF =~ b", "stands twice"),
        ("a ~~ b\nb ~~ a", "stands twice"),
        ("F =~ F + a", "cannot explain itself"),
        ("F =~ a + l*b\na ~~ l*a", "different kinds"),
        ("a ~ 2", "a ~ 1 for an intercept"),
        ("a ~ 1", "no factor and no path"),
    ],
)
def test_syntax_that_means_nothing_is_refused(text, message):
    with pytest.raises(AnalysisError, match=message):
        from_syntax(text)


@pytest.mark.parametrize(
    ("constructs", "message"),
    [
        ({"A": ["a", "a"]}, "stands twice"),
        ({"A": []}, "without items"),
        ({"A": ["A", "b"]}, "name of a factor and of an item"),
        ({"A": ["B", "b"], "B": ["c", "d"]}, "name of a factor and of an item"),
    ],
)
def test_factors_that_mean_nothing_are_refused(constructs, message):
    with pytest.raises(AnalysisError, match=message):
        from_factors(constructs)


def test_unknown_options_are_named():
    with pytest.raises(OptionError, match="did you mean 'marker'"):
        from_factors({"A": ["a", "b"]}, identification="markr")
    with pytest.raises(OptionError, match="as_factors"):
        from_factors({"A": ["a", "b"]}, composites="yes")
