"""Covariance structures in several groups, and measurement invariance."""

from functools import cache

import numpy as np
import pytest
from sem_samples import COLUMNS, ITEMS, drawn, model, with_holes

from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.core.text import catalogue
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.sem import sem
from csr_lib.stats.sem_groups import KINDS, chi2_difference, sem_groups
from csr_lib.stats.sem_invariance import STEPS, invariance

NORTH, SOUTH = drawn(400, seed=1), drawn(300, seed=2, shift=0.5)
GROUPS = {"north": sample(NORTH), "south": sample(SOUTH)}
SCALAR = ("loadings", "intercepts")


def biased():
    """In the south q2 is answered 0.6 lower and v3 loads much less, whatever people think."""
    south = SOUTH.assign(q2=SOUTH["q2"] - 0.6)
    return {"north": sample(NORTH), "south": sample(south)}


@cache
def held():
    return invariance(GROUPS, model())


class TestGroups:
    def test_without_equalities_every_group_is_estimated_by_itself(self):
        together = sem_groups(GROUPS, model())
        alone = [sem(moments(frame), model(), mean_structure=True) for frame in (NORTH, SOUTH)]
        for g, result in enumerate(alone):
            mine = together.parameters[together.parameters["group"] == g]
            np.testing.assert_allclose(mine["estimate"], result.parameters["estimate"], atol=1e-8)
            np.testing.assert_allclose(mine["std_error"], result.parameters["std_error"], atol=1e-8)
        assert together.fit["chi2"] == pytest.approx(sum(r.fit["chi2"] for r in alone))
        assert together.df == sum(r.df for r in alone)

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_is_held_equal_is_equal_and_nothing_else(self, kind):
        examples = {
            "loadings": ("Quality", "=~", "q2"),
            "intercepts": ("v2", "~1", ""),
            "residuals": ("s1", "~~", "s1"),
            "residual_covariances": ("q1", "~~", "v1"),
            "regressions": ("Value", "~", "Quality"),
            "latent_variances": ("Quality", "~~", "Quality"),
            "means": ("Quality", "~1", ""),
        }
        result = sem_groups(GROUPS, model(), equal=(kind,), covariances=[("q1", "v1")])
        estimates = result.parameters.set_index(["lhs", "op", "rhs"])["estimate"]
        for other, key in examples.items():
            fixed = other == "means" and kind != "intercepts"
            assert (estimates[key].nunique() == 1) == (other == kind or fixed), other

    def test_freed_parameters_differ(self):
        result = sem_groups(GROUPS, model(), equal=SCALAR, free=["q2 ~ 1", "Value =~ v3"])
        p = result.parameters.set_index(["lhs", "op", "rhs"])["estimate"]
        assert p["q2", "~1", ""].nunique() == 2
        assert p["Value", "=~", "v3"].nunique() == 2
        assert p["q3", "~1", ""].nunique() == 1

    def test_labels_of_the_model_hold_within_each_group(self):
        text = "F =~ q1 + a*q2 + a*q3\nG =~ v1 + v2 + v3"
        apart, equal = sem_groups(GROUPS, text), sem_groups(GROUPS, text, equal=("loadings",))
        at = apart.parameters.set_index(["group", "rhs"])["estimate"]
        assert at[0, "q2"].iloc[0] == at[0, "q3"].iloc[0] != at[1, "q2"].iloc[0]
        assert equal.df == apart.df + 3

    def test_order_of_groups_changes_no_fit(self):
        turned = sem_groups(dict(reversed(GROUPS.items())), model(), equal=SCALAR)
        assert dict(turned.fit) == pytest.approx(dict(sem_groups(GROUPS, model(), equal=SCALAR).fit), abs=1e-6)

    def test_factors_that_are_items_of_a_factor_keep_their_mean(self):
        text = "Q =~ q1 + q2 + q3\nV =~ v1 + v2 + v3\nS =~ s1 + s2 + s3\nAll =~ Q + V + S"
        result = sem_groups(GROUPS, text, equal=SCALAR)
        p = result.parameters[result.parameters["op"] == "~1"].set_index(["lhs", "group"])
        assert p.loc[("All", 1), "free"]
        assert not p.loc[("Q", 1), "free"]

    def test_incomplete_and_complete_answers_agree_where_nothing_is_missing(self):
        complete = sem_groups(GROUPS, model(), equal=SCALAR)
        em = {label: sample(frame, missing="em") for label, frame in (("north", NORTH), ("south", SOUTH))}
        one_hole = {**em, "south": sample(SOUTH.assign(s3=SOUTH["s3"].mask(SOUTH.index == 0)), missing="em")}
        assert sem_groups(em, model(), equal=SCALAR).missing == "em"
        near = sem_groups(one_hole, model(), equal=SCALAR)
        assert near.missing == "fiml"
        np.testing.assert_allclose(near.parameters["estimate"], complete.parameters["estimate"], atol=0.01)

    @pytest.mark.parametrize("estimator", ["ML", "MLR"])
    def test_frequency_weights_are_repeated_rows(self, estimator):
        w = np.random.default_rng(0).integers(1, 4, len(NORTH))
        weighted = {"north": sample(NORTH, w, kind="frequency"), "south": sample(SOUTH, np.ones(len(SOUTH)), kind="frequency")}
        repeated = {"north": sample(NORTH.loc[NORTH.index.repeat(w)]), "south": sample(SOUTH)}
        a, b = (sem_groups(g, model(), equal=SCALAR, estimator=estimator) for g in (weighted, repeated))
        np.testing.assert_allclose(a.parameters["std_error"], b.parameters["std_error"], atol=1e-8)
        assert dict(a.fit) == pytest.approx(dict(b.fit), abs=1e-6)


