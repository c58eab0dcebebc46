"""What an estimated covariance structure promises: its tables, robust errors, modification indices, checks and errors."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.core.model import Construct
from csr_lib.stats import sem_checks
from csr_lib.stats.moments import Moments, moments, sample
from csr_lib.stats.sem import cfa, sem
from csr_lib.stats.sem_checks import fit_checks
from csr_lib.stats.sem_fiml import sem_fiml
from csr_lib.stats.sem_modification import modification_indices

FACTORS = {"F": ["a", "b", "c"], "G": ["d", "e", "f"]}
CHAIN = "F =~ a + b + c\nG =~ d + e + f\nG ~ F\ng ~ G + F"


def answers(n=400, seed=0, **changed) -> pd.DataFrame:
    """Two factors with three items each, correlated .5, and an item g that depends on G."""
    rng = np.random.default_rng(seed)
    f = rng.standard_normal(n)
    g = 0.5 * f + math.sqrt(0.75) * rng.standard_normal(n)
    parts = {"a": (f, 0.8), "b": (f, 0.7), "c": (f, 0.6), "d": (g, 0.8), "e": (g, 0.7), "f": (g, 0.6), "g": (g, 0.5)}
    frame = {name: load * score + math.sqrt(1 - load**2) * rng.standard_normal(n) for name, (score, load) in parts.items()}
    return pd.DataFrame(frame).assign(**changed)


def value(frame, lhs, op, rhs, column="estimate"):
    return frame.loc[(frame["lhs"] == lhs) & (frame["op"] == op) & (frame["rhs"] == rhs), column].item()


def verdicts(result):
    return {c.key: c.verdict for c in result.checks}


def judged(result, key):
    """Verdict, number and the values of the sentence of a check."""
    check = next(c for c in result.checks if c.key == key)
    return check.verdict, check.value, check.values


class TestTables:
    def test_fixed_parameters_have_no_test(self):
        result = cfa(moments(answers()), FACTORS)
        fixed = result.parameters[~result.parameters["free"]]
        assert fixed["std_error"].tolist() == [0, 0]
        assert fixed[["z", "p_value"]].isna().all(axis=None)

    def test_both_ways_of_scaling_factors_are_the_same_model(self):
        m = moments(answers())
        one, other = cfa(m, FACTORS), cfa(m, FACTORS, identification="unit_variance")
        assert one.fit == pytest.approx(other.fit, rel=1e-8)
        columns = ["estimate", "std_error"]
        np.testing.assert_allclose(one.standardised[columns], other.standardised[columns], rtol=0, atol=1e-7)
        assert other.specification.identification == "unit_variance"

    def test_the_standardised_solution_is_that_of_standardised_items(self):
        frame = answers()
        scaled = frame / frame.std(ddof=0) * math.sqrt(400 / 399)
        result = cfa(moments(scaled), FACTORS, identification="unit_variance")
        np.testing.assert_allclose(result.parameters["std_all"], cfa(moments(frame), FACTORS).standardised["estimate"], atol=1e-8)

    def test_total_effects_are_direct_and_indirect_ones(self):
        effects = sem(moments(answers()), CHAIN).effects
        wide = effects.pivot_table(index=["source", "target"], columns="effect", values="estimate")
        np.testing.assert_allclose(wide["total"], wide["direct"] + wide["indirect"], atol=1e-12)
        path = effects.set_index(["source", "target", "effect"])["estimate"]
        assert path["F", "g", "indirect"] == pytest.approx(path["F", "G", "direct"] * path["G", "g", "direct"])
        assert path["G", "g", "indirect"] == 0

    def test_effects_run_round_a_loop(self):
        text = "F =~ a + b + c\nG =~ d + e + f\nF ~ x*G\nG ~ x*F\nF ~~ v*F\nG ~~ v*G"
        effects = sem(moments(answers()), text).effects.set_index(["source", "target", "effect"])["estimate"]
        b = effects["F", "G", "direct"]
        assert effects["F", "G", "total"] == pytest.approx(b / (1 - b**2))
        assert effects["F", "F", "total"] == pytest.approx(b**2 / (1 - b**2))

    def test_implied_and_observed_covariances_differ_by_the_residuals(self):
        m = moments(answers())
        result = cfa(m, FACTORS)
        left = result.residuals().set_index(["item_a", "item_b"])["residual"]
        implied = result.implied_covariance()
        ours = m.take(implied.columns).cov * 399 / 400 - implied.to_numpy()
        assert left["a", "d"] == pytest.approx(ours[0, 3], abs=1e-12)

    def test_a_mean_structure_reproduces_the_means(self):
        frame = answers() + 5
        result = cfa(moments(frame), FACTORS, mean_structure=True)
        np.testing.assert_allclose(result.implied_mean(), frame[list("abcdef")].mean(), atol=1e-9)
        assert result.df == cfa(moments(frame), FACTORS).df

    def test_weights_kind_and_missing_rule_are_recorded(self):
        frame = answers()
        frame.loc[:9, "a"] = np.nan
        result = cfa(moments(frame, np.full(400, 2.0), kind="sampling", missing="em"), FACTORS)
        assert (result.kind, result.missing, result.n_missing, result.n) == ("sampling", "em", 10, 400)
        assert {"sem_weights", "sem_missing"} <= {c.key for c in result.checks if c.verdict == "warn"}


class TestRobust:
    def test_estimates_stay_and_normal_answers_hardly_change_errors(self):
        s = sample(answers(20_000))
        plain, robust = cfa(s, FACTORS), cfa(s, FACTORS, estimator="MLR")
        pd.testing.assert_series_equal(plain.parameters["estimate"], robust.parameters["estimate"])
        free = plain.parameters["free"]
        ratio = (robust.parameters["std_error"] / plain.parameters["std_error"])[free]
        assert ratio.between(0.95, 1.05).all()
        assert robust.fit["scaling"] == pytest.approx(1, abs=0.1)

    def test_heavy_tails_widen_errors_and_shrink_chi2(self):
        rng = np.random.default_rng(1)
        frame = answers(5000) * np.sqrt(rng.chisquare(5, (5000, 1)) ** -1)
        s = sample(frame)
        plain, robust = cfa(s, FACTORS), cfa(s, FACTORS, estimator="MLR")
        free = plain.parameters["free"]
        assert (robust.parameters["std_error"] > plain.parameters["std_error"])[free].all()
        assert robust.fit["scaling"] > 1.3
        assert robust.fit["chi2_scaled"] == pytest.approx(robust.fit["chi2"] / robust.fit["scaling"])

    def test_frequency_weights_are_repeated_rows(self):
        frame = answers(150)
        times = np.arange(150) % 3 + 1
        repeated = frame.loc[frame.index.repeat(times)].reset_index(drop=True)
        one = cfa(sample(frame, times, kind="frequency"), FACTORS, estimator="MLR")
        other = cfa(sample(repeated), FACTORS, estimator="MLR")
        pd.testing.assert_frame_equal(one.parameters, other.parameters, rtol=1e-8)
        assert one.fit == pytest.approx(other.fit, rel=1e-8)

    def test_the_size_of_sampling_weights_does_not_matter(self):
        frame, w = answers(), np.random.default_rng(2).uniform(0.5, 2, 400)
        one = cfa(sample(frame, w), FACTORS, estimator="MLR")
        other = cfa(sample(frame, 1000 * w), FACTORS, estimator="MLR")
        pd.testing.assert_frame_equal(one.parameters, other.parameters, rtol=1e-8)
        assert "sem_weights" not in verdicts(one)

    def test_sampling_weights_without_relation_to_the_answers_cost_precision(self):
        frame, w = answers(4000), np.random.default_rng(2).choice([1.0, 9.0], 4000)
        weighted = cfa(sample(frame, w), FACTORS, estimator="MLR").parameters
        plain = cfa(sample(frame), FACTORS, estimator="MLR").parameters
        ratio = (weighted["std_error"] / plain["std_error"])[plain["free"]] ** 2
        assert ratio.mean() == pytest.approx(len(w) * (w**2).sum() / w.sum() ** 2, rel=0.1)  # Kish's design effect

    def test_moments_alone_are_not_enough(self):
        with pytest.raises(OptionError, match="MLR needs the answers"):
            cfa(moments(answers()), FACTORS, estimator="MLR")

    def test_incomplete_rows_are_refused(self):
        frame = answers()
        frame.loc[:9, "a"] = np.nan
        with pytest.raises(DataError, match="missing answers"):
            cfa(sample(frame, missing="em"), FACTORS, estimator="MLR")


class TestModification:
    def test_the_largest_index_finds_what_was_left_out_and_by_how_much(self):
        frame = answers(2000)
        shared = np.random.default_rng(5).standard_normal(2000)
        frame[["b", "e"]] += 0.5 * shared[:, None]
        m = moments(frame)
        before = cfa(m, FACTORS)
        top = modification_indices(before, limit=1).iloc[0]
        assert (top["lhs"], top["op"], top["rhs"]) == ("b", "~~", "e")
        after = cfa(m, FACTORS, covariances=[("b", "e")])
        assert before.fit["chi2"] - after.fit["chi2"] == pytest.approx(top["mi"], rel=0.15)
        assert value(after.parameters, "b", "~~", "e") == pytest.approx(top["epc"], rel=0.15)

    def test_equalities_that_do_not_hold_are_named(self):
        result = cfa(moments(answers(3000)), "F =~ NA*a + l*b + l*c + d\nF ~~ 1*F")
        table = modification_indices(result, kinds=["equality"])
        assert set(table["rhs"]) == {"b", "c"}
        assert table["mi"].min() > 10

    def test_what_could_not_be_estimated_is_left_out(self):
        just_identified = cfa(moments(answers()), {"F": ["a", "b", "c"]})
        assert just_identified.df == 0
        assert modification_indices(just_identified).empty

    def test_full_information_from_complete_answers_gives_the_same(self):
        fiml = modification_indices(sem_fiml(sample(answers(), missing="em"), FACTORS), kinds=["loading", "covariance"])
        ml = modification_indices(cfa(moments(answers()), FACTORS, mean_structure=True), kinds=["loading", "covariance"])
        assert list(fiml["rhs"]) == list(ml["rhs"])
        np.testing.assert_allclose(fiml[["mi", "epc", "std_all"]], ml[["mi", "epc", "std_all"]], atol=1e-6)

    def test_unknown_kinds_are_named(self):
        with pytest.raises(OptionError, match="did you mean 'loading'"):
            modification_indices(cfa(moments(answers()), FACTORS), kinds=["loadings"])


class TestChecks:
    def test_a_good_solution_passes_them_all(self):
        result = cfa(moments(answers(1000)), FACTORS)
        assert set(verdicts(result).values()) == {"pass"}
        assert {c.verdict for c in fit_checks(result)} == {"pass"}

    def test_a_heywood_case_is_flagged(self):
        r = np.array([[1, 0.9, 0.9, 0.3], [0.9, 1, 0.72, 0.24], [0.9, 0.72, 1, 0.24], [0.3, 0.24, 0.24, 1]])
        m = Moments.from_correlation(list("abcd"), np.zeros(4), np.ones(4), r, 300)
        result = cfa(m, {"F": list("abcd")})
        verdict, _, said = judged(result, "sem_variance")
        assert (verdict, said["names"]) == ("fail", ["a"])
        assert value(result.parameters, "a", "~~", "a") < 0
        assert value(result.standardised, "F", "=~", "a") > 1

    def test_factors_that_are_one_are_flagged(self):
        result = cfa(moments(answers(2000)), {"F": ["a", "b", "c"], "G": ["d", "f"], "H": ["e", "g"]})
        verdict, _, said = judged(result, "sem_latent_correlation")
        assert (verdict, said["worst"]) == ("fail", "G ↔ H")

    def test_a_factor_without_variance_is_flagged(self):
        frame = answers(300)
        frame["a"] = np.random.default_rng(1).standard_normal(300)
        result = cfa(moments(frame), FACTORS)
        verdict, _, said = judged(result, "sem_factor_variance")
        assert (verdict, said["names"]) == ("fail", ["F"])
        unit = cfa(moments(frame), FACTORS, identification="unit_variance")
        assert judged(unit, "sem_factor_variance")[1] == pytest.approx(judged(result, "sem_factor_variance")[1], rel=1e-6)

    def test_few_answers_are_flagged(self):
        assert verdicts(cfa(moments(answers(40)), FACTORS))["sem_n_per_parameter"] == "fail"

    def test_a_composite_as_factor_is_recorded(self):
        constructs = [Construct("F", ("a", "b", "c"), "A"), Construct("G", ("d", "e", "f"), "reflective")]
        result = cfa(moments(answers()), constructs, composites="as_factors")
        verdict, _, said = judged(result, "sem_composites")
        assert (verdict, said["names"]) == ("warn", ["F"])

    @pytest.mark.parametrize("lang", ["zh", "en"])
    def test_every_check_has_its_sentence(self, lang):
        result = sem(moments(answers(60)), CHAIN)
        for check in result.checks + fit_checks(result):
            assert check.title(lang)
            assert check.sentence(lang)


class TestFaults:
    def test_unknown_items_are_named(self):
        with pytest.raises(DataError, match="unknown column 'z'"):
            cfa(moments(answers()), {"F": ["a", "b", "z"]})

    def test_moments_that_are_not_finite_are_refused(self):
        cov = np.eye(3)
        cov[0, 1] = cov[1, 0] = np.nan
        with pytest.raises(DataError, match="moments of a, b are not finite"):
            cfa(Moments(("a", "b", "c"), np.zeros(3), cov, 50, 50), {"F": ["a", "b", "c"]})

    def test_duplicated_items_are_named(self):
        frame = answers()
        with pytest.raises(AnalysisError, match="a, twin are duplicates or sums"):
            cfa(moments(frame.assign(twin=2 * frame["a"] - 1)), {"F": ["a", "b", "twin"], "G": ["d", "e", "f"]})

    def test_constant_items_are_named(self):
        m = Moments(("a", "b", "c"), np.zeros(3), np.diag([1.0, 0.0, 1.0]), 50, 50)
        with pytest.raises(AnalysisError, match="b: all answers are the same"):
            cfa(m, {"F": ["a", "b", "c"]})

    def test_fewer_answers_than_items_are_refused(self):
        with pytest.raises(AnalysisError, match="6 answers for 6 items"):
            cfa(moments(answers(6)), FACTORS)

    def test_more_parameters_than_moments_are_refused(self):
        with pytest.raises(AnalysisError, match="4 free parameters and only 3 moments"):
            cfa(moments(answers()), {"F": ["a", "b"]})

    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("F =~ a + b + c\nG =~ d + e + f\nF ~ G\nG ~ F", ["F ~ G", "G ~ F"]),
            ("F =~ NA*a + b + c + d", ["F =~ a", "F ~~ F"]),
            ("F =~ a + b + c\nG =~ d + e + f\na ~ 1\nF ~ 1", ["a ~1", "F ~1"]),
        ],
    )
    def test_parameters_that_are_not_identified_are_named(self, text, named):
        with pytest.raises(AnalysisError, match="not identified") as caught:
            sem(moments(answers()), text)
        assert all(name in str(caught.value) for name in named)

    def test_a_search_that_runs_away_says_where(self):
        """lavaan finds no solution of these answers either: the residual variance of one item falls and falls."""
        with pytest.raises(AnalysisError, match=r"did not converge .* it still moves .*; negative by then: a ~~ a"):
            sem(moments(answers(40)), CHAIN, max_iterations=100)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"estimator": "WLS"}, "unknown estimator 'WLS'"),
            ({"identification": "std.lv"}, "unknown identification"),
            ({"composites": "yes"}, "unknown value of composites"),
            ({"level": 95}, "confidence level 95"),
        ],
    )
    def test_options_that_do_not_exist_are_refused(self, options, message):
        with pytest.raises(OptionError, match=message):
            cfa(moments(answers()), FACTORS, **options)


def test_weakness_that_many_parameters_share_evenly_is_still_named() -> None:
    n = 40
    information = np.eye(n) - (1 - 1e-6) / n * np.ones((n, n))
    fitted = SimpleNamespace(information=information)
    result: Any = SimpleNamespace(specification=SimpleNamespace(names=[f"p{k}" for k in range(n)]), fitted=fitted)
    check = sem_checks._information(result)
    assert check.verdict == "fail"
    told = dict(check.values)
    assert told["worst"] in told["names"]
