"""Answers with known truth are as true as they say."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import OptionError
from csr_lib.core.model import Construct, Model
from csr_lib.simulate import Margin, Population, careless, draw, durations, leave_out, nudge, return_times, stratify, tune

MODEL = Model(
    (Construct("A", ("a1", "a2")), Construct("B", ("b1", "b2")), Construct("Y", ("y1", "y2")), Construct("Z", ("z1",))),
    (("A", "Y"), ("B", "Y"), ("Y", "Z")),
    "Y",
)
PATHS = {("A", "Y"): 0.5, ("B", "Y"): 0.3, ("Y", "Z"): -0.6}
LOADINGS = {"a1": 0.9, "a2": 0.7, "b1": 0.8, "b2": 0.6, "y1": 0.85, "y2": 0.75, "z1": 1.0}
MARGINS = {name: Margin.of(7.5, 1.6) for name in LOADINGS}


@pytest.fixture(scope="module")
def population() -> Population:
    return Population.from_model(MODEL, PATHS, LOADINGS, MARGINS, {("A", "B"): 0.4})


@pytest.fixture
def answers() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame({f"q{i}": Margin.of(7.0 + i / 4, 1.5).grade(rng.standard_normal(1000)) for i in range(6)})


# ---- margins


@settings(max_examples=60)
@given(high=st.sampled_from([5, 7, 10]), place=st.floats(0.15, 0.9), width=st.floats(0.14, 0.24))
def test_a_margin_has_the_moments_that_were_asked_for(high: int, place: float, width: float) -> None:
    mean, sd = 1 + place * (high - 1), width * (high - 1)
    assume(sd < 0.95 * np.sqrt((mean - 1) * (high - mean)) and sd > 0.6)
    margin = Margin.of(mean, sd, 1, high)
    shares, grades = np.array(margin.shares), np.arange(1, high + 1)
    assert shares.sum() == pytest.approx(1)
    assert shares @ grades == pytest.approx(mean, abs=1e-6)
    assert np.sqrt(shares @ (grades - mean) ** 2) == pytest.approx(sd, abs=1e-6)


def test_margins_of_satisfaction_lean_to_the_top_with_one_peak() -> None:
    shares = np.array(Margin.of(7.6, 1.7).shares)
    steps = np.sign(np.diff(shares))
    assert (np.diff(steps) <= 0).all()
    third = shares @ (np.arange(1, 11) - 7.6) ** 3
    assert third < 0


def test_grading_gives_every_grade_its_share() -> None:
    margin = Margin((0.05, 0.15, 0.3, 0.4, 0.1))
    from scipy.special import ndtri

    evenly = ndtri((np.arange(100_000) + 0.5) / 100_000)
    counts = np.bincount(margin.grade(evenly), minlength=6)[1:]
    np.testing.assert_allclose(counts / 100_000, margin.shares, atol=2e-5)


@pytest.mark.parametrize(("mean", "sd"), [(10.5, 1), (1, 1), (9.8, 4), (7, 0), (float("nan"), 1)])
def test_impossible_margins_are_refused(mean: float, sd: float) -> None:
    with pytest.raises(OptionError, match=r"standard deviation"):
        Margin.of(mean, sd)


@pytest.mark.parametrize("shares", [(1.0,), (0.5, 0.6), (-0.1, 1.1), (float("nan"), 1.0)])
def test_shares_that_are_no_distribution_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(OptionError, match="not a distribution"):
        Margin(shares)


# ---- populations


def test_correlations_follow_the_tracing_rules(population: Population) -> None:
    r = population.correlation
    assert r.loc["A", "Y"] == pytest.approx(0.5 + 0.3 * 0.4)
    assert r.loc["B", "Y"] == pytest.approx(0.3 + 0.5 * 0.4)
    assert r.loc["A", "Z"] == pytest.approx(-0.6 * 0.62)
    assert r.loc["a1", "a2"] == pytest.approx(0.9 * 0.7)
    assert r.loc["a1", "y2"] == pytest.approx(0.9 * 0.62 * 0.75)
    assert population.truth["r2"]["Y"] == pytest.approx(0.5 * 0.62 + 0.3 * 0.5)
    assert population.truth["total_effects"] == {"A -> Y": 0.5, "B -> Y": 0.3}


def test_answers_show_what_the_population_says(population: Population) -> None:
    sample = draw(population, 60_000, seed=1)
    assert list(sample.answers) == list(LOADINGS)
    assert list(sample.scores) == ["A", "B", "Y", "Z"]
    beta = np.linalg.lstsq(sample.scores[["A", "B"]].to_numpy(), sample.scores["Y"].to_numpy(), rcond=None)[0]
    np.testing.assert_allclose(beta, [0.5, 0.3], atol=0.015)
    items = list(LOADINGS)
    lost = population.correlation.loc[items, items] - sample.answers.corr()
    assert lost.abs().to_numpy().max() < 0.05  # grading weakens correlations a little
    np.testing.assert_allclose(sample.answers.mean(), 7.5, atol=0.03)
    np.testing.assert_allclose(sample.answers.std(), 1.6, atol=0.03)
    assert sample.answers.to_numpy().min() >= 1
    assert sample.answers.to_numpy().max() <= 10


def test_a_shift_travels_along_the_paths(population: Population) -> None:
    moved = pd.DataFrame({"A": np.repeat([0.0, 1.0], 20_000)})
    scores = draw(population, 40_000, seed=2, shifts=moved).scores
    change = scores[20_000:].mean() - scores[:20_000].mean()
    np.testing.assert_allclose(change[["A", "B", "Y", "Z"]], [1, 0, 0.5, -0.3], atol=0.04)


def test_a_correlation_matrix_is_enough(population: Population) -> None:
    r = pd.DataFrame([[1, 0.6], [0.6, 1]], index=["p", "q"], columns=["p", "q"])
    sample = draw(Population.from_correlation(r, {"p": Margin.of(5, 2), "q": Margin.of(6, 2)}), 40_000, seed=3)
    assert sample.answers.corr().loc["p", "q"] == pytest.approx(0.59, abs=0.015)
    assert sample.scores.shape == (40_000, 0)


def test_the_same_seed_gives_the_same_answers(population: Population) -> None:
    pd.testing.assert_frame_equal(draw(population, 50, seed=4).answers, draw(population, 50, seed=4).answers)
    assert not draw(population, 50, seed=4).answers.equals(draw(population, 50, seed=5).answers)


def test_what_is_wrong_with_a_population_is_named() -> None:
    with pytest.raises(OptionError, match="'a9'"):
        Population.from_model(MODEL, PATHS, LOADINGS | {"a9": 0.5}, MARGINS)
    with pytest.raises(OptionError, match=r"nothing is given for \('Y', 'Z'\)"):
        Population.from_model(MODEL, {k: v for k, v in PATHS.items() if k[1] == "Y"}, LOADINGS, MARGINS)
    with pytest.raises(OptionError, match=r"explain 1\.65"):
        Population.from_model(MODEL, PATHS | {("A", "Y"): 1.0, ("B", "Y"): 0.5}, LOADINGS, MARGINS, {("A", "B"): 0.4})
    with pytest.raises(OptionError, match="explain nan"):
        Population.from_model(MODEL, PATHS | {("A", "Y"): float("nan")}, LOADINGS, MARGINS)
    with pytest.raises(OptionError, match="contradict"):
        Population.from_model(MODEL, PATHS, LOADINGS, MARGINS, {("A", "B"): 1.1})
    with pytest.raises(OptionError, match="follow from them"):
        Population.from_model(MODEL, PATHS, LOADINGS, MARGINS, {("A", "Y"): 0.4})
    with pytest.raises(OptionError, match=r"item 'a1'.*from -1 to 1"):
        Population.from_model(MODEL, PATHS, LOADINGS | {"a1": 1.2}, MARGINS)
    with pytest.raises(OptionError, match="not a correlation matrix"):
        Population.from_correlation(pd.DataFrame([[1, 1.2], [1.2, 1]], index=list("pq"), columns=list("pq")), {})


def test_what_is_wrong_with_a_draw_is_named(population: Population) -> None:
    with pytest.raises(OptionError, match="1 or more"):
        draw(population, 0, seed=1)
    with pytest.raises(OptionError, match="did you mean"):
        draw(population, 2, seed=1, shifts=pd.DataFrame({"y3": [0, 0]}))
    with pytest.raises(OptionError, match="3 rows for 2"):
        draw(population, 2, seed=1, shifts=pd.DataFrame({"Y": [0, 0, 0]}))


# ---- fieldwork


def test_weights_put_over_sampling_right() -> None:
    strata = pd.DataFrame({"region": ["N", "S", "W"], "share": [70, 25, 5], "n": [30, 30, 40]})
    rows = stratify(strata)
    assert len(rows) == 100
    assert rows["weight"].mean() == pytest.approx(1)
    assert (rows.groupby("region")["weight"].sum() / 100).to_dict() == pytest.approx({"N": 0.70, "S": 0.25, "W": 0.05})
    with pytest.raises(OptionError, match="no respondents"):
        stratify(strata.assign(n=[30, 0, 40]))


def test_careless_respondents_are_as_many_as_asked_and_known(answers: pd.DataFrame) -> None:
    after, kind = careless(answers, seed=6, share=0.1, straight=0.7)
    assert kind.value_counts().to_dict() == {"": 900, "straight": 70, "random": 30}
    lines = after[kind == "straight"]
    assert (lines.max(axis=1) == lines.min(axis=1)).mean() > 0.9  # a line may end where a column's grades do
    pd.testing.assert_frame_equal(after[kind == ""], answers[kind == ""])
    assert (after.min() >= answers.min()).all()
    assert (after.max() <= answers.max()).all()
    with pytest.raises(OptionError, match="no missing answers"):
        careless(answers.astype("Int64").mask(answers == 7), seed=6)


def test_left_out_answers_cluster_in_a_few_respondents(answers: pd.DataFrame) -> None:
    after = leave_out(answers, seed=7, share=0.03, skippers=0.10)
    assert after.isna().to_numpy().mean() == pytest.approx(0.03, abs=0.008)
    assert after.isna().any(axis=1).mean() < 0.12
    assert not after.isna().all(axis=1).any()
    kept = after.notna()
    assert (after.where(kept, 0) == answers.where(kept, 0)).all(axis=None)


def test_missing_at_random_depends_on_what_drives_it() -> None:
    many = pd.DataFrame(7, index=range(20_000), columns=list("abcd"))
    old = pd.Series(np.tile([0, 1], 10_000))
    gone = leave_out(many, seed=8, share=0.05, skippers=0.2, driver=old, ratio=3).isna().any(axis=1)
    assert gone[old == 1].mean() / gone[old == 0].mean() == pytest.approx(3, rel=0.12)
    with pytest.raises(OptionError, match="raise skippers"):
        leave_out(many, seed=8, share=0.3, skippers=0.2)


def test_a_single_column_can_be_left_out_too() -> None:
    one = pd.DataFrame({"q": np.full(4000, 3)})
    assert leave_out(one, seed=9, share=0.05, skippers=0.05)["q"].isna().mean() == pytest.approx(0.05, abs=0.015)


def test_only_those_who_rush_are_below_the_least_time() -> None:
    kind = pd.Series([""] * 3000 + ["straight"] * 1000)
    seconds = durations(kind, seed=10, median=240, least=80, hasty=0.75)
    assert (seconds[:3000] >= 80).all()
    assert seconds[:3000].median() == pytest.approx(240, rel=0.05)
    assert (seconds[3000:] < 80).mean() == pytest.approx(0.75, abs=0.05)


def test_answers_come_back_in_daytime_and_level_off() -> None:
    times = return_times(2000, seed=11, start="2013-05-06", days=12)
    assert times.is_monotonic_increasing
    assert times.min() >= pd.Timestamp("2013-05-06 08:00")
    assert times.max() <= pd.Timestamp("2013-05-17 22:00")
    assert times.dt.hour.between(8, 22).all()
    daily = times.dt.normalize().value_counts().sort_index()
    assert daily.iloc[:3].sum() > 3 * daily.iloc[-3:].sum()


# ---- meeting a published figure


@settings(max_examples=25)
@given(target=st.floats(6.4, 7.8), seed=st.integers(0, 1000))
def test_nudging_meets_a_mean_with_as_few_moves_as_possible(target: float, seed: int) -> None:
    rng = np.random.default_rng(12)
    before = pd.DataFrame({"q": Margin.of(7.1, 1.7).grade(rng.standard_normal(500)), "other": 3})
    after, moved = nudge(before, ["q"], lambda f: float(f["q"].mean()), target, seed, low=1, high=10)
    assert after["q"].mean() == pytest.approx(target, abs=0.5 / 500 + 1e-12)
    steps = after["q"] - before["q"]
    assert set(np.sign(steps)) <= {0, np.sign(target - before["q"].mean())}
    assert steps.abs().max() <= 1
    assert moved == steps.abs().sum()
    assert after["q"].between(1, 10).all()
    assert (after["other"] == 3).all()


def test_nudging_leaves_missing_answers_and_other_rows_alone() -> None:
    before = pd.DataFrame({"q": pd.array([5, None, 5, 5, 5, 5], dtype="Int64")})
    rows = [True, True, True, True, False, False]
    after, moved = nudge(before, ["q"], lambda f: float(f["q"].mean()), 5.4, seed=1, low=1, high=10, rows=rows)
    assert moved == 2
    assert after["q"].isna().tolist() == before["q"].isna().tolist()
    assert after["q"][4:].tolist() == [5, 5]


def test_a_share_of_top_grades_moves_only_answers_at_the_cut() -> None:
    before = pd.DataFrame({"q": [1, 2, 3, 3, 3, 4, 4, 4, 5, 5]})
    share = lambda f: float((f["q"] >= 4).mean())  # noqa: E731
    up, _ = nudge(before, ["q"], share, 0.7, seed=1, low=1, high=5, only=[3, 4])
    down, _ = nudge(before, ["q"], share, 0.3, seed=1, low=1, high=5, only=[3, 4])
    assert up["q"].value_counts().to_dict() == {4: 5, 5: 2, 1: 1, 2: 1, 3: 1}
    assert down["q"].value_counts().to_dict() == {3: 5, 5: 2, 4: 1, 1: 1, 2: 1}


def test_a_target_out_of_reach_is_an_error() -> None:
    before = pd.DataFrame({"q": [5] * 10})
    with pytest.raises(OptionError, match="not 8"):
        nudge(before, ["q"], lambda f: float(f["q"].mean()), 8.0, seed=1, low=1, high=10)


# ---- several figures at once, and samples without sampling error


def test_tuned_answers_meet_two_figures_that_pull_against_each_other() -> None:
    rng = np.random.default_rng(3)
    first = rng.integers(1, 6, size=(40, 3)).astype(float)

    def loss(answers: np.ndarray) -> float:
        return abs(float(answers.mean()) - 3.4) / 0.01 + abs(float(np.corrcoef(answers.T)[0, 1]) - 0.6) / 0.01

    tuned, moved = tune(first, loss, 5, 1, 5, enough=1.0)
    assert loss(tuned) <= 1.0
    assert moved == (tuned != first).sum()
    assert tuned.min() >= 1
    assert tuned.max() <= 5
    np.testing.assert_array_equal(tuned, tune(first, loss, 5, 1, 5, enough=1.0)[0])


def test_tuning_says_so_when_it_does_not_get_there() -> None:
    with pytest.raises(OptionError, match="moves leave a loss"):
        tune(np.full((5, 2), 3.0), lambda answers: abs(float(answers.mean()) - 7), 1, 1, 5, tries=200)


def test_an_exact_draw_has_the_correlations_of_the_population() -> None:
    r = pd.DataFrame([[1.0, 0.5, -0.2], [0.5, 1.0, 0.3], [-0.2, 0.3, 1.0]], index=list("abc"), columns=list("abc"))
    sample = draw(Population.from_correlation(r, {}), 12, 4, exact=True)
    np.testing.assert_allclose(np.corrcoef(sample.scores.to_numpy(), rowvar=False), r, atol=1e-12)
    with pytest.raises(OptionError, match="exactly"):
        draw(Population.from_correlation(r, {}), 3, 4, exact=True)


# ---- the same people asked again


def test_people_asked_again_answer_much_as_before(population: Population) -> None:
    first = draw(population, 4000, 1)
    again = draw(population, 4000, 2, before=first.latent, stability=0.8)
    there = np.corrcoef(first.latent["A"], again.latent["A"])[0, 1]
    assert there == pytest.approx(0.8, abs=0.03)
    assert again.latent["A"].std() == pytest.approx(1.0, abs=0.05)
    r = population.correlation.loc["A", "Y"]
    assert again.latent[["A", "Y"]].corr().iloc[0, 1] == pytest.approx(r, abs=0.05)


def test_a_shift_is_not_carried_on_to_the_next_time(population: Population) -> None:
    shifted = draw(population, 2000, 1, shifts=pd.DataFrame({"A": np.full(2000, -2.0)}))
    assert abs(shifted.latent["A"].mean()) < 0.1


def test_newcomers_are_drawn_as_for_the_first_time(population: Population) -> None:
    before = draw(population, 300, 1).latent
    before.iloc[:150] = np.nan
    mixed, fresh = draw(population, 300, 2, before=before), draw(population, 300, 2)
    pd.testing.assert_frame_equal(mixed.answers.iloc[:150], fresh.answers.iloc[:150])


def test_former_answers_must_be_of_the_same_people_and_items(population: Population) -> None:
    before = draw(population, 30, 1).latent
    for wrong in ({"before": before.iloc[:20]}, {"before": before[["A"]]}, {"before": before, "stability": 1.2}):
        with pytest.raises(OptionError, match="before"):
            draw(population, 30, 2, **wrong)