class TestDifference:
    def test_scaled_difference_by_hand(self):
        less = sem_groups(GROUPS, model(), estimator="MLR")
        more = sem_groups(GROUPS, model(), equal=("loadings",), estimator="MLR")
        c = (more.df * more.fit["scaling"] - less.df * less.fit["scaling"]) / (more.df - less.df)
        expected = (more.fit["chi2"] - less.fit["chi2"]) / c
        assert chi2_difference(less, more)["delta_chi2"] == pytest.approx(expected)

    def test_models_in_the_wrong_order_are_refused(self):
        less, more = sem_groups(GROUPS, model()), sem_groups(GROUPS, model(), equal=("loadings",))
        with pytest.raises(AnalysisError, match="more parameters first"):
            chi2_difference(more, less)


class TestInvariance:
    def test_the_same_measurement_holds_to_the_last_step(self):
        result = held()
        assert result.reached == "strict"
        assert (result.steps["verdict"] == "pass").all()
        assert result.groups == ("north", "south")
        assert result.n == (400, 300)

    def test_difference_of_means_is_found(self):
        """The south's Quality is .5 higher, Value by .5·.5, Satisfaction by .4·.5 + .6·.25."""
        far = {"north": sample(drawn(4000, seed=3)), "south": sample(drawn(4000, seed=4, shift=0.5))}
        means = invariance(far, ITEMS, steps=("configural", "metric", "scalar"), identification="marker").means
        for (construct, truth), row in zip(
            {"Quality": 0.5, "Value": 0.25, "Satisfaction": 0.35}.items(), means.itertuples(), strict=True
        ):
            assert row.construct == construct
            assert abs(row.estimate - truth) < 3 * row.std_error < 0.1

    def test_means_of_explained_factors_are_means_and_not_intercepts(self):
        factors = invariance(GROUPS, ITEMS, identification="marker").means
        paths = invariance(GROUPS, model(), identification="marker").means
        for column in ("estimate", "std_error", "std"):
            np.testing.assert_allclose(paths[column], factors[column], atol=1e-7)

    def test_a_biased_item_is_found_and_freed(self):
        result = invariance(biased(), model())
        assert result.reached == "metric"
        worst = result.equalities[result.equalities["step"] == "scalar"].iloc[0]
        assert worst["parameter"] == "q2 ~ 1"
        assert worst["p_adjusted"] < 1e-6
        check = result.checks[-1]
        assert (check.key, check.verdict) == ("invariance_scalar", "fail")
        assert "q2" in check.sentence("en")
        assert "q2" in check.sentence("zh")
        partial = invariance(biased(), model(), free=["q2 ~ 1"])
        assert partial.reached == "strict"
        assert partial.freed == ("q2 ~ 1",)
        assert partial.means["estimate"].to_numpy() == pytest.approx(
            invariance(GROUPS, model()).means["estimate"].to_numpy(), abs=0.1
        )

    def test_steps_do_not_depend_on_how_factors_are_scaled(self):
        numbers = ["chi2", "df", "cfi", "rmsea", "srmr", "delta_chi2"]
        marker, unit = (invariance(GROUPS, model(), identification=i).steps[numbers] for i in ("marker", "unit_variance"))
        np.testing.assert_allclose(marker.astype(float), unit.astype(float), atol=1e-6)

    def test_incomplete_answers(self):
        holes = {"north": sample(with_holes(NORTH), missing="em"), "south": sample(with_holes(SOUTH), missing="em")}
        result = invariance(holes, model(), estimator="MLR")
        assert result.reached == "strict"
        assert result.fits["scalar"].missing == "fiml"

    def test_three_groups(self):
        three = {**GROUPS, "west": sample(drawn(350, seed=6))}
        result = invariance(three, model())
        assert set(result.means["group"]) == {"south", "west"}
        assert (result.equalities["df"] == 2).all()

    def test_small_groups_are_told(self):
        few = {"north": sample(NORTH), "south": sample(SOUTH.head(60))}
        check = invariance(few, ITEMS).checks[0]
        assert (check.key, check.verdict, check.values["group"]) == ("invariance_group_size", "fail", "south")

    @pytest.mark.parametrize("step", [*STEPS, "group_size"])
    @pytest.mark.parametrize("verdict", ["pass", "warn", "fail"])
    def test_every_verdict_has_words_in_both_languages(self, step, verdict):
        for lang in ("zh", "en"):
            assert f"check.invariance_{step}.{verdict}" in catalogue(lang)


