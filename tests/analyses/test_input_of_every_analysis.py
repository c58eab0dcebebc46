"""Spoilt answers, judgements and records: a clear error or a failed check, never a silent number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sound import assert_sound
from whole_samples import ITEMS, STUDY, answers, study

from csr_lib.analyses import ANALYSES, load
from csr_lib.core.errors import AnalysisError, CsrError, DataError, StudyError
from csr_lib.core.result import Result
from csr_lib.study import Survey

FEW = {"bootstrap": 20, "parallel": 20, "simulations": 200}
ALL = pytest.mark.parametrize("analysis", ANALYSES)


def made(analysis: str, survey: Survey, **options: Any) -> Result | CsrError:
    """Return the sound result of an analysis with few resamples, or the error that says why there is none."""
    fields = load(analysis).Options.model_fields
    few = {k: n for k, n in FEW.items() if k in fields and 0 not in [getattr(m, "le", None) for m in fields[k].metadata]}
    try:
        result: Result = getattr(load(analysis), analysis)(survey, **{**few, **options})
    except CsrError as error:
        lame = [p for p in error.problems if not (p.what and p.where and (p.allowed or p.mend))]
        if lame:
            pytest.fail(f"not all of what, where, allowed, mend: {lame}")
        return error
    assert_sound(result)
    return result


def told(found: Result | CsrError, *words: str) -> bool:
    """Tell whether an error, or the checks that did not pass, say these words."""
    said = str(found) if isinstance(found, CsrError) else " ".join(c.sentence("en") for c in found.checks if c.verdict != "pass")
    return all(word in said for word in words)


@ALL
def test_empty_waves_groups_of_one_and_intervals_without_resamples_are_no_numbers(analysis: str, tmp_path: Path) -> None:
    frame = answers()
    frame.loc[[0, 80], "sex"] = "x"
    survey = study(tmp_path, frame, wave={"column": "wave", "order": ["w1", "w2", "w3"]})
    result = made(analysis, survey, bootstrap=0)
    assert isinstance(result, Result)
    for name, table in result.tables.items():
        assert not table.isin(["w3", "wave=w3", "x", "sex=x"]).any(axis=None), name
    with pytest.raises(DataError, match="no answers are left where wave = w3"):
        survey.wave("w3")


@ALL
def test_an_outcome_without_variance_is_told(analysis: str, tmp_path: Path) -> None:
    assert told(made(analysis, study(tmp_path, answers().assign(overall=5))), "same")


@ALL
def test_an_indicator_without_variance_is_told(analysis: str, tmp_path: Path) -> None:
    found = made(analysis, study(tmp_path, answers().assign(a=4)))
    assert told(found, "the same answer", "a") or told(found, "a: all answers are the same")


@ALL
def test_a_column_without_answers_is_told(analysis: str, tmp_path: Path) -> None:
    found = made(analysis, study(tmp_path, answers().assign(a=np.nan), missing_rule="pairwise"))
    assert told(found, "obody") or told(found, "'a' has fewer than two answers")


@ALL
@pytest.mark.parametrize("rows", [1, 12])
def test_a_handful_of_answers_is_refused_or_flagged(analysis: str, rows: int, tmp_path: Path) -> None:
    whole = answers()
    frame = pd.concat([whole[whole["wave"] == w].head(-(-rows // 2)) for w in ("w1", "w2")]).head(rows)
    found = made(analysis, study(tmp_path, frame))
    if isinstance(found, Result):
        assert rows >= found.basis.n > 1
        as_pretest = any("pilot" in f.key for f in found.found)  # judged as a pre-test, which says how little it sees
        assert as_pretest or "sample_size" in {c.key for c in found.checks if c.verdict != "pass"}


def test_a_figure_whose_dots_may_not_be_shown_does_without_them(tmp_path: Path) -> None:
    frame = answers(n=6)
    result = made("loyalty", study(tmp_path, frame))
    assert "points" not in result.tables
    assert result.figure("types", "en")._repr_html_()


def judged(folder: Path, **more: Any) -> Survey:
    return study(folder, answers(), evaluation={**STUDY["evaluation"], **more})


def test_judgements_that_contradict_each_other_fail_a_check_that_names_them(tmp_path: Path) -> None:
    survey = judged(tmp_path, ahp={"Quality": {"e1": [[1, 3, 0.2], [1 / 3, 1, 5], [5, 0.2, 1]]}})
    result = made("fuzzy_evaluation", survey)
    assert isinstance(result, Result)
    check = next(c for c in result.checks if c.key == "fuzzy_consistency")
    assert check.verdict == "fail"
    assert all(name in check.sentence("en") for name in ("e1", "Quality"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"experts": {"e1": {"Quality": 0, "Attitude": 0}}}, "all weights are 0"),
        ({"experts": {"e1": {"Quality": 60}}}, "Attitude"),
        ({"experts": {"e1": {"Quality": -60, "Attitude": 160}}}, "0"),
        ({"ahp": {"Quality": {"e1": [[1, 2], [0.5, 1]]}}}, "3"),
        ({"ahp": {"Quality": {"e1": [[1, 2, 3], [2, 1, 2], [3, 2, 1]]}}}, "row 1, column 2 is 2"),
    ],
)
def test_weights_that_cannot_be_are_errors(more: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises((StudyError, AnalysisError), match=said):
        load("fuzzy_evaluation").fuzzy_evaluation(judged(tmp_path, **more), bootstrap=0)


def test_points_that_do_not_add_to_100_are_put_to_100_and_told(tmp_path: Path) -> None:
    result = made("fuzzy_evaluation", judged(tmp_path, experts={"e1": {"Quality": 70, "Attitude": 50}}, ahp={}))
    assert isinstance(result, Result)
    assert told(result, "e1", "add up to 120")
    system = result.tables["system"].set_index("item")
    assert system.loc["Quality", "overall"] == pytest.approx(70 / 120)


@pytest.mark.parametrize("column", ["a", "e_a", "overall"])
def test_text_among_the_numbers_is_an_error_that_names_row_and_column(column: str, tmp_path: Path) -> None:
    frame = answers().astype({column: object})
    frame.loc[3, column] = "good"
    with pytest.raises(DataError, match=rf"column {column}: .*'good' \(row 5\)"):
        study(tmp_path, frame)


def test_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'a' stands more than once"):
        study(tmp_path, pd.concat([answers(), answers()["a"]], axis=1))


def test_times_that_go_backwards_are_named_and_counted_out(tmp_path: Path) -> None:
    start = pd.Timestamp("2024-01-01 08:00")
    records = pd.DataFrame({"reported": [start + pd.Timedelta(days=7 * k) for k in range(20)]})
    records["solved"] = records["reported"] + pd.Timedelta(hours=5)
    records.loc[[4, 9], "solved"] = records["reported"] - pd.Timedelta(hours=1)
    records.to_csv(tmp_path / "operations.csv", index=False)
    metrics = {"repair": {"kind": "duration", "from": "reported", "to": "solved", "limit": "8h"}}
    operations = {"file": "operations.csv", "columns": {"time": "reported"}, "metrics": metrics}
    result = made("tracking", study(tmp_path, answers(), operations=operations))
    assert isinstance(result, Result)
    check = next(c for c in result.checks if c.key == "tracking_backwards")
    assert check.verdict == "fail"
    assert all(row in check.sentence("en") for row in ("6", "11", "operations.csv"))  # lines of the file


def test_the_sample_itself_is_sound(tmp_path: Path) -> None:
    survey = study(tmp_path, answers())
    assert all(not load(name).feeds(survey.study) for name in ANALYSES)
    assert set(ITEMS) <= set(survey.asked("importance"))
