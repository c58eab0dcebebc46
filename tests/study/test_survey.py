"""Survey: selections, groups, ratings, outcomes, and what it says about itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from csr_lib.core.errors import DataError, OptionError, StudyError
from csr_lib.core.model import Construct
from csr_lib.study import Survey, check_study, open_study

STUDY = """\
id: shop
title: {zh: 商店, en: Shop}
answers: answers.csv
respondent: id
wave: {column: year, order: ["2012", "2013"], periods: {"2012": [2012-01-01, 2012-12-31], "2013": [2013-01-01, 2013-06-30]}}
segments:
  region: {label: {zh: 地区, en: Region}, values: {1: {zh: 北, en: North}, 2: {zh: 南, en: South}, 3: East}}
  age: {bins: [20, 30]}
  size: {order: [small, large]}
  any:
questions:
  use: {type: multi, separator: "┋"}
  ways: {type: multi, columns: [w1, w2]}
  visits: {type: number}
  channel: {values: {1: App, 2: Shop}}
verbatims: comment
submitted: done
scale: {min: 1, max: 5}
indicators:
  price: {label: {zh: 价格, en: Price}, importance: i1, expectation: e1}
  waiting: {reverse: true, importance: {column: i2, scale: {min: 1, max: 10}}}
  food: {scale: {min: 1, max: 10}}
constructs:
  Core: [price, waiting]
  All: [price, food]
outcomes:
  satisfaction: {column: overall, top: 2}
  loyalty: Core
  recommendation: All
  complaint: {column: complained, yes: [1, 是]}
  contribution: revenue
