from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.core.model import Construct, Model
from csr_lib.stats.moments import Moments, moments
from csr_lib.stats.pls import SCHEMES, pls

MODES = ("A", "B", "reflective")


def in_mode(model, mode):
    return replace(model, constructs=tuple(replace(c, mode=mode) for c in model.constructs))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("mode", MODES)
def test_composites_are_what_they_are_said_to_be(answers, small_model, scheme, mode):
    """Weights give variance 1, loadings are correlations, paths and R² those of regressions on the scores."""
    r = pls(moments(answers), in_mode(small_model, mode), scheme=scheme)
    z = ((answers - answers.mean()) / answers.std())[list(r.items["item"])].to_numpy()
    scores = np.add.reduceat(z * r.items["weight"].to_numpy(), r.plan.starts, axis=1)
    np.testing.assert_allclose(scores.std(axis=0, ddof=1), 1, atol=1e-9)
    np.testing.assert_allclose(np.corrcoef(z.T, scores.T)[: z.shape[1], z.shape[1] :], r.cross_loadings, atol=1e-9)
    if mode != "reflective":
        b, *_ = np.linalg.lstsq(scores[:, :2], scores[:, 2], rcond=None)
        into = r.paths[r.paths["target"] == "Satisfaction"]
        np.testing.assert_allclose(into["estimate"], b, atol=1e-9)
        explained = 1 - ((scores[:, 2] - scores[:, :2] @ b) ** 2).sum() / (scores[:, 2] ** 2).sum()
        assert r.constructs["r2"][2] == pytest.approx(explained)


@pytest.mark.parametrize("mode", MODES)
def test_total_effects_are_direct_plus_indirect(answers, small_model, mode):
    r = pls(moments(answers), in_mode(small_model, mode), limits=(1, 10))
    b = {(s, t): e for s, t, e in r.paths[["source", "target", "estimate"]].itertuples(index=False)}
    total = r.effects.set_index(["source", "target"])
    np.testing.assert_allclose(total["total"], total["direct"] + total["indirect"])
    by_hand = b["Image", "Satisfaction"] + b["Image", "Quality"] * b["Quality", "Satisfaction"]
    assert total.loc[("Image", "Satisfaction"), "total"] == pytest.approx(by_hand)
    assert total.loc[("Image", "Loyalty"), "total"] == pytest.approx(by_hand * b["Satisfaction", "Loyalty"])
    assert ("Loyalty", "Image") not in total.index


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), scheme=st.sampled_from(SCHEMES), mode=st.sampled_from(MODES))
def test_order_and_units_do_not_matter(seed, scheme, mode):
    from stats_samples import simulate

    rng = np.random.default_rng(seed)
    answers = simulate(150, seed)
    model = Model(
        (Construct("X", ("i1", "i2", "i3"), mode), Construct("Y", ("q1", "q2", "q3"), mode), Construct("Z", ("l1",), mode)),
        (("X", "Y"), ("X", "Z"), ("Y", "Z")),
        "Z",
    )
    one = pls(moments(answers), model, scheme=scheme, limits=(1, 10))
    slope, shift = rng.uniform(0.1, 20), rng.uniform(-50, 50)
    moved = answers.sample(frac=1, random_state=seed)[list(rng.permutation(answers.columns))] * slope + shift
    other = pls(moments(moved), model, scheme=scheme, limits=(slope + shift, 10 * slope + shift))
    for table, columns in {
        "items": ["weight", "share", "loading", "performance"],
        "paths": ["estimate", "unstandardised", "f2"],
        "effects": ["total"],
        "constructs": ["rho_a", "rho_c", "ave", "index", "index_sd"],
    }.items():
        np.testing.assert_allclose(getattr(one, table)[columns], getattr(other, table)[columns], atol=1e-7)


