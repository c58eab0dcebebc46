"""Path models agree with seminr, plspm and cSEM to 1e-6; figures and recipes stand beside this file."""

import numpy as np
import pytest
from ecsi_mobile import FACTS, exact_answers, mobile_moments, model, reference

from csr_lib.stats.moments import moments
from csr_lib.stats.pls import PLSResult, pls

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

    def test_f2_where_the_model_is_estimated_anew(self, result, theirs, case):
        mode, scheme = SEMINR[case]
        whole = by_construct(result, "r2")
        found = {}
        for source, target in result.model.paths:
            rest = [[s, t] for s, t in result.model.paths if (s, t) != (source, target)]
            without = by_construct(pls(mobile_moments(), model(mode, rest), scheme=scheme), "r2")[target]
            found[f"{source}>{target}"] = (whole[target] - np.nan_to_num(without)) / (1 - whole[target])
        agree(found, theirs["f2_models_estimated_anew"])


def test_index_by_its_published_definition():
    result = estimate()
    for construct, theirs in reference("ecsi_mobile_index").items():
        agree(by_item(result, "weight_unstandardised"), theirs["weights"])
        agree(by_item(result, "share"), theirs["weights"])  # all items have the same scale
        assert by_construct(result, "index")[construct] == pytest.approx(theirs["index"], **CLOSE)
        assert by_construct(result, "index_sd")[construct] == pytest.approx(theirs["sd"], **CLOSE)


def test_plspm_centroid():
    result, theirs = estimate(scheme="centroid"), reference("ecsi_mobile_plspm")
    agree(by_item(result, "weight"), theirs["weights"])
    agree(by_item(result, "loading"), theirs["loadings"])
    agree(by_path(result.paths, "estimate"), theirs["paths"])
    agree(by_construct(result, "r2"), theirs["r2"])
    agree(by_construct(result, "ave"), theirs["ave"])
    for effect in ("direct", "indirect", "total"):
        agree(by_path(result.effects, effect), theirs[effect])


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


@pytest.mark.parametrize("target", ["Satisfaction", "Loyalty"])
def test_csem_importance_performance_map(target):
    theirs = reference("ecsi_mobile_csem")["map"]
    result = estimate()
    constructs, items = result.importance_performance(target)
    nonzero = {k: v for k, v in theirs["construct_importance"][target].items() if v}
    assert dict(zip(constructs["construct"], constructs["importance"], strict=True)) == pytest.approx(nonzero, **CLOSE)
    agree(theirs["construct_performance"], dict(zip(constructs["construct"], constructs["performance"], strict=True)))
    # cSEM lists the target's own items too, with their share of its index
    own = {i: v for i, v in by_item(result, "share").items() if i in FACTS["constructs"][target]}
    ours = dict(zip(items["item"], items["importance"], strict=True))
    assert ours | own == pytest.approx({k: v for k, v in theirs["item_importance"][target].items() if v}, **CLOSE)
    agree(theirs["item_performance"], dict(zip(items["item"], items["performance"], strict=True)))


def test_answers_and_their_moments_give_the_same_model():
    from_rows = pls(moments(exact_answers()), model(), limits=(1, 10))
    np.testing.assert_allclose(from_rows.paths["estimate"], estimate().paths["estimate"], atol=1e-9)
    np.testing.assert_allclose(from_rows.index, estimate().index, atol=1e-9)
