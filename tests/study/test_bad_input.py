"""Every fault names the file, the line or key, what is allowed and how to mend it. One table, one line per fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from csr_lib.core.errors import CsrError, DataError, StudyError
from csr_lib.study import check_study, open_study

GOOD = "a,b\n1,2\n3,4\n"

# added to the small study (whose last line is 5) → where, what, and a word of what is allowed or how to mend it
STUDY_FAULTS = [
    ("min_cel: 3", "line 6, min_cel", "unknown key 'min_cel'", "did you mean 'min_cell'?"),
    ("wave: {colum: x}", "line 6, wave.colum", "unknown key", "did you mean 'column'?"),
    ("constructs: {X: {indicators: [a, c]}}", "line 6, constructs.X.indicators[1]", "unknown indicator 'c'", "a, b"),
    ("constructs: {X: {label: X}}", "line 6, constructs.X", "has no items", "name its indicators"),
    ("constructs: {X: {of: [Y]}}", "constructs.X.of[0]", "unknown construct 'Y'", "X"),
    ("constructs: {X: {of: [Y]}, Y: {of: [X]}}", "constructs.X.of", "is a part of itself", "never lead back"),
    ("constructs: {a: [b]}", "constructs.a", "is an indicator and a construct", "CamelCase"),
    ("missing_rule: mean", "line 6, missing_rule", "'mean' is not allowed", "listwise, pairwise, em"),
    ("missing: [3]", "indicators", "the missing code '3' is a valid answer of column 'a'", "its own `missing"),
    ("missing: [满意]", "indicators", "the missing code '满意' is a valid answer", "its own `missing"),
    ("min_cell: 0", "line 6, min_cell", "0 is below 1", "1 or more"),
    ("min_cell: few", "line 6, min_cell", "no whole number", "a whole number"),
    ("standards: {a: 7}", "line 6, standards.a", "7 is off the scale of 'a'", "1 to 5"),
    ("promises: {c: 3}", "line 6, promises.c", "unknown indicator 'c'", "a, b"),
    ("targets: {a: 120}", "line 6, targets.a", "120 is above 100", "100 or less"),
    ("targets: {z: 80}", "line 6, targets.z", "unknown outcome, construct or indicator", "a, b"),
    ("hypotheses: [{id: H1, from: X, to: Y}]", "hypotheses[0].from", "unknown construct 'X'", "none"),
    ("hypotheses: [{id: H1, from: X, to: Y, sign: up}]", "hypotheses[0].sign", "'up' is not allowed", "+, -"),
    ("model: tscsi", "line 6, model.template", "'tscsi' is not allowed", "acsi, ecsi, tcsi, ccsi"),
    ("model: {template: ecsi, paths: {X: Y}}", "line 6, model", "a template and paths", "keep the one"),
    ("model: ecsi", "line 6, model", "needs a construct 'Image'", "add it"),
    ("constructs: {X: [a], Y: [b]}\nmodel: {paths: {X: Y, Y: X}, target: Y}", "line 7, model.paths", "in a circle", "turn round"),
    ("constructs: {X: [a], Y: [a]}\nmodel: {paths: {X: Y}, target: Y}", "line 6, constructs.Y", "belongs to both", "take it out"),
    ("constructs: {X: [a], Y: [b]}\nmodel: {paths: {X: Z}}", "line 7, model.paths", "unknown construct 'Z'", "X, Y"),
    ("constructs: {X: [a], Y: [b]}\nmodel: {paths: {X: Y}}", "line 7, model.target", "unknown construct 'Satisfaction'", "X, Y"),
    ("answers: b.csv", "line 6, answers", "the key stands twice, first on line 3", "each key once"),
    ("segments: {role: {column: r}}", "line 6, segments.role", "cannot name a segment", "rename it"),
    ("segments: {r: {bins: [3, 2]}}", "line 6, segments.r.bins", "do not rise", "sort them"),
    ("segments: {r: {bins: [3], order: [x]}}", "line 6, segments.r", "bins and values", "take one"),
    ("segments: {r: {values: {1: x}, order: [2]}}", "segments.r.order", "unknown code '2'", "1"),
    ("segments: {r: {label: {fr: x}}}", "line 6, segments.r.label", "keys fr", "zh and en"),
    ("role: {values: {x: staff}}", "line 6, role", "the key 'column' is missing", "required"),
    ("wave: {order: [x]}", "line 6, wave", "the wave of the answers is not known", "name the column"),
    ("wave: {column: w, order: [x], periods: {y: [2012-01-01, 2012-02-01]}}", "wave.periods.y", "unknown wave 'y'", "x"),
    ("wave: {column: w, periods: {y: [2012-02-01, 2012-01-01]}}", "wave.periods", "ends before it starts", "exchange"),
    ("wave: {column: w, periods: {y: [May, June]}}", "wave.periods.y[0]", "'May' is no date", "2013-05-31"),
    ("case_weight: w\nweighting: {margins: {}}", "line 7, weighting.margins", "0 of at least 1", "add what is missing"),
    ("weighting: {margins: {r: {x: .5, y: .4}}}", "weighting.margins", "the shares of r add to 0.9", "add to 1"),
    ("weighting: {margins: {r: {x: 1}}}", "line 6, weighting.margins.r", "unknown segment 'r'", "none"),
    ("sampling: {issued: 5, returned: 9}", "sampling.returned", "9 returned of 5", "at most 5"),
    ("cleaning: {speeder: 60}", "line 6, cleaning.speeder", "the time taken is not known", "seconds: <column>"),
    ("cleaning: {exclude: [duplicate]}", "cleaning.exclude", "cannot be looked for", "respondent: <column>"),
    ("cleaning: {exclude: [speeders]}", "cleaning.exclude", "unknown rule 'speeders'", "did you mean 'speeder'?"),
    ("cleaning: {exclude: straight_line}", "cleaning.exclude", "is not set", "set it"),
    ("cleaning: {straight_line: 90}", "cleaning.straight_line", "90 is above 1", "1 or less"),
    (
        "outcomes: {satisfacton: a}",
        "line 6, outcomes.satisfacton",
        "'satisfacton' is not allowed",
        "did you mean 'satisfaction'?",
    ),
    ("outcomes: {complaint: c}", "line 6, outcomes.complaint", "which codes mean that it happened", "yes: [1]"),
    ("outcomes: {satisfaction: {column: s, top: 5}}", "outcomes.satisfaction.top", "takes in the whole scale", "highest points"),
    (
        "outcomes: {satisfaction: {column: a, scale: {min: 1, max: 10}}}",
        "outcomes.satisfaction",
        "another scale",
        "make them equal",
    ),
    ("encoding: utf8000", "line 6, encoding", "unknown encoding", "gb18030"),
    ("questions: {q: {type: several}}", "questions.q.type", "'several' is not allowed", "single, multi, number, text"),
    ("questions: {q: {columns: [x]}}", "questions.q", "has `columns`", "type multi"),
    ("rollup: {levels: [r]}", "rollup.levels[0]", "unknown segment 'r'", "none"),
    ("evaluation: {ahp: {goal: {e: [[1, 2], [2, 1]]}}}", "evaluation.ahp.goal.e", "has 2 rows", "at most 0 rows"),
    ("evaluation: {ahp: {goal: {e: [[1, x]]}}}", "evaluation.ahp.goal.e[0][1]", "'x' is no judgement", "1/3"),
    ("constructs: {X: [a, b]}\nevaluation: {ahp: {X: {e: [[1, 2], [2, 1]]}}}", "ahp.X.e", "row 1, column 2 is 2", "3 and 1/3"),
    ("operations: {file: o.csv, metrics: {m: {kind: duration, from: x}}}", "operations.metrics.m", "needs to", "add it"),
    ("operations: {file: o.csv, metrics: {m: {kind: count, limit: 3}}}", "metrics.m.limit", "'3' is no duration", "24h"),
    ("operations: {file: o.csv, metrics: {m: {kind: rate, numerator: {x: 1}, target: 2}}}", "m.target", "no share", "0 to 1"),
    ("warnings: {w: {measure: z, tiers: {all: {red: 1}}}}", "warnings.w.measure", "unknown measure 'z'", "a, b"),
    ("warnings: {w: {measure: a, tiers: {all: {yellow: 3, red: 4}}}}", "warnings.w.tiers.all", "not in order", "fall"),
    ("simulated: perhaps", "line 6, simulated", "neither true nor false", "true or false"),
    ("segments: [r]", "line 6, segments", "a list is no mapping", "{key: value}"),
]


@pytest.mark.parametrize(("more", "where", "what", "mend"), STUDY_FAULTS, ids=[f[0][:50] for f in STUDY_FAULTS])
def test_faults_of_a_study(folder: Callable[..., Path], small: str, more: str, where: str, what: str, mend: str) -> None:
    with pytest.raises(StudyError) as error:
        open_study(folder(f"{small}{more}\n", answers__csv=GOOD))
    problem = next(p for p in error.value.problems if what in p.what)
    assert problem.where.startswith("study.yml, line ")
    assert where in problem.where
    assert mend in f"{problem.allowed} {problem.mend}"


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("id: small", "", "study.yml", "the key 'id' is missing"),
        ("id: small", "id: a b/c", "line 1, id", "'a b/c' is not allowed"),
        ("max: 5", "max: 0", "line 4, scale.max", "max 0 is not above min 1"),
        ("一般, ", "", "line 4, scale.labels", "4 labels for a scale from 1 to 5"),
        ("fair", "Good", "line 4, scale.labels", "the label 'Good' stands for two points|the label 'good' stands for two points"),
        ("[a, b]", "[]", "line 5, indicators", "0 of at least 1"),
        ("[a, b]", "{a: {}, b: a}", "line 5, indicators.b", "column 'a' is the perception of 'a' too"),
        ("[a, b]", "{a: {scael: {min: 1, max: 3}}}", "line 5, indicators.a.scael", "unknown key"),
    ],
)
def test_faults_of_required_keys(folder: Callable[..., Path], small: str, old: str, new: str, where: str, what: str) -> None:
    with pytest.raises(StudyError) as error:
        open_study(folder(small.replace(old, new), answers__csv=GOOD))
    assert any(where in p.where and any(w in p.what for w in what.split("|")) for p in error.value.problems), str(error.value)


def test_all_faults_of_a_study_come_at_once(folder: Callable[..., Path], small: str) -> None:
    more = "constructs: {X: [c]}\nmin_cell: -1\nmisssing: 3\nwave: {colum: x}\n"
    with pytest.raises(StudyError) as error:
        open_study(folder(small + more, answers__csv=GOOD))
    assert len(error.value.problems) == 3  # the unknown indicator shows once the keys are right
    more = "constructs: {X: [c]}\nwave: {column: w, colum: x}\nsegments: {r: {labl: R}}\n"
    with pytest.raises(StudyError) as error:
        open_study(folder(small + more, answers__csv=GOOD))
    assert len(error.value.problems) == 3  # unknown keys alone do not hide the rest


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", ["study.yml", "is empty"]),
        (b"- a\n- b\n", ["study.yml", "is no mapping"]),
        ("标题: x".encode("gb18030"), ["study.yml, line 1", "not encoded as UTF-8", "save it again as UTF-8"]),
        (b"id: [", ["study.yml, line", "not readable YAML"]),
    ],
)
def test_a_file_that_is_no_study(tmp_path: Path, content: bytes, says: list[str]) -> None:
    (tmp_path / "study.yml").write_bytes(content)
    with pytest.raises(StudyError) as error:
        open_study(tmp_path)
    assert all(s in str(error.value) for s in says)


def test_a_missing_study(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot be read"):
        open_study(tmp_path / "nowhere" / "study.yml")


DATA_FAULTS = [
    ("", ["answers.csv", "is empty", "export"]),
    ("\n\n", ["answers.csv", "holds no header"]),
    ("a,b\n", ["answers.csv", "no answers", "at least one row"]),
    ("a,a\n1,2\n", ["answers.csv, line 1", "'a' stands more than once", "rename"]),
    ("a,,b\n1,2,3\n", ["answers.csv, line 1", "column 2 has no name", "name it"]),
    ("a,b\n1,2\n1,2,3\n4\n", ["answers.csv, line 3", "line 3 has 3, line 4 has 1", "2 fields in every row"]),
    ('a,b\n"1,2\n3,4\n', ["answers.csv, line", "no regular CSV", "not closed"]),
    ("a,c\n1,2\n", ["study.yml, line 5", "there is no column 'b' in answers.csv", "a, c"]),
    ("a,B\n1,2\n", ["there is no column 'b'", "did you mean 'B'?"]),
    ("a,b\n1,9\n3,x\n", ["answers.csv, column b", "'9' (row 2)", "'x' (row 3)", "1 to 5", "list the code under `missing`"]),
    ("a,b\n1,2.5\n", ["answers.csv, column b", "between two points", "whole numbers from 1 to 5"]),
    ("a,b\n1,\0\n", ["answers.csv, line 2", "NUL"]),
    (b"a,b\n1,\xff\xff\n", ["answers.csv, line 2", "cannot be read as UTF-8 or GB18030", "`encoding:`"]),
    (b"PK\x03\x04rest", ["answers.csv", "Excel workbook", ".xlsx"]),
]


@pytest.mark.parametrize(("answers", "says"), DATA_FAULTS, ids=[str(i) for i in range(len(DATA_FAULTS))])
def test_faults_of_answers(folder: Callable[..., Path], small: str, answers: str | bytes, says: list[str]) -> None:
    with pytest.raises(DataError) as error:
        open_study(folder(small, answers__csv=answers))
    assert [s for s in says if s not in str(error.value)] == []


@pytest.mark.parametrize(
    ("more", "answers", "says"),
    [
        ("role: {column: r, values: {客户: customer}}", "a,b,r\n1,2,客户\n1,2,boss\n", ["column r", "'boss' (row 3)", "客户"]),
        ("role: r", "a,b,r\n1,2,customer\n1,2,\n", ["column r", "the role is not filled in", "row 3"]),
        ("wave: {column: w, order: [x]}", "a,b,w\n1,2,x\n1,2,z\n", ["column w", "'z' (row 3)", "x"]),
        ("wave: w", "a,b,w\n1,2,x\n1,2,\n", ["column w", "the wave is not filled in", "row 3"]),
        ("segments: {s: {values: {1: N}}}", "a,b,s\n1,2,1\n1,2,2\n", ["column s", "'2' (row 3)", "none of the codes"]),
        ("segments: {s: {bins: [20]}}", "a,b,s\n1,2,old\n", ["column s", "'old' (row 2)", "cut at 20"]),
        ("seconds: t", "a,b,t\n1,2,soon\n", ["column t", "no length of time"]),
        ("submitted: t", "a,b,t\n1,2,soon\n1,2,41401\n", ["column t", "'soon' (row 2); '41401' (row 3)", "2013-05-31"]),
        ("outcomes: {contribution: c}", "a,b,c\n1,2,much\n", ["column c", "is no number"]),
        ("questions: {q: {type: multi, values: {A: x}}}", "a,b,q\n1,2,A┋B\n", ["column q", "'A┋B' (row 2)", "A"]),
        ("cleaning: {attention: {q: 3}}", "a,b\n1,2\n", ["cleaning.attention.q", "there is no column 'q'"]),
        ("encoding: ascii", "a,b\n1,满意\n", ["line 2", "cannot be read as ascii", "utf-8, gb18030"]),
        ("competition: {brand: v, us: Us, shares: {Us: .5}}", "a,b,v\n1,2,Them\n", ["column v", "'Them' (row 2)", "Us"]),
    ],
)
def test_faults_of_coded_columns(folder: Callable[..., Path], small: str, more: str, answers: str, says: list[str]) -> None:
    with pytest.raises(DataError) as error:
        open_study(folder(f"{small}{more}\n", answers__csv=answers))
    assert [s for s in says if s not in str(error.value)] == []


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("../outside.csv", "lies outside the study's folder"),
        ("/etc/hostname.csv", "lies outside the study's folder"),
        ("answer.csv", "did you mean 'answers.csv'?"),
        ("answers.xls", "save it as .xlsx|there is no file"),
        ("answers.doc", "is of a kind that is not read|there is no file"),
    ],
)
def test_faults_of_file_names(folder: Callable[..., Path], small: str, file: str, says: str) -> None:
    where = folder(small.replace("answers.csv", file), answers__csv=GOOD, answers__xls="x", answers__doc="x")
    (where.parent / "outside.csv").write_text(GOOD)
    with pytest.raises(DataError) as error:
        open_study(where)
    assert says.split("|")[0] in str(error.value)
    assert "study.yml, line 3, answers" in str(error.value)


@pytest.mark.parametrize("suffix", ["xlsx", "sav", "parquet"])
def test_a_damaged_file(folder: Callable[..., Path], small: str, suffix: str) -> None:
    where = folder(small.replace("answers.csv", f"answers.{suffix}"), **{f"answers__{suffix}": b"no such thing" * 40})
    with pytest.raises(DataError, match=rf"answers\.{suffix}: is no readable"):
        open_study(where)


def test_all_faulty_files_are_named(folder: Callable[..., Path], small: str) -> None:
    where = folder(small.replace("answers.csv", "[x.csv, y.csv]"), x__csv="", y__csv="a\n1,2\n")
    with pytest.raises(DataError) as error:
        open_study(where)
    assert len(error.value.problems) == 2


def test_the_same_file_twice_would_count_twice(folder: Callable[..., Path], small: str) -> None:
    with pytest.raises(StudyError, match="stands twice"):
        open_study(folder(small.replace("answers.csv", "[answers.csv, answers.csv]"), answers__csv=GOOD))


def test_a_column_not_found_in_a_file_taken_for_gb18030_hints_at_big5(folder: Callable[..., Path], small: str) -> None:
    study = small.replace("[a, b]", "{a: {}, b: 滿意}")
    with pytest.raises(DataError, match="encoding: big5"):
        open_study(folder(study, answers__csv="a,滿意\n1,2\n".encode("big5")))


def test_check_reports_what_open_raises(folder: Callable[..., Path], small: str) -> None:
    for more, answers in [("min_cel: 3\n", GOOD), ("", "a,b\n1,9\n"), ("", ""), ("respondent: id\n", "id,a,b\n1,1,2\n1,1,2\n")]:
        where = folder(small + more, answers__csv=answers)
        with pytest.raises(CsrError) as error:
            open_study(where)
        assert check_study(where).problems == error.value.problems