min_cell: 2
"""
COLUMNS = (
    "id,year,region,age,size,any,use,w1,w2,visits,channel,comment,done,price,waiting,food,i1,i2,e1,overall,complained,revenue"
)
ROWS = [
    "1,2012,1,19,small,b,A┋B,1,0,3,1,<b>hi</b>,2012/3/1 10:00,5,1,10,5,10,5,5,1,1000",
    "2,2012,南,20,large,a,B,,,4,App,,2012-03-02,4,2,7,4,8,4,4,0,250.5",
    "3,2012,2,29.5,large,a,,0,1,,2,,2012-03-02 08:30:00,,3,4,3,6,3,3,是,",
    "4,2013,1,30,small,a,A,(跳过),(跳过),1,,,2013-01-02,2,,1,2,4,2,2,,0",
    "5,2013,3,,large,c,(跳过),1,1,1,-3,,2013-01-03,1,5,5,1,2,1,1,0,10",
]


@pytest.fixture
def shop(folder: Callable[..., Path]) -> Survey:
    return open_study(folder(STUDY, answers__csv="\n".join([COLUMNS, *ROWS]) + "\n"), lang="en")


def test_ratings_are_turned_so_that_higher_is_better(shop: Survey) -> None:
    ratings = shop.ratings()
    assert list(ratings.columns) == ["price", "waiting", "food"]
    np.testing.assert_array_equal(ratings["waiting"], [5, 4, 3, np.nan, 1])
    np.testing.assert_array_equal(shop.frame["waiting"], [1, 2, 3, np.nan, 5])  # as answered


def test_only_indicators_with_a_kind_have_it(shop: Survey) -> None:
    assert list(shop.ratings("importance").columns) == ["price", "waiting"]
    assert shop.scale("waiting", "importance").max == 10
    assert list(shop.ratings("expectation")) == ["price"]
    with pytest.raises(DataError, match=r"indicators\.food.*has no importance"):
        shop.ratings("importance", ["food"])
    with pytest.raises(OptionError, match="did you mean 'price'"):
        shop.ratings(indicators=["prise"])


def test_segments_are_coded_by_values_order_bins_or_as_they_stand(shop: Survey) -> None:
    codes = shop.codes
    assert codes["region"].tolist() == ["1", "2", "2", "1", "3"]
    assert codes["age"].astype(object).where(codes["age"].notna(), None).tolist() == ["-20", "20-30", "20-30", "30-", None]
    assert shop.values("size") == ("small", "large")
    assert shop.values("any") == ("a", "b", "c")
    assert shop.label("age=-20") == {"zh": "20 以下", "en": "under 20"}
    assert shop.label("age=20-30") == "20–<30"  # answers are not all whole


def test_a_bin_of_whole_ages_is_named_by_its_last_year(folder: Callable[..., Path], small: str) -> None:
    study = small + "segments: {age: {bins: [20, 30, 31]}}\n"
    survey = open_study(folder(study, answers__csv="a,b,age\n1,2,25\n1,2,30\n"))
    assert [survey.value_label("age", v) for v in survey.values("age")] == ["20–29", "30"]


def test_where_takes_codes_labels_and_lists(shop: Survey) -> None:
    assert shop.where(region=1).n == shop.where(region="North").n == shop.where({"region": "北"}).n == 2
    assert shop.where(region=["North", "East"]).n == 3
    assert shop.where(region="South", size="large").n == 2
    assert shop.where(region="South").where(size="large").filters == {"region": ("2",), "size": ("large",)}
    assert shop.n == 5  # the first survey is untouched


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"regoin": "North"}, "unknown segment 'regoin'.*did you mean 'region'"),
        ({"region": "Nort"}, r"unknown value of region 'Nort'.*1 \(North\)"),
        ({"wave": "2014"}, "unknown value of wave '2014'.*2012, 2013"),
    ],
)
def test_unknown_filters_name_the_known_ones(shop: Survey, filters: dict[str, str], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        shop.where(filters)


def test_filters_are_mappings_only(shop: Survey) -> None:
    with pytest.raises(OptionError, match="no mapping"):
        shop.where("region == 'North'")  # type: ignore[arg-type]


def test_an_empty_selection_is_an_error(shop: Survey) -> None:
    with pytest.raises(DataError, match="no answers are left where region = 3, wave = 2012"):
        shop.where(region="East").wave("2012")


def test_small_groups_are_withheld_with_a_second_one(shop: Survey) -> None:
    groups = shop.groups("region")
    assert [(g.value, g.n, g.small) for g in groups] == [("2", 2, True)]
    assert groups.withheld == ({"zh": "北", "en": "North"}, "East")
    assert [g.value for g in shop.groups("region", total_shown=False)] == ["1", "2"]


def test_groups_may_be_waves_and_roles(shop: Survey) -> None:
    assert [g.value for g in shop.groups("wave")] == ["2012", "2013"]
    assert [g.value for g in shop.groups("role")] == ["customer"]
    with pytest.raises(OptionError, match="unknown segment"):
        shop.groups("weather")


def test_outcomes_have_their_units(shop: Survey) -> None:
    np.testing.assert_array_equal(shop.outcome("satisfaction"), [5, 4, 3, 2, 1])
    np.testing.assert_array_equal(shop.outcome("complaint"), [1, 0, 1, np.nan, 0])
    np.testing.assert_array_equal(shop.outcome("contribution"), [1000, 250.5, np.nan, 0, 10])
    assert shop.outcome_scale("contribution") is None
    assert shop.outcome_scale("complaint").max == 1
    with pytest.raises(OptionError, match="did you mean 'loyalty'"):
        shop.outcome("loyality")


def test_a_constructs_outcome_is_the_mean_of_what_was_answered(shop: Survey) -> None:
    np.testing.assert_array_equal(shop.outcome("loyalty"), [5, 4, 3, 2, 1])
    assert shop.outcome_scale("loyalty").max == 5


def test_indicators_on_different_scales_are_averaged_on_0_to_100(shop: Survey) -> None:
    assert shop.outcome("recommendation")[0] == 100
    assert shop.outcome("recommendation")[1] == pytest.approx((75 + 600 / 9) / 2)
    assert shop.outcome_scale("recommendation").max == 100


def test_questions_are_coded_by_their_type(shop: Survey) -> None:
    assert shop.question("use").to_dict("list")["A"][:2] == [1, 0]
    assert shop.question("use").isna().all(axis=1).tolist() == [False, False, True, False, True]
    ways = shop.question("ways")
    assert ways.isna().all(axis=1).tolist() == [False, True, False, True, False]
    assert ways.loc[2].tolist() == [0, 1]
    np.testing.assert_array_equal(shop.question("visits"), [3, 4, np.nan, 1, 1])
    assert shop.question("channel").astype(object).where(shop.question("channel").notna(), None).tolist() == [
        "1",
        "1",
        "2",
        None,
        None,
    ]
    with pytest.raises(OptionError, match="use, visits, ways"):
        shop.question("ues")


def test_source_and_basis_say_whose_answers_these_are(shop: Survey) -> None:
    source = shop.wave("2012").where(region="South").source()
    assert source.period == "2012-01-01 – 2012-12-31"
    assert source.filters == {"wave": "2012", "region": "2"}
    assert set(source.hashes) == {"study.yml", "answers.csv"}
    assert all(len(h) == 64 for h in source.hashes.values())
    assert source.n_read == 5
    assert shop.basis(1).n == 4
    assert shop.basis(1).missing_rule == "listwise"
    assert shop.basis().missing_rule == "none"


def test_the_period_comes_from_the_times_of_return_where_waves_have_none(folder: Callable[..., Path]) -> None:
    study = STUDY.replace(', periods: {"2012": [2012-01-01, 2012-12-31], "2013": [2013-01-01, 2013-06-30]}', "")
    survey = open_study(folder(study, answers__csv="\n".join([COLUMNS, *ROWS]) + "\n"))
    assert survey.period == "2012-03-01 – 2013-01-03"


def test_labels_are_found_for_everything_that_has_one(shop: Survey) -> None:
    assert shop.label("price") == {"zh": "价格", "en": "Price"}
    assert shop.label("region") == {"zh": "地区", "en": "Region"}
    assert shop.label("region=2") == {"zh": "南", "en": "South"}
    assert shop.label("nothing") == "nothing"
    assert shop.label("role=customer")["en"] == "customers"


def test_moments_are_those_of_the_ratings(shop: Survey) -> None:
    found = shop.moments(["price", "waiting"])
    complete = shop.ratings()[["price", "waiting"]].dropna()
    np.testing.assert_allclose(found.mean, complete.mean())
    assert found.n == len(complete)


def test_a_survey_is_frozen(shop: Survey) -> None:
    with pytest.raises(AttributeError):
        shop.lang = "zh"  # type: ignore[misc]


ROLES = """\
id: roles
title: Roles
answers: [{file: customers.csv}, {file: staff.csv, role: staff}, {file: boss.csv, role: management}]
scale: {min: 1, max: 7}
indicators:
  a: {perception: {customer: P1, staff: S1}, expectation: {customer: E1, management: M1}, importance: I1}
  b: {perception: P2, expectation: E2, importance: I2}
