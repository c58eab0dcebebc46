from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.core.model import Construct, Model
from csr_lib.stats.moments import Moments, moments, sample
from csr_lib.stats.pls import SCHEMES, f2_reestimated, pls
from csr_lib.stats.pls_bootstrap import pls_bootstrap
from csr_lib.stats.pls_fit import pls_fit
from csr_lib.stats.resampling import resample_counts

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


@settings(max_examples=20)
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
    turned = replace(model, constructs=model.constructs[::-1], paths=model.paths[::-1])
    moved = answers.sample(frac=1, random_state=seed)[list(rng.permutation(answers.columns))] * slope + shift
    other = pls(moments(moved), turned, scheme=scheme, limits=(slope + shift, 10 * slope + shift))
    for table, key, columns in (
        ("items", ["item"], ["weight", "share", "loading", "performance"]),
        ("paths", ["source", "target"], ["estimate", "unstandardised", "f2"]),
        ("effects", ["source", "target"], ["direct", "total"]),
        ("constructs", ["construct"], ["rho_a", "rho_c", "ave", "r2", "index", "index_sd"]),
    ):
        a, b = (getattr(r, table).set_index(key)[columns] for r in (one, other))
        np.testing.assert_allclose(a, b.loc[a.index], atol=1e-7)
    assert one.srmr == pytest.approx(other.srmr, abs=1e-7)
    np.testing.assert_allclose(one.htmt, other.htmt.loc[one.htmt.index, one.htmt.columns], atol=1e-7)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), item=st.sampled_from(["i1", "q2", "s1"]), mode=st.sampled_from(MODES))
def test_an_item_turned_round_turns_its_weight_and_nothing_else(seed, item, mode):
    from stats_samples import simulate

    answers = simulate(150, seed)
    model = Model(
        (Construct("X", ("i1", "i2", "i3"), mode), Construct("Y", ("q1", "q2", "q3"), mode), Construct("Z", ("s1", "s2"), "B")),
        (("X", "Y"), ("X", "Z"), ("Y", "Z")),
        "Z",
    )
    one, other = pls(moments(answers), model), pls(moments(answers.assign(**{item: 11 - answers[item]})), model)
    sign = np.where(one.items["item"] == item, -1, 1)
    over = (other.items["weight"] * sign / one.items["weight"]).groupby(one.items["construct"]).agg(["min", "max"])
    np.testing.assert_allclose(over["min"], over["max"], atol=1e-5)  # 1, or −1 where the construct as a whole turned over
    np.testing.assert_allclose(over["min"].abs(), 1, atol=1e-5)
    np.testing.assert_allclose(one.paths["estimate"].abs(), other.paths["estimate"].abs(), atol=1e-7)
    np.testing.assert_allclose(one.constructs["r2"], other.constructs["r2"], atol=1e-7)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), item=st.integers(0, 8), up=st.floats(0, 3))
def test_a_better_answer_never_lowers_an_index(seed, item, up):
    from stats_samples import simulate

    answers = simulate(120, seed)
    model = Model(
        (Construct("X", ("i1", "i2", "i3")), Construct("Y", ("q1", "q2", "q3")), Construct("Z", ("s1", "s2", "l1"))),
        (("X", "Y"), ("Y", "Z")),
        "Z",
    )
    r = pls(moments(answers), model, limits=(1, 10))
    if (r.items["weight"] < 0).any():
        return
    means = r.moments.mean.copy()
    means[item] = min(10, means[item] + up)
    assert (r.index_of(means) >= r.index.to_numpy() - 1e-12).all()
    assert r.index.between(0, 100).all()


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


LAM = np.array([0.8, 0.7, 0.6, 0.9, 0.7, 0.8, 0.75, 0.85, 0.65])
ETA = np.array([[1, 0.5, 0.55], [0.5, 1, 0.6], [0.55, 0.6, 1]])
ITEMS = [f"x{k}" for k in range(9)]


def population():
    """Correlations of nine items of three common factors."""
    owner = np.repeat([0, 1, 2], 3)
    r = np.outer(LAM, LAM) * ETA[np.ix_(owner, owner)]
    np.fill_diagonal(r, 1)
    return r