def test_integer_frequency_weights_are_repeated_rows(answers, small_model):
    w = np.random.default_rng(0).integers(1, 4, len(answers))
    weighted = pls(moments(answers, w, kind="frequency"), small_model, limits=(1, 10))
    repeated = pls(moments(answers.loc[answers.index.repeat(w)]), small_model, limits=(1, 10))
    np.testing.assert_allclose(weighted.items["weight"], repeated.items["weight"], atol=1e-9)
    np.testing.assert_allclose(weighted.constructs["r2_adj"], repeated.constructs["r2_adj"], atol=1e-9)
    np.testing.assert_allclose(weighted.index, repeated.index)


def test_the_index_stays_within_0_and_100_and_reaches_both(answers, small_model):
    r = pls(moments(answers), small_model, limits=(1, 10))
    assert (r.items["weight"] > 0).all()
    assert r.index.between(0, 100).all()
    np.testing.assert_allclose(r.index_of(np.full(9, 10.0)), 100)
    np.testing.assert_allclose(r.index_of(np.full(9, 1.0)), 0, atol=1e-12)
    np.testing.assert_allclose(r.index_of(r.moments.mean), r.index)


def test_items_on_different_scales_count_by_what_they_move_the_index(answers, small_model):
    """Rescaling one item with its limits changes neither index nor shares."""
    stretched = answers.assign(q2=answers["q2"] * 10)
    limits = dict.fromkeys(answers, (1, 10)) | {"q2": (10, 100)}
    one = pls(moments(answers), small_model, limits=(1, 10))
    other = pls(moments(stretched), small_model, limits=limits)
    np.testing.assert_allclose(one.index, other.index)
    np.testing.assert_allclose(one.items["share"], other.items["share"])
    np.testing.assert_allclose(one.items["share"].groupby(one.items["construct"]).sum(), 1)


def test_without_limits_there_is_no_index(answers, small_model):
    r = pls(moments(answers), small_model)
    assert r.index.isna().all()
    assert r.paths["unstandardised"].isna().all()
    assert r.paths["estimate"].notna().all()


def test_a_composite_points_to_where_its_loadings_do(answers, small_model):
    """A construct whose items are all turned round gets negative paths, not negative weights."""
    turned = answers.assign(**{c: 11 - answers[c] for c in ("q1", "q2", "q3")})
    one, other = pls(moments(answers), small_model), pls(moments(turned), small_model)
    np.testing.assert_allclose(one.items["weight"], other.items["weight"], atol=1e-9)
    assert other.paths["estimate"][0] == pytest.approx(-one.paths["estimate"][0])


def test_htmt_of_blocks_with_known_correlations():
    r = np.full((4, 4), 0.3)
    r[:2, :2] = 0.6
    r[2:, 2:] = 0.5
    r[0, 3] = r[3, 0] = -0.1
    np.fill_diagonal(r, 1)
    m = Moments.from_correlation(["a", "b", "c", "d"], np.zeros(4), np.ones(4), r, 100)
    model = Model((Construct("X", ("a", "b")), Construct("Y", ("c", "d"))), (("X", "Y"),), "Y")
    found = pls(m, model)
    assert found.htmt.loc["Y", "X"] == pytest.approx(1.0 / 4 / np.sqrt(0.6 * 0.5))
    assert found.htmt_signed.loc["Y", "X"] == pytest.approx(0.8 / 4 / np.sqrt(0.6 * 0.5))
    assert found.items["vif"].to_list() == pytest.approx([1 / (1 - 0.36)] * 2 + [1 / (1 - 0.25)] * 2)


