"""Path models agree with seminr, plspm and cSEM to 1e-6; figures and recipes stand beside this file."""

import numpy as np
import pandas as pd
import pytest
from ecsi_mobile import FACTS, exact_answers, mobile_moments, model, reference

from csr_lib.stats.moments import moments
from csr_lib.stats.pls import PLSResult, f2_reestimated, pls
from csr_lib.stats.pls_fit import pls_fit

SEMINR = {
    "mode_a_path": ("A", "path"),
    "mode_a_factorial": ("A", "factorial"),
    "mode_b_path": ("B", "path"),
}
CLOSE = {"rel": 0, "abs": 1e-6}


def estimate(mode="A", scheme="path") -> PLSResult:
    return pls(mobile_moments(), model(mode), scheme=scheme, limits=tuple(FACTS["scale"]))


def by_item(result, column):
    return dict(zip(result.items["item"], result.items[column], strict=True))


def by_construct(result, column):
    return dict(zip(result.constructs["construct"], result.constructs[column], strict=True))


def by_path(frame, column):
    return dict(zip(frame["source"] + ">" + frame["target"], frame[column], strict=True))


def cells(frame):
    return {f"{row}>{column}": frame.loc[row, column] for row in frame.index for column in frame.columns}


def agree(ours, theirs):
    """Every figure of the other program is there and within 1e-6."""
    assert theirs
    assert {key: ours[key] for key in theirs} == pytest.approx(theirs, **CLOSE)


@pytest.mark.parametrize("case", SEMINR)
class TestSeminr:
    @pytest.fixture
    def result(self, case):
        return estimate(*SEMINR[case])

    @pytest.fixture
    def theirs(self, case):
        return reference("ecsi_mobile_seminr")[case]

    def test_outer_model(self, result, theirs):
        agree(by_item(result, "weight"), theirs["weights"])
        agree(by_item(result, "loading"), theirs["loadings"])
        ours = result.cross_loadings[reference("ecsi_mobile_seminr")["constructs"]]
        np.testing.assert_allclose(ours.loc[list(theirs["cross_loadings"])], list(theirs["cross_loadings"].values()), 0, 1e-6)

    def test_inner_model(self, result, theirs):
        agree(by_path(result.paths, "estimate"), theirs["paths"])
        agree(by_path(result.effects, "total"), theirs["total_effects"])
        agree(by_construct(result, "r2"), theirs["r2"])
        agree(by_construct(result, "r2_adj"), theirs["r2_adj"])
        agree(by_path(result.paths, "vif"), theirs["vif"])

    def test_reliability_and_validity(self, result, theirs):
        for column in ("rho_a", "rho_c", "ave"):
            agree(by_construct(result, column), theirs[column])
        agree(by_construct(result, "alpha"), {k: v for k, v in theirs["alpha"].items() if k != "Complaints"})
        agree(cells(result.htmt), theirs["htmt"])
        agree(cells(result.fornell_larcker), theirs["fornell_larcker"])
        agree(cells(result.correlations), theirs["construct_correlations"])

    def test_f2_where_the_model_is_estimated_anew(self, result, theirs):
        agree(by_path(f2_reestimated(result), "estimate"), theirs["f2_models_estimated_anew"])


def test_index_by_its_published_definition():
    result = estimate()
    items = result.items.set_index("item")
    for construct, theirs in reference("ecsi_mobile_index").items():
        agree(by_item(result, "weight_unstandardised"), theirs["weights"])
        agree(by_item(result, "share"), theirs["weights"])  # all items have the same scale
        assert by_construct(result, "index")[construct] == pytest.approx(theirs["index"], **CLOSE)
        assert by_construct(result, "index_sd")[construct] == pytest.approx(theirs["sd"], **CLOSE)
        # the two other definitions in use: standardised weights without the division by sd (plspm's rescale), and equal ones
        own = items[items["construct"] == construct]
        assert np.average(own["performance"], weights=own["weight"]) == pytest.approx(theirs["plspm_rescale"], **CLOSE)
        assert own["performance"].mean() == pytest.approx(theirs["equal_weights"], **CLOSE)


def test_plspm_centroid():
    result, theirs = estimate(scheme="centroid"), reference("ecsi_mobile_plspm")
    agree(by_item(result, "weight"), theirs["weights"])
    agree(by_item(result, "loading"), theirs["loadings"])
    agree(by_path(result.paths, "estimate"), theirs["paths"])
    agree(by_construct(result, "r2"), theirs["r2"])
    agree(by_construct(result, "ave"), theirs["ave"])
    for effect in ("direct", "indirect", "total"):
        agree(by_path(result.effects, effect), theirs[effect])
    agree(by_construct(result, "alpha"), {k: v for k, v in theirs["alpha"].items() if k != "Complaints"})
    agree(dict(zip(result.items["item"], result.items["loading"] ** 2, strict=True)), theirs["communality"])
    own = result.items.groupby("construct")[["mean", "weight"]].apply(lambda g: np.average(g["mean"], weights=g["weight"]))
    agree(own.to_dict(), theirs["rescaled_means"])


