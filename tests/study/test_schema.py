"""The format of study.yml: every key, short and long forms, and the JSON schema."""

from __future__ import annotations

import datetime as dt

import jsonschema
import pytest

from csr_lib.core.errors import OptionError, StudyError
from csr_lib.study import Study, schema_json
from csr_lib.study.yaml_tree import parse


def test_a_study_that_uses_every_key_is_read(full: str) -> None:
    study = Study.parse(full)
    assert study.answers[1].wave == "2013"
    assert study.segments["market"].column is None
    assert study.wave.periods["2012"] == (dt.date(2012, 1, 1), dt.date(2012, 12, 31))
    assert study.operations.metrics["repair"].limit == dt.timedelta(hours=24)
    assert study.operations.metrics["kept"].target == 0.95
    assert study.warnings["quality"].tiers["strategic"].red == dt.timedelta(hours=8)
    assert study.targets["satisfaction"] == {"all": 85}
    assert study.evaluation.ahp["Reliability"]["e1"][0] == (1, pytest.approx(0.2))
    assert study.missing == ("99", "不清楚")
    assert study.cleaning.contradictions[0].and_ == {"overall": ("1", "2")}
    assert study.analyses == {
        "importance_performance": {"importance": "relative_weights", "cut": "mean"},
        "gap": {},
        "index": None,
    }


def test_every_top_level_key_is_used_by_the_full_example(full: str) -> None:
    used = set(parse(full).values) | {"case_weight"}  # which excludes `weighting`
    assert used == set(Study.model_fields)


def test_short_forms_mean_their_long_forms(small: str) -> None:
    short = small.replace("[a, b]", "{a: {importance: I1}, b: P2}\nsegments: {r: ort}\noutcomes: {satisfaction: s}\nwave: w")
    long = small.replace(
        "[a, b]",
        "{a: {importance: {column: I1}}, b: {perception: {column: P2}}}\nsegments: {r: {column: ort}}\n"
        "outcomes: {satisfaction: {column: s}}\nwave: {column: w}",
    ).replace("answers: answers.csv", "answers: [{file: answers.csv}]")
    assert Study.parse(short).model_dump() == Study.parse(long).model_dump()


def test_scale_labels_take_three_forms() -> None:
    base = "id: x\ntitle: X\nanswers: a.csv\nindicators: [a]\nscale: {min: 1, max: 3, labels: "
    assert Study.parse(base + "[low, mid, high]}").scale.labels == {1: "low", 2: "mid", 3: "high"}
    assert Study.parse(base + "{zh: [低, 中, 高], en: [low, mid, high]}}").scale.labels[3] == {"zh": "高", "en": "high"}
    assert Study.parse(base + "{1: low, 3: high}}").scale.labels == {1: "low", 3: "high"}


def test_the_json_schema_accepts_both_examples(small: str, full: str) -> None:
    validator = jsonschema.Draft202012Validator(schema_json())
    for text in (small, full):
        assert [e.message for e in validator.iter_errors(parse(text).values)] == []


def test_the_json_schema_refuses_what_the_study_refuses(small: str) -> None:
    validator = jsonschema.Draft202012Validator(schema_json())
    for wrong in ("min_cel: 5", "min_cell: few", "missing_rule: mean", "wave: {colum: x}"):
        assert not validator.is_valid(parse(f"{small}{wrong}\n").values)


def test_a_plain_expectation_is_the_customers_and_a_plain_perception_everybodys(small: str) -> None:
    study = Study.parse(small.replace("[a, b]", "{a: {expectation: E1}, b: {expectation: {customer: E2, management: M2}}}"))
    assert study.rating("a", "expectation", "user").column == "E1"
    assert study.rating("a", "expectation", "management") is None
    assert study.rating("b", "expectation", "management").column == "M2"
    assert study.rating("b", "expectation", "staff") is None
    assert study.rating("a", "perception", "staff").column == "a"


def test_an_indicators_scale_holds_for_all_but_its_importance(full: str) -> None:
    study = Study.parse(full.replace("importance: {column: I1, scale: {min: 1, max: 10}}", "importance: I1"))
    assert study.rating("safety", "perception").scale.max == 10
    assert study.rating("safety", "competitor:Rival").scale.max == 10
    assert study.rating("safety", "importance").scale.max == 5
    assert study.rating("safety", "perception").reverse
    assert not study.rating("safety", "importance").reverse


def test_an_unknown_kind_of_rating_names_the_known_ones(full: str) -> None:
    with pytest.raises(OptionError, match="competitor:Rival"):
        Study.parse(full).rating("safety", "percepton")


def test_leaves_go_through_all_levels(full: str) -> None:
    assert Study.parse(full).leaves("Service") == ("safety", "IMAG1", "short")


def test_a_construct_may_be_an_outcome(full: str) -> None:
    study = Study.parse(full)
    assert study.outcome_construct("loyalty") == "Reliability"
    assert study.outcome_rating("loyalty") is None
    assert study.outcome_rating("recommendation").scale.max == 10  # 0–10 by definition


def test_an_outcome_without_a_label_is_called_as_its_construct_or_as_usual(full: str) -> None:
    study = Study.parse(full)
    assert study.label("loyalty") == study.label("Reliability")
    assert study.label("repurchase") == {"zh": "再次购买意愿", "en": "Repurchase intention"}


def test_an_outcome_takes_the_scale_of_the_indicator_it_names(full: str) -> None:
    study = Study.parse(full.replace("expectation_met: met", "expectation_met: safety"))
    rating = study.outcome_rating("expectation_met")
    assert (rating.column, rating.scale.max, rating.reverse) == ("P1", 10, True)


def test_the_model_is_built_from_paths_or_a_template(full: str) -> None:
    model = Study.parse(full).build_model()
    assert model.target == "Price"
    assert model.construct("Empathy").items == ("short",)
    assert model.paths == (("Reliability", "Empathy"), ("Empathy", "Price"))


def test_a_study_without_a_model_says_how_to_get_one(small: str) -> None:
    with pytest.raises(StudyError, match="template"):
        Study.parse(small).build_model()


def test_a_study_is_frozen(small: str) -> None:
    study = Study.parse(small)
    with pytest.raises(ValueError, match="frozen"):
        study.id = "other"


def test_files_alone_may_name_the_waves(small: str) -> None:
    study = Study.parse(small.replace("answers: answers.csv", "answers: [{file: x.csv, wave: May}, {file: y.csv, wave: 7}]"))
    assert study.wave_key.order == ("May", "7")
