"""The plan of a sample: sizes by hand, by textbook formulas, and where each of its facts comes from."""

import math
from pathlib import Path

import pytest

from csr_lib.core.errors import CsrError, DataError, OptionError
from csr_lib.study import Study, Survey, open_study
from csr_lib.study.planning import plan_sample

STUDY = """\
id: shops
title: Shops
answers: answers.csv
segments: {place: {values: {a: Town, b: Village}}, kind: {}}
sampling: {issued: 100, returned: 80, valid: 50, population: 1000, strata: place}
scale: {min: 1, max: 5}
indicators: {taste: {perception: q1}, price: {perception: q2}}
outcomes: {satisfaction: overall}
"""

#: 30 in a: 15 say 5, 15 say 1; 20 in b: all say 4.
ROWS = [f"a,x,{v},{v},{v}" for v in (5, 1) for _ in range(15)] + ["b,x,4,4,4"] * 20


def make(folder: Path, changes: str = "", rows: list[str] | None = None) -> Survey:
    (folder / "study.yml").write_text(STUDY + changes, encoding="utf-8")
    text = "\n".join(["place,kind,q1,q2,overall", *(rows or ROWS)])
    (folder / "answers.csv").write_text(text, encoding="utf-8")
    return open_study(folder, lang="en")


def test_a_careful_plan_is_the_textbooks(tmp_path: Path) -> None:
    found = plan_sample(make(tmp_path).study, margin=0.05)
    infinite = 1.959964**2 / 4 / 0.05**2
    assert found.n == math.ceil(infinite / (1 + (infinite - 1) / 1000)) == 278  # Krejcie and Morgan's table
    assert found.issued == 2 * found.n
    assert found.origins["spread"] == "careful"
    assert list(found.totals["rule"]) == ["simple"]  # nothing tells how large the strata are


def test_strata_get_whole_numbers_that_add_up_and_know_where_their_size_comes_from(tmp_path: Path) -> None:
    survey = make(tmp_path)
    found = plan_sample(survey.study, survey, margin=0.05)
    rows = found.by_stratum.set_index("stratum")
    assert found.origins["population_share"] == "answers"
    assert rows["population"].to_dict() == {"a": 600, "b": 400}
    assert rows["n"].sum() == found.totals.set_index("rule").loc["proportional", "n"]
    assert rows["n_alone"].to_dict() == {"a": 235, "b": 197}  # 600 and 400 by the same formula
    quotas = plan_sample(make(tmp_path, "", None).study.model_copy(update={"sampling": _with_quotas(survey.study)}))
    assert quotas.origins["population_share"] == "quotas"
    assert quotas.by_stratum["population_share"].tolist() == [0.25, 0.75]


def _with_quotas(study: Study) -> object:
    return study.sampling.model_copy(update={"quotas": {"place": {"a": 10, "b": 30}}})


def test_margins_of_the_population_go_before_everything_else(tmp_path: Path) -> None:
    survey = make(tmp_path, "weighting: {margins: {place: {a: .3, b: .7}}}\n")
    found = plan_sample(survey.study, survey)
    assert found.origins["population_share"] == "weighting"
    assert found.by_stratum["population_share"].tolist() == pytest.approx([0.3, 0.7])
    assert found.origins["design_effect"] == "case_weight"
    assert found.design_effect == pytest.approx(50 * (30 * 0.5**2 + 20 * 1.75**2) / 50**2)


def test_neyman_sends_more_to_where_answers_vary(tmp_path: Path) -> None:
    survey = make(tmp_path)
    found = plan_sample(survey.study, survey, of="score", margin=5, response_rate=0.8)
    rows = found.by_stratum.set_index(["rule", "stratum"])
    assert found.spread == pytest.approx(math.sqrt(sum((v - 60) ** 2 for v in [100] * 15 + [0] * 15 + [75] * 20) / 49))
    assert rows.loc[("neyman", "a"), "spread"] == pytest.approx(50 * math.sqrt(30 / 29))
    assert rows.loc[("neyman", "b"), "n"] == 2  # nobody differs there: as few as tell a variance
    assert rows.loc[("proportional", "b"), "n"] > 50
    assert found.totals["n"].is_monotonic_decreasing
    assert (found.totals["margin"] <= 5).all()


def test_the_share_satisfied_is_moved_towards_one_half(tmp_path: Path) -> None:
    survey = make(tmp_path)
    found = plan_sample(survey.study, survey, share="answers")
    spread = found.by_stratum.drop_duplicates("stratum").set_index("stratum")["spread"]
    assert spread.to_dict() == pytest.approx({"a": 17 / 34, "b": 22 / 24})
    small = make(tmp_path, "min_cell: 31\n")
    assert set(plan_sample(small.study, small, share="answers").by_stratum["spread"]) == {37 / 54}


def test_an_unknown_population_needs_no_correction(tmp_path: Path) -> None:
    study = make(tmp_path).study
    study = study.model_copy(update={"sampling": study.sampling.model_copy(update={"population": None})})
    found = plan_sample(study, strata="", response_rate=1)
    assert (found.n, found.population, len(found.by_stratum)) == (385, None, 0)


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"margin": 0}, OptionError, "margin"),
        ({"strata": "plaace"}, OptionError, "did you mean 'place'?"),
        ({"of": "score"}, OptionError, "answers of a pilot"),
        ({"share": 1.2}, OptionError, "between 0 and 1"),
        ({"strata": "kind"}, DataError, "weighting"),
        ({"response_rate": 0}, OptionError, "response rate"),
        ({"population": 1, "margin": 0.9, "response_rate": 1}, OptionError, "2 strata"),
        ({"margin": 0.001}, CsrError, "wider margin"),
    ],
)
def test_what_cannot_be_planned_says_why(tmp_path: Path, asked: dict, error: type, said: str) -> None:
    study = make(tmp_path, "weighting: {margins: {place: {a: .3, b: .7}}}\n").study
    with pytest.raises(error, match=said):
        plan_sample(study, **asked)