def factors(mode, *, r=None, n=500):
    constructs = tuple(Construct(name, tuple(ITEMS[3 * j : 3 * j + 3]), mode) for j, name in enumerate("XYZ"))
    model = Model(constructs, (("X", "Y"), ("X", "Z"), ("Y", "Z")), "Z")
    return pls(Moments.from_correlation(ITEMS, np.zeros(9), np.ones(9), population() if r is None else r, n), model)


def test_consistent_pls_recovers_a_population_model_and_mode_a_does_not():
    """Population correlations of a common factor model give back loadings and paths; composites attenuate them."""
    found, composites = factors("reflective"), factors("A")
    b = [ETA[1, 0], *np.linalg.solve(ETA[:2, :2], ETA[:2, 2])]
    np.testing.assert_allclose(found.items["loading"], LAM, atol=1e-9)
    np.testing.assert_allclose(found.correlations, ETA, atol=1e-9)
    np.testing.assert_allclose(found.paths["estimate"], b, atol=1e-9)
    assert found.srmr == pytest.approx(0, abs=1e-9)
    assert found.inadmissible.empty
    assert (composites.correlations.to_numpy()[np.tril_indices(3, -1)] < ETA[np.tril_indices(3, -1)] - 0.05).all()
    assert np.abs(composites.paths["estimate"] - b).max() > 0.05
    assert (composites.items["loading"] > LAM).all()


@pytest.mark.parametrize("mode", ["A", "reflective"])
def test_estimates_draw_near_their_population_as_n_grows(mode):
    """The mean error of 20 samples falls by four where n grows by sixteen."""
    rng = np.random.default_rng(0)
    truth = factors(mode).paths["estimate"].to_numpy()
    root = np.linalg.cholesky(population())
    errors = []
    for n in (200, 3200):
        draws = [factors(mode, r=np.corrcoef(root @ rng.standard_normal((9, n)))).paths["estimate"] - truth for _ in range(20)]
        errors.append(np.sqrt(np.mean(np.square(draws))))
    assert 3 < errors[0] / errors[1] < 5.3


def test_a_population_fits_its_own_model():
    fit = pls_fit(factors("reflective"))
    for criterion in ("srmr", "d_uls", "d_g", "d_ml", "chi_square", "rmsea"):
        assert fit[criterion] == pytest.approx(0, abs=1e-6)
    for criterion in ("cfi", "nfi", "gfi"):
        assert fit[criterion] == pytest.approx(1, abs=1e-9)
    assert fit["df"] == 36 - 9 - 3
    np.testing.assert_allclose(fit.implied, population(), atol=1e-9)


def test_criteria_that_need_a_likelihood_are_left_open_without_one(answers, small_model):
    doubled = answers.assign(i3=answers["i1"] + answers["i2"])
    fit = pls_fit(pls(moments(doubled), small_model))
    for criterion in ("d_g", "d_ml", "chi_square", "cfi", "tli", "nfi", "gfi", "rmsea"):
        assert np.isnan(fit[criterion])
    for criterion in ("srmr", "d_uls", "df", "rms_theta", "gof"):
        assert np.isfinite(fit[criterion])
    assert pls(moments(doubled), small_model).items["vif"][:3].tolist() == [np.inf] * 3


def two_factors(r):
    m = Moments.from_correlation(["a", "b", "c", "d"], np.zeros(4), np.ones(4), r, 200)
    model = Model((Construct("X", ("a", "b"), "reflective"), Construct("Y", ("c", "d"), "reflective")), (("X", "Y"),), "Y")
    return pls(m, model)


def test_a_heywood_case_is_marked_and_named():
    """Item a explains the other construct almost alone, more than its correlation with b allows."""
    r = np.array([[1, 0.3, 0.7, 0.7], [0.3, 1, 0.15, 0.15], [0.7, 0.15, 1, 0.6], [0.7, 0.15, 0.6, 1]])
    found = two_factors(r)
    fault = found.inadmissible.set_index("fault")
    assert fault.loc["loading", "name"] == "a"
    assert fault.loc["loading", "value"] > 1
    assert fault.loc["loading", "value"] == pytest.approx(found.items["loading"].max())


