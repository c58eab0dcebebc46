"""Estimates from incomplete answers agree with R lavaan; figures and recipe stand beside this file (sem_lavaan_fiml)."""

import numpy as np
import pytest
from ecsi_mobile import reference
from lavaan_figures import HOLZINGER, ITEMS, SCHOOLS, agree, holzinger_holes, simulated

from csr_lib.stats.moments import sample
from csr_lib.stats.sem_fiml import sem_fiml
from csr_lib.stats.sem_groups import sem_groups
from csr_lib.stats.sem_modification import modification_indices

FIGURES = reference("sem_lavaan_fiml")
STRUCTURAL = "A =~ a1 + a2 + a3 + a4\nB =~ b1 + b2 + b3\nC =~ c1 + c2 + c3\nB ~ A\nC ~ A + B"
EQUAL = {"groups_configural": (), "groups_scalar": ("loadings", "intercepts")}


def holes(weights=False):
    frame = holzinger_holes()
    return sample(frame[ITEMS], frame["w"] if weights else None, missing="em")


def by_school():
    frame = holzinger_holes()
    return {s: sample(frame.loc[frame["school"] == s, ITEMS], missing="em") for s in SCHOOLS}


@pytest.mark.parametrize("estimator", ["ML", "MLR"])
class TestLavaan:
    def theirs(self, case, estimator):
        return FIGURES[case if estimator == "ML" else f"{case}_mlr"]

    def test_three_patterns(self, estimator):
        agree(sem_fiml(holes(), HOLZINGER, estimator=estimator), self.theirs("holzinger", estimator))

    def test_many_patterns(self, estimator):
        result = sem_fiml(sample(simulated(), missing="em"), STRUCTURAL, estimator=estimator)
        agree(result, self.theirs("simulated", estimator))

    @pytest.mark.parametrize("case", EQUAL)
    def test_groups(self, estimator, case):
        result = sem_groups(by_school(), HOLZINGER, equal=EQUAL[case], estimator=estimator)
        agree(result, self.theirs(case, estimator))


def test_sampling_weights():
    agree(sem_fiml(holes(weights=True), HOLZINGER, estimator="MLR"), FIGURES["holzinger_weighted"])


@pytest.mark.parametrize("case", ["holzinger", "simulated"])
def test_largest_modification_indices(case):
    result = sem_fiml(holes(), HOLZINGER) if case == "holzinger" else sem_fiml(sample(simulated(), missing="em"), STRUCTURAL)
    rows = modification_indices(result).to_dict("records")
    ours = {f"{r['lhs']} {r['op']} {r['rhs']}": (r["mi"], r["epc"], r["std_all"]) for r in rows}
    assert len(FIGURES[case]["modification"]) == 25
    for key, figures in FIGURES[case]["modification"].items():
        assert ours[key] == pytest.approx(figures, rel=0, abs=1e-6), key


def test_saturated_moments():
    result = sem_fiml(sample(simulated(), missing="em"), STRUCTURAL)
    theirs = FIGURES["simulated"]["saturated"]
    np.testing.assert_allclose(result.fitted.data.covs[0], theirs["cov"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(result.fitted.data.means[0], theirs["mean"], rtol=0, atol=1e-8)