class TestFaults:
    def test_groups_with_too_few_rows_are_named(self):
        with pytest.raises(AnalysisError, match=r"group 'south'.*9 answers for 9 items"):
            sem_groups({"north": sample(NORTH), "south": sample(SOUTH.head(9))}, model())

    def test_constant_item_in_one_group_is_named(self):
        with pytest.raises(AnalysisError, match=r"group 'south'.*s2"):
            sem_groups({"north": moments(NORTH), "south": _constant_in_moments()}, model())

    @pytest.mark.parametrize("groups", [{"north": sample(NORTH)}, {}])
    def test_fewer_than_two_groups(self, groups):
        with pytest.raises(AnalysisError, match="at least two"):
            sem_groups(groups, model())

    def test_moments_and_samples_mixed(self):
        with pytest.raises(AnalysisError, match=r"the same way|as samples"):
            sem_groups({"north": sample(NORTH), "south": moments(SOUTH)}, model())

    def test_weights_of_different_kinds(self):
        w = np.ones(len(SOUTH))
        with pytest.raises(AnalysisError, match="frequency, none"):
            sem_groups({"north": sample(NORTH), "south": sample(SOUTH, w, kind="frequency")}, model())

    def test_pairwise_moments_have_no_likelihood(self):
        with pytest.raises(AnalysisError, match="group 'south'"):
            sem_groups({"north": sample(NORTH), "south": sample(with_holes(SOUTH), missing="pairwise")}, model())

    def test_robust_errors_need_answers(self):
        with pytest.raises(OptionError, match="MLR"):
            sem_groups({"north": moments(NORTH), "south": moments(SOUTH)}, model(), estimator="MLR")

    def test_unknown_kind_and_parameter(self):
        with pytest.raises(OptionError, match="loadings"):
            sem_groups(GROUPS, model(), equal=("loading",))
        with pytest.raises(OptionError, match="q2 ~1"):
            sem_groups(GROUPS, model(), equal=SCALAR, free=["q22 ~ 1"])
        with pytest.raises(OptionError, match="held equal"):
            sem_groups(GROUPS, model(), equal=("loadings",), free=["q2 ~ 1"])

    def test_steps_cannot_be_left_out(self):
        with pytest.raises(OptionError, match="leave none out"):
            invariance(GROUPS, model(), steps=("configural", "scalar"))

    def test_composites_are_refused(self):
        from csr_lib.core.model import Construct, Model

        composites = Model(tuple(Construct(n, tuple(i), "A") for n, i in ITEMS.items()), model().paths, "Satisfaction")
        with pytest.raises(AnalysisError, match="composite"):
            sem_groups(GROUPS, composites)

    def test_means_that_nothing_fixes_are_named(self):
        """With all intercepts of a factor free its mean in the second group is not determined."""
        with pytest.raises(AnalysisError, match=r"not identified.*Quality ~1"):
            sem_groups(GROUPS, ITEMS, equal=SCALAR, free=["q1 ~ 1", "q2 ~ 1", "q3 ~ 1"])


def _constant_in_moments():
    from csr_lib.stats.moments import Moments

    m = moments(SOUTH)
    cov = m.cov.copy()
    k = COLUMNS.index("s2")
    cov[k] = cov[:, k] = 0.0
    return Moments(m.columns, m.mean, cov, m.n, m.n_effective)
