"""study.yml keeps what was written: YAML's guesses are not made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csr_lib.core.errors import StudyError
from csr_lib.study.yaml_tree import dotted, parse


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("off", "off"),
        ("1:30", "1:30"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("2012-01-01", "2012-01-01"),
        (".inf", ".inf"),
        ("05.5", "05.5"),
        ("'5'", "5"),
        ("5", 5),
        ("-3", -3),
        (".4", 0.4),
        ("1e5", 1e5),
        ("true", True),
        ("false", False),
        ("~", None),
        ("", None),
        ("+", "+"),
    ],
)
def test_only_true_false_null_and_plain_numbers_are_resolved(written: str, value: object) -> None:
    found = parse(f"key: {written}").values["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text_as_written() -> None:
    assert list(parse("1: a\n01: b\nNO: c\ntrue: d\n").values) == ["1", "01", "NO", "true"]


def test_every_key_and_entry_has_its_line() -> None:
    tree = parse("a:\n  b: 1\n  c:\n    - x\n    - y\n")
    assert tree.lines[("a", "b")] == 2
    assert tree.lines[("a", "c", 1)] == 5
    assert tree.line(("a", "c", 7, "deep")) == 3  # the nearest key above


def test_a_path_is_written_with_dots_and_brackets() -> None:
    assert dotted(("constructs", "Service", "of", 0)) == "constructs.Service.of[0]"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3, a: the key stands twice, first on line 1"),
        ("a: [1, 2\nb: 3", "line 2"),
        ("a: &x [*x]", "without end"),
        ("a:\n\t- 1", "line 2"),
        ("? [1]\n: 2", "a key is a list"),
    ],
)
def test_faults_name_their_line(text: str, says: str) -> None:
    with pytest.raises(StudyError, match=r"study\.yml, line") as error:
        parse(text)
    assert says in str(error.value)


def test_aliases_that_multiply_are_refused() -> None:
    text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
    )
    with pytest.raises(StudyError, match="too many values"):
        parse(text)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(StudyError):
        parse("[" * 100_000)


@given(st.dictionaries(st.text("abcdefg", min_size=1, max_size=6), st.integers(-1000, 1000), min_size=1))
def test_plain_mappings_come_back(values: dict[str, int]) -> None:
    assert parse("".join(f"{k}: {v}\n" for k, v in values.items())).values == values
