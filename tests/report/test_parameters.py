"""Parameters are parsed by their annotated types, and nothing unknown gets into a notebook."""

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csr_lib.core.errors import OptionError
from csr_lib.report.parameters import Parameter, check_parameters, read_parameters

CELL = """study: str = "study.yml"  # the study file
lang: str = "zh"  # language
bootstrap: int | None = None  # resamples; None: as study.yml says
confidence: float = 0.95  # level of the intervals
where: dict[str, str] | None = None  # only these groups
cut: Literal["mean", "median"] | float = "mean"  # where the quadrants part
fast: bool = False  # fewer resamples
groups: list[str] | None = None  # groups to compare
note: str | None = None"""


def notebook(source: str = CELL, tags: tuple[str, ...] = ("parameters",)) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})])


KNOWN = read_parameters(notebook(), "toy.ipynb")


def test_names_types_defaults_and_help_are_read_from_the_cell() -> None:
    assert list(KNOWN)[:3] == ["study", "lang", "bootstrap"]
    assert KNOWN["confidence"] == Parameter("confidence", "float", 0.95, "level of the intervals")


@pytest.mark.parametrize(
    ("name", "given", "parsed"),
    [
        ("bootstrap", "500", 500),
        ("bootstrap", "null", None),
        ("bootstrap", 500, 500),
        ("confidence", "0.9", 0.9),
        ("where", "{region: NO, year: 2012}", {"region": "NO", "year": "2012"}),
        ("cut", "median", "median"),
        ("cut", "3.5", 3.5),
        ("fast", "true", True),
        ("groups", "[a, 1:30]", ["a", "1:30"]),
        ("note", "print('x')", "print('x')"),
        ("note", "none", None),
    ],
)
def test_values_are_parsed_by_their_type(name: str, given: object, parsed: object) -> None:
    assert check_parameters(KNOWN, {name: given}, "toy") == {name: parsed}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("bootstrap", "many"),
        ("bootstrap", 2.5),
        ("confidence", "high"),
        ("where", "North"),
        ("cut", "middle"),
        ("fast", "perhaps"),
        ("groups", "{a: b}"),
        ("fast", 1),
    ],
)
def test_a_value_of_another_type_is_refused_with_the_type(name: str, given: object) -> None:
    with pytest.raises(OptionError) as error:
        check_parameters(KNOWN, {name: given}, "toy")
    assert name in str(error.value)
    assert KNOWN[name].annotation in str(error.value)


def test_an_unknown_name_is_refused_with_the_nearest_and_all_allowed() -> None:
    with pytest.raises(OptionError) as error:
        check_parameters(KNOWN, {"boostrap": "5"}, "parameters of toy.ipynb")
    said = str(error.value)
    assert "did you mean 'bootstrap'?" in said
    assert "# level of the intervals" in said
    assert "parameters of toy.ipynb" in said


@pytest.mark.parametrize("name", ["a=1;print()#", "import os\nx", "", "1a", "class"])
def test_a_name_that_would_be_code_is_refused(name: str) -> None:
    with pytest.raises(OptionError):
        check_parameters(KNOWN, {name: "1"}, "toy")


@pytest.mark.parametrize("name", ["study", "lang"])
def test_study_and_language_are_not_given_as_parameters(name: str) -> None:
    with pytest.raises(OptionError, match=f"--{name}"):
        check_parameters(KNOWN, {name: "x"}, "toy")


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(OptionError) as error:
        check_parameters(KNOWN, {"bootstrap": "x", "nothing": "1"}, "toy")
    assert len(error.value.problems) == 2


@pytest.mark.parametrize("tags", [(), ("other",)])
def test_a_notebook_without_a_parameters_cell_is_an_error(tags: tuple[str, ...]) -> None:
    with pytest.raises(OptionError, match=r"toy\.ipynb.*'parameters'"):
        read_parameters(notebook(tags=tags), "toy.ipynb")


def test_a_line_that_is_no_parameter_is_an_error_with_its_number() -> None:
    with pytest.raises(OptionError, match="line 2"):
        read_parameters(notebook("a: int = 1  # x\nprint(a)"), "toy.ipynb")


@given(st.text(min_size=1))
def test_text_stays_as_it_was_given(text: str) -> None:
    parameter = Parameter("title", "str", "", "")
    assert parameter.parse(text) == text


@given(st.integers())
def test_whole_numbers_survive_being_written(number: int) -> None:
    assert KNOWN["bootstrap"].parse(str(number)) == number
