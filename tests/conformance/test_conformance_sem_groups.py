"""Models of several groups agree with R lavaan; figures and recipe stand beside this file (sem_lavaan_groups)."""

import pytest
from ecsi_mobile import reference
from lavaan_figures import HOLZINGER, ITEMS, SCHOOLS, agree, holzinger

from csr_lib.stats.moments import sample
from csr_lib.stats.sem_groups import chi2_difference, sem_groups
from csr_lib.stats.sem_invariance import invariance

FIGURES = reference("sem_lavaan_groups")
EQUAL = {
    "configural": (),
    "metric": ("loadings",),
    "scalar": ("loadings", "intercepts"),
    "strict": ("loadings", "intercepts", "residuals"),
    "partial": ("loadings", "intercepts"),
}
FREE = {"partial": ("x3 ~ 1", "x7 ~ 1")}
DIFFERENCES = {"metric": "configural", "scalar": "metric", "strict": "scalar", "partial": "metric"}


def schools(weights=False):
    frame = holzinger()
    parts = {s: frame[frame["school"] == s] for s in SCHOOLS}
    return {s: sample(part[ITEMS], part["w"] if weights else None) for s, part in parts.items()}


def estimate(step, estimator):
    return sem_groups(schools(), HOLZINGER, equal=EQUAL[step], free=FREE.get(step, ()), estimator=estimator)


@pytest.mark.parametrize("estimator", ["ML", "MLR"])
class TestSteps:
    @pytest.mark.parametrize("step", EQUAL)
    def test_parameters_errors_and_fit(self, estimator, step):
        agree(estimate(step, estimator), FIGURES[f"{step}_{estimator.lower()}"])

    @pytest.mark.parametrize("step", DIFFERENCES)
    def test_difference_of_chi2(self, estimator, step):
        ours = chi2_difference(estimate(DIFFERENCES[step], estimator), estimate(step, estimator))
        theirs = FIGURES[f"difference_{estimator.lower()}"][step]
        assert theirs["against"] == DIFFERENCES[step]
        assert ours["delta_df"] == theirs["df"]
        assert ours["delta_chi2"] == pytest.approx(theirs["chisq"], abs=1e-6)
        assert ours["delta_p_value"] == pytest.approx(theirs["p_value"], abs=1e-8)


def test_moments_give_the_same_as_answers():
    groups = {label: s.moments() for label, s in schools().items()}
    agree(sem_groups(groups, HOLZINGER, equal=EQUAL["scalar"]), FIGURES["scalar_ml"])


def test_unit_variance_frees_the_variances_of_later_groups():
    result = sem_groups(schools(), HOLZINGER, equal=EQUAL["scalar"], identification="unit_variance")
    agree(result, FIGURES["scalar_unit"])


def test_equal_paths():
    model = f"{HOLZINGER}\ntextual ~ visual\nspeed ~ visual + textual"
    agree(sem_groups(schools(), model, equal=(*EQUAL["scalar"], "regressions")), FIGURES["structural_ml"])


def test_sampling_weights():
    agree(sem_groups(schools(weights=True), HOLZINGER, equal=EQUAL["scalar"], estimator="MLR"), FIGURES["scalar_weighted"])


def test_score_tests_of_equalities():
    ours = invariance(schools(), HOLZINGER, identification="marker").equalities.set_index(["step", "parameter"])
    metric, scalar = FIGURES["score_metric"]["each"], FIGURES["score_scalar"]["each"]
    assert len(metric) == 6
    for name, (chi2, p_value) in metric.items():
        assert ours.loc[("metric", name), ["chi2", "p_value"]].tolist() == pytest.approx([chi2, p_value], abs=1e-6)
    intercepts = {name.replace("~1", "~ 1"): figures for name, figures in scalar.items() if name.endswith("~1")}
    assert len(intercepts) == 9
    for name, (chi2, p_value) in intercepts.items():
        assert ours.loc[("scalar", name), ["chi2", "p_value"]].tolist() == pytest.approx([chi2, p_value], abs=1e-6)


def test_invariance_reports_the_fit_of_every_step():
    table = invariance(schools(), HOLZINGER, estimator="MLR").steps.set_index("step")
    for step in ("configural", "metric", "scalar", "strict"):
        theirs = FIGURES[f"{step}_mlr"]["fit"]
        assert table.loc[step, "chi2"] == pytest.approx(theirs["chisq.scaled"], abs=1e-6)
        assert table.loc[step, "cfi"] == pytest.approx(theirs["cfi.robust"], abs=1e-6)
        assert table.loc[step, "rmsea"] == pytest.approx(theirs["rmsea.robust"], abs=1e-6)
        assert table.loc[step, "srmr"] == pytest.approx(theirs["srmr"], abs=1e-6)