def test_consistent_pls_recovers_a_population_model():
    """Population correlations of a common factor model give back loadings and paths, which mode A does not."""
    lam = np.array([0.8, 0.7, 0.6, 0.9, 0.7, 0.8, 0.75, 0.85, 0.65])
    eta = np.array([[1, 0.5, 0.55], [0.5, 1, 0.6], [0.55, 0.6, 1]])
    owner = np.repeat([0, 1, 2], 3)
    r = np.outer(lam, lam) * eta[np.ix_(owner, owner)]
    np.fill_diagonal(r, 1)
    items = [f"x{k}" for k in range(9)]
    m = Moments.from_correlation(items, np.zeros(9), np.ones(9), r, 500)
    constructs = tuple(Construct(n, tuple(items[3 * j : 3 * j + 3]), "reflective") for j, n in enumerate("XYZ"))
    found = pls(m, Model(constructs, (("X", "Y"), ("X", "Z"), ("Y", "Z")), "Z"))
    np.testing.assert_allclose(found.items["loading"], lam, atol=1e-9)
    np.testing.assert_allclose(found.correlations, eta, atol=1e-9)
    assert found.srmr == pytest.approx(0, abs=1e-9)


def test_mixed_models_correct_reflective_constructs_only(answers, small_model):
    mixed = replace(small_model, constructs=(small_model.constructs[0], replace(small_model.constructs[1], mode="reflective"),
                                             *small_model.constructs[2:]))  # fmt: skip
    plain, found = pls(moments(answers), small_model), pls(moments(answers), mixed)
    rho = found.constructs["rho_a"][1]
    assert found.correlations.loc["Image", "Satisfaction"] == pytest.approx(plain.correlations.loc["Image", "Satisfaction"])
    corrected = plain.correlations.loc["Image", "Quality"] / np.sqrt(rho)
    assert found.correlations.loc["Image", "Quality"] == pytest.approx(corrected)


def duplicate(answers):
    return answers.assign(q2=answers["q1"] + answers["q3"])


@pytest.mark.parametrize(
    ("data", "change", "options", "error", "message"),
    [
        (duplicate, lambda m: in_mode(m, "B"), {}, AnalysisError, "q1, q2, q3 are linearly dependent"),
        (lambda d: d.iloc[:4], lambda m: in_mode(m, "B"), {}, AnalysisError, "too few for the mode B weights of Image"),
        (lambda d: d.iloc[:3], lambda m: m, {}, AnalysisError, "too few for the paths into Satisfaction"),
        (lambda d: d.drop(columns="q1"), lambda m: m, {}, DataError, "unknown column 'q1'"),
        (lambda d: d, lambda m: m, {"scheme": "paths"}, OptionError, "did you mean 'path'"),
        (lambda d: d, lambda m: m, {"limits": (1, 5)}, DataError, "does not hold the mean"),
        (lambda d: d, lambda m: m, {"limits": {"i1": (1, 10)}}, DataError, "no ends of the scale for i2"),
        (lambda d: d, lambda m: m, {"max_iterations": 1}, AnalysisError, "did not converge within 1"),
    ],
)
def test_what_cannot_be_estimated_is_named(answers, small_model, data, change, options, error, message):
    with pytest.raises(error, match=message):
        pls(moments(data(answers)), change(small_model), **options)


def test_a_factor_of_items_that_contradict_each_other_is_named():
    r = np.array([[1, -0.3, 0.4], [-0.3, 1, 0.4], [0.4, 0.4, 1]])
    m = Moments.from_correlation(["a", "b", "y"], np.zeros(3), np.ones(3), r, 100)
    model = Model((Construct("X", ("a", "b"), "reflective"), Construct("Y", ("y",))), (("X", "Y"),), "Y")
    with pytest.raises(AnalysisError, match="ρ_A of X"):
        pls(m, model)


def test_dependent_constructs_are_named(answers):
    same = answers.assign(q1=answers["i1"])
    model = Model((Construct("X", ("i1",)), Construct("Y", ("q1",)), Construct("Z", ("l1",))), (("X", "Z"), ("Y", "Z")), "Z")
    with pytest.raises(AnalysisError, match="X, Y are linearly dependent"):
        pls(moments(same), model)


def test_the_map_of_an_unknown_construct_is_an_error(answers, small_model):
    with pytest.raises(OptionError, match="did you mean 'Loyalty'"):
        pls(moments(answers), small_model, limits=(1, 10)).importance_performance("Loyality")