"""
FILES = {
    "customers__csv": "P1,P2,E1,E2,I1,I2\n1,2,3,4,5,6\n2,3,4,5,6,7\n",
    "staff__csv": "S1,P2\n7,6\n",
    "boss__csv": "M1,I1,I2\n5,4,3\n",
}


@pytest.fixture
def roles(folder: Callable[..., Path]) -> Survey:
    return open_study(folder(ROLES, **FILES))


def test_each_role_answers_its_own_columns(roles: Survey) -> None:
    assert roles.roles == ("customer", "management", "staff")
    assert roles.role("staff").ratings().to_dict("list") == {"a": [7], "b": [6]}
    assert roles.role("management").ratings("expectation").to_dict("list") == {"a": [5]}
    assert roles.role("management").ratings("importance").to_dict("list") == {"a": [4], "b": [3]}
    assert roles.role("customer").ratings("expectation").to_dict("list") == {"a": [3, 4], "b": [4, 5]}


def test_roles_never_mix(roles: Survey) -> None:
    assert roles.ratings()["b"].tolist()[:2] == [2, 3]
    assert roles.ratings().iloc[2:].isna().all(axis=None)
    assert roles.customers().n == 2
    assert roles.customers().ratings().notna().all(axis=None)
    assert roles.moments(["a", "b"]).n == 2


def test_files_say_which_needed_columns_they_lack(roles: Survey) -> None:
    assert set(roles.data.raw.files[1].absent) == {"P1", "E1", "M1", "I1", "E2", "I2"}


def test_one_row_may_be_one_brand_rated(folder: Callable[..., Path], small: str) -> None:
    study = small + "respondent: id\ncompetition: {brand: brand, us: Us, shares: {Us: .6, Rival: .4}}\n"
    answers = "id,brand,a,b\n1,Us,5,4\n1,Rival,2,1\n2,Rival,3,3\n"  # the same respondent may rate two brands
    survey = open_study(folder(study, answers__csv=answers))
    assert survey.ratings()["a"].tolist()[:1] == [5]
    assert survey.ratings()["a"].notna().sum() == 1
    assert survey.ratings("competitor:Rival")["a"].dropna().tolist() == [2, 3]
    assert survey.customers().n == 1


def test_the_model_has_indicator_keys_as_items(folder: Callable[..., Path], small: str) -> None:
    study = small + "constructs: {X: [a], Satisfaction: [b]}\nmodel: {paths: {X: [Satisfaction]}}\n"
    survey = open_study(folder(study, answers__csv="a,b\n1,2\n"))
    assert survey.model().construct("X") == Construct("X", ("a",))


def test_check_lists_everything_and_gives_the_survey_where_it_can(folder: Callable[..., Path], small: str) -> None:
    good = check_study(folder(small, answers__csv="a,b\n1,2\n"))
    assert good.problems == ()
    assert good.survey is not None
    bad = check_study(folder(small, answers__csv="a,b\n1,9\nx,2\n8,9\n"))
    assert bad.survey is None
    assert len(bad.problems) == 3
    assert list(bad.frame.columns) == ["where", "what", "allowed", "mend"]
    assert bad.answers[["row", "column", "value"]].to_numpy().tolist() == [
        [3, "a", "x"],
        [4, "a", "8"],
        [2, "b", "9"],
        [4, "b", "9"],
    ]


def test_check_and_open_refuse_an_unknown_language(folder: Callable[..., Path], small: str) -> None:
    with pytest.raises(OptionError, match="unknown language 'fr'"):
        open_study(folder(small, answers__csv="a,b\n1,2\n"), lang="fr")


def test_operations_are_read_as_text(folder: Callable[..., Path], small: str) -> None:
    study = small + "operations: {file: ops.csv, columns: {time: t}, metrics: {m: {kind: rate, numerator: {kept: [1]}}}}\n"
    where = folder(study, answers__csv="a,b\n1,2\n", ops__csv="t,kept\n2013-01-01,01\n")
    assert open_study(where).operations().frame["kept"].tolist() == ["01"]
    (where / "ops.csv").write_text("t,kpt\n1,1\n")
    with pytest.raises(DataError, match="did you mean 'kpt'"):
        open_study(where).operations()


def test_a_study_without_operations_says_so(shop: Survey) -> None:
    with pytest.raises(DataError, match="no operational records"):
        shop.operations()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_cards_escape_everything(folder: Callable[..., Path], lang: str) -> None:
    evil = "<script>alert(1)</script>"
    study = STUDY.replace("{zh: 商店, en: Shop}", f"'{evil}'").replace("3: East", f"3: '{evil}'")
    survey = open_study(folder(study, answers__csv="\n".join([COLUMNS, *ROWS]) + "\n"), lang=lang)
    for card in (survey._repr_html_(), survey.study._repr_html_(), survey.where(region=3)._repr_html_()):
        assert "<script" not in card
        assert "&lt;script&gt;" in card


def test_the_card_of_a_survey_names_no_small_count(shop: Survey) -> None:
    card = shop._repr_html_()
    assert "South (2)" in card
    assert "East" not in card
    assert "North" not in card


def test_wide_surveys_open_in_seconds(folder: Callable[..., Path]) -> None:
    columns = [f"q{i}" for i in range(50)]
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.integers(1, 6, (20_000, 50)), columns=columns)
    study = f"id: wide\ntitle: Wide\nanswers: a.csv\nscale: {{min: 1, max: 5}}\nindicators: [{', '.join(columns)}]\n"
    import time

    where = folder(study, a__csv=frame.to_csv(index=False))
    start = time.process_time()
    survey = open_study(where)
    assert time.process_time() - start < 5  # a million cells; one by one would be minutes
    np.testing.assert_array_equal(survey.ratings().to_numpy(), frame.to_numpy())


def test_study_error_is_raised_before_any_file_is_read(folder: Callable[..., Path], small: str) -> None:
    with pytest.raises(StudyError):
        open_study(folder(small + "colour: red\n"))