def test_plspm_criteria_of_blocks_and_regressions_of_composites():
    result, theirs = estimate(scheme="centroid"), reference("ecsi_mobile_plspm")
    fit = pls_fit(result)
    blocks = fit.blocks.set_index("construct")
    agree(blocks["communality"].to_dict(), theirs["block_communality"])
    agree(blocks["redundancy"].to_dict(), theirs["mean_redundancy"])
    agree(blocks["dg_rho"].to_dict(), theirs["dg_rho"])
    agree(blocks["eigenvalue_1"].to_dict(), theirs["eigenvalue_1"])
    agree(blocks["eigenvalue_2"].to_dict(), {k: v for k, v in theirs["eigenvalue_2"].items() if k != "Complaints"})
    assert fit["gof"] == pytest.approx(theirs["gof"], **CLOSE)
    for column in ("std_error", "t", "p_value"):
        agree(by_path(fit.paths, column), theirs[column])
    explained = result.items["loading"] ** 2 * result.items["construct"].map(by_construct(result, "r2"))
    agree(dict(zip(result.items["item"], explained, strict=True)), theirs["item_redundancy"])


def test_csem_consistent_pls():
    result, theirs = estimate("reflective"), reference("ecsi_mobile_csem")["consistent"]
    agree(by_item(result, "weight"), theirs["weights"])
    agree(by_item(result, "loading"), theirs["loadings"])
    agree(by_path(result.paths, "estimate"), theirs["paths"])
    agree(by_path(result.paths, "f2"), theirs["f2"])
    for column in ("r2", "r2_adj", "rho_a", "rho_c", "ave", "alpha"):
        agree(by_construct(result, column), theirs[column])
    agree(cells(result.correlations), theirs["construct_correlations"])
    agree(cells(result.htmt_signed), theirs["htmt_signed"])
    assert result.srmr == pytest.approx(theirs["srmr"], **CLOSE)
    agree(cells(estimate("A").correlations), theirs["composite_correlations"])  # mode A: the same weights, nothing corrected
    # the corrected correlations of this survey contradict each other: its seven factors are hardly distinct
    assert list(result.inadmissible["fault"]) == ["correlations"]


def test_csem_htmt2():
    """The geometric mean exists where all correlations are positive; cSEM gives one for an even number of negative ones too."""
    result, theirs = estimate("reflective"), reference("ecsi_mobile_csem")["consistent"]["htmt2"]
    ours = {key: value for key, value in cells(result.htmt2).items() if key in theirs and not np.isnan(value)}
    agree(theirs, ours)
    names = list(result.moments.columns)
    r = pd.DataFrame(result.moments.correlation, names, names)
    for pair in set(theirs) - set(ours):
        first, second = (FACTS["constructs"][name] for name in pair.split(">"))
        assert min(r.loc[a, b].to_numpy().min() for a, b in ((first, second), (first, first), (second, second))) < 0
    assert len(ours) > len(theirs) / 2


def test_csem_criteria_of_fit():
    result, theirs = estimate("reflective"), reference("ecsi_mobile_csem")["consistent"]
    fit = pls_fit(result)
    by_other_formula = {"d_g_decadic", "gfi_frobenius"}
    agree(
        {k: fit[k] for k in theirs["fit"] if k not in by_other_formula},
        {k: v for k, v in theirs["fit"].items() if k not in by_other_formula},
    )
    assert fit["d_g"] * np.log10(np.e) ** 2 == pytest.approx(theirs["fit"]["d_g_decadic"], **CLOSE)
    a = np.linalg.solve(fit.implied.to_numpy(), result.moments.correlation)
    frobenius = 1 - ((a - np.eye(24)) ** 2).sum() / (a**2).sum()
    assert frobenius == pytest.approx(theirs["fit"]["gfi_frobenius"], **CLOSE)
    for column in ("aic", "bic"):
        agree(dict(zip(fit.equations["target"], fit.equations[column], strict=True)), theirs[column])


@pytest.mark.parametrize("target", ["Expectation", "Quality", "Value", "Satisfaction", "Complaints", "Loyalty"])
def test_csem_importance_performance_map(target):
    theirs = reference("ecsi_mobile_csem")["map"]
    result = estimate()
    constructs, items = result.importance_performance(target)
    ours = dict(zip(constructs["construct"], constructs["importance"], strict=True))
    assert ours == pytest.approx(theirs["construct_importance"][target], **CLOSE)
    agree(theirs["construct_performance"], dict(zip(constructs["construct"], constructs["performance"], strict=True)))
    # cSEM lists the target's own items too, with their share of its index
    own = {i: v for i, v in by_item(result, "share").items() if i in FACTS["constructs"][target]}
    ours = dict(zip(items["item"], items["importance"], strict=True))
    assert ours | own == pytest.approx(theirs["item_importance"][target], **CLOSE)
    agree(theirs["item_performance"], dict(zip(items["item"], items["performance"], strict=True)))
    agree(by_path(result.paths, "estimate"), theirs["paths"])


def test_answers_and_their_moments_give_the_same_model():
    from_rows = pls(moments(exact_answers()), model(), limits=(1, 10))
    np.testing.assert_allclose(from_rows.paths["estimate"], estimate().paths["estimate"], atol=1e-9)
    np.testing.assert_allclose(from_rows.index, estimate().index, atol=1e-9)