def test_a_correlation_beyond_one_is_marked_and_named():
    r = np.full((4, 4), 0.6)
    r[:2, :2] = r[2:, 2:] = 0.4
    np.fill_diagonal(r, 1)
    found = two_factors(r)
    fault = found.inadmissible.set_index("fault")
    assert found.correlations.loc["X", "Y"] == pytest.approx(1.5)
    assert tuple(fault.loc["correlation", ["name", "other"]]) == ("Y", "X")
    assert fault.loc["r2", "value"] == pytest.approx(2.25)
    assert fault.loc["correlations", "value"] == pytest.approx(-0.5)


def test_composites_are_always_admissible(answers, small_model):
    assert pls(moments(answers), small_model).inadmissible.empty
    assert pls(moments(answers), in_mode(small_model, "B")).inadmissible.empty


def test_inadmissible_draws_are_those_whose_own_estimate_is(answers, small_model):
    model = in_mode(small_model, "reflective")
    few = answers.iloc[:40]
    found = pls_bootstrap(sample(few), model, resamples=25, seed=2)
    count = 0
    for times in next(resample_counts(sample(few), 25, 2)):
        rows = np.repeat(np.arange(40), times.astype(int))
        try:
            count += not pls(moments(few.iloc[rows]), model).inadmissible.empty
        except AnalysisError:
            continue  # failed: no positive ρ_A
    assert count > 0
    assert found.n_inadmissible == count


def test_f2_without_a_path_leaves_out_a_construct_that_has_no_other(answers, small_model):
    """Image → Satisfaction is the only path of Image here: without it the model is that of the rest."""
    model = replace(small_model, paths=small_model.paths[1:])
    found = f2_reestimated(pls(moments(answers), model)).set_index(["source", "target"])["estimate"]
    rest = Model(model.constructs[1:], model.paths[1:], "Satisfaction")
    with_, without = (pls(moments(answers), m).constructs.set_index("construct")["r2"]["Satisfaction"] for m in (model, rest))
    assert found["Image", "Satisfaction"] == pytest.approx((with_ - without) / (1 - with_))
    alone = pls(moments(answers), model).constructs.set_index("construct")["r2"]["Loyalty"]
    assert found["Satisfaction", "Loyalty"] == pytest.approx(alone / (1 - alone))


def test_htmt2_of_blocks_with_known_correlations():
    r = np.array([[1, 0.5, 0.2, 0.3], [0.5, 1, 0.4, 0.1], [0.2, 0.4, 1, 0.6], [0.3, 0.1, 0.6, 1]])
    m = Moments.from_correlation(["a", "b", "c", "d"], np.zeros(4), np.ones(4), r, 100)
    model = Model((Construct("X", ("a", "b")), Construct("Y", ("c", "d"))), (("X", "Y"),), "Y")
    assert pls(m, model).htmt2.loc["X", "Y"] == pytest.approx((0.2 * 0.3 * 0.4 * 0.1) ** 0.25 / np.sqrt(0.5 * 0.6))
    single = Model((Construct("X", ("a",)), Construct("Y", ("c", "d"))), (("X", "Y"),), "Y")
    assert pls(m, single).htmt2.loc["X", "Y"] == pytest.approx(np.sqrt(0.2 * 0.3) / np.sqrt(0.6))


def test_fewer_rows_than_items_are_enough_for_composites_but_not_for_regressions(answers, small_model):
    few = answers.iloc[:8]
    assert np.isfinite(pls(moments(few), small_model).paths["estimate"]).all()
    wide = Model((Construct("X", tuple(answers.columns[:7]), "B"), Construct("Y", ("s2",))), (("X", "Y"),), "Y")
    with pytest.raises(AnalysisError, match="8 rows are too few for the mode B weights of X"):
        pls(moments(few), wide)


def test_a_single_item_is_itself_in_every_mode(answers, small_model):
    """Its weight, loading and ρ_A are 1, whatever its mode; nothing else changes by it."""
    plain = pls(moments(answers), small_model)
    for mode in ("B", "reflective"):
        changed = replace(small_model, constructs=(*small_model.constructs[:3], Construct("Loyalty", ("l1",), mode)))
        found = pls(moments(answers), changed)
        np.testing.assert_allclose(found.items[["weight", "loading"]], plain.items[["weight", "loading"]], atol=1e-9)
        np.testing.assert_allclose(found.paths["estimate"], plain.paths["estimate"], atol=1e-9)
        assert found.constructs["rho_a"][3] == 1


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
