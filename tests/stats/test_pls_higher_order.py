"""Constructs of constructs: moments give what scores of respondents give, stage by stage."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stats_samples import simulate

from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.core.model import Construct, Model
from csr_lib.simulate.population import Population
from csr_lib.stats.moments import Moments, moments, sample
from csr_lib.stats.pls import pls
from csr_lib.stats.pls_bootstrap import pls_bootstrap
from csr_lib.stats.pls_higher_order import Climb, lowest, pls_two_stage, raised
from csr_lib.stats.resampling import resample_counts


def whole_model(mode="A", part="A"):
    """Experience is made of Image and Quality."""
    return Model(
        (
            Construct("Loyalty", ("l1",)),
            Construct("Experience", mode=mode, of=("Quality", "Image")),
            Construct("Image", ("i1", "i2", "i3"), part),
            Construct("Quality", ("q1", "q2", "q3"), part),
            Construct("Satisfaction", ("s1", "s2")),
        ),
        (("Experience", "Satisfaction"), ("Satisfaction", "Loyalty"), ("Experience", "Loyalty")),
        "Satisfaction",
    )


def by_scores(answers, model, scheme="path", limits=(1, 10)):
    """Estimate the parts, write each respondent's index of every part into a column, and estimate the rest with these columns."""
    first = Model(
        tuple(c for c in model.constructs if c.items),
        tuple((a, b) for s, t in model.paths for a in (model.construct(s).of or (s,)) for b in (model.construct(t).of or (t,))),
        model.target,
    )
    one = pls(moments(answers), first, scheme=scheme, limits=limits)
    frame = answers.copy()
    parts = {part for c in model.constructs for part in c.of}
    for part in parts:
        own = one.items[one.items["construct"] == part]
        raw = own["weight"].to_numpy() / answers[own["item"]].std().to_numpy()
        low, high = limits
        frame[part] = 100 * (answers[own["item"]] - low) @ raw / (raw.sum() * (high - low))
    second = Model(
        tuple(Construct(c.name, c.items or c.of, c.mode) for c in model.constructs if c.name not in parts),
        model.paths,
        model.target,
    )
    ends = dict.fromkeys(answers, limits) | dict.fromkeys(parts, (0, 100))
    return one, pls(moments(frame), second, scheme=scheme, limits=ends), frame


@pytest.mark.parametrize("scheme", ["path", "factorial", "centroid"])
@pytest.mark.parametrize("mode", ["A", "B"])
def test_moments_give_what_scores_of_respondents_give(answers, mode, scheme):
    model = whole_model(mode, mode)
    found = pls_two_stage(moments(answers), model, scheme=scheme, limits=(1, 10))
    first, second, frame = by_scores(answers, model, scheme)
    np.testing.assert_allclose(found.first.items["weight"], first.items["weight"], atol=1e-9)
    for table, columns in {
        "items": ["weight", "loading", "share", "vif", "mean", "performance"],
        "constructs": ["alpha", "rho_a", "ave", "r2", "index", "index_sd"],
        "paths": ["estimate", "unstandardised", "f2", "vif"],
        "effects": ["total", "total_unstandardised"],
    }.items():
        np.testing.assert_allclose(getattr(found.last, table)[columns], getattr(second, table)[columns], atol=1e-8)
    np.testing.assert_allclose(found.last.htmt, second.htmt, atol=1e-8)
    np.testing.assert_allclose(found.index[["Image", "Quality"]], frame[["Image", "Quality"]].mean())
    assert found.last.srmr == pytest.approx(second.srmr)


def test_the_parts_take_over_the_paths_of_their_whole():
    below = lowest(whole_model())
    assert set(below.paths) == {
        ("Image", "Satisfaction"),
        ("Quality", "Satisfaction"),
        ("Image", "Loyalty"),
        ("Quality", "Loyalty"),
        ("Satisfaction", "Loyalty"),
    }
    above = raised(whole_model("B"))
    assert above.construct("Experience") == Construct("Experience", ("Quality", "Image"), "B")
    assert above.names == ("Loyalty", "Experience", "Satisfaction")


def test_shares_of_items_make_the_index_of_the_whole(answers):
    found = pls_two_stage(moments(answers), whole_model(), limits=(1, 10))
    own = found.items[found.items["construct"] == "Experience"]
    assert set(own["part"]) == {"Image", "Quality"}
    assert own["share"].sum() == pytest.approx(1)
    assert (own["share"] * own["performance"]).sum() == pytest.approx(found.index["Experience"])
    assert (found.parts["share"] * found.parts["index"]).sum() == pytest.approx(found.index["Experience"])
    constructs, items = found.importance_performance("Loyalty")
    total = constructs.set_index("construct")["importance"]["Experience"]
    assert items.loc[items["construct"] == "Experience", "importance"].sum() == pytest.approx(total)


def factor_population(gamma, beta, lam):
    """Correlations of items of three parts of one second-order factor, and of an outcome that it acts on."""
    k = len(gamma)
    eta = np.outer(gamma, gamma)
    np.fill_diagonal(eta, 1)
    eta = np.block([[eta, (beta * gamma)[:, None]], [beta * gamma[None], np.ones((1, 1))]])
    owner = np.repeat(np.arange(k + 1), len(lam) // (k + 1))
    r = np.outer(lam, lam) * eta[np.ix_(owner, owner)]
    np.fill_diagonal(r, 1)
    return r, eta, owner


LAM = np.array([0.8, 0.7, 0.6, 0.9, 0.7, 0.8, 0.75, 0.85, 0.65, 0.8, 0.6, 0.7])
GAMMA = np.array([0.9, 0.7, 0.8])


def population_model(mode):
    items = [f"x{k}" for k in range(12)]
    parts = tuple(Construct(f"P{j}", tuple(items[3 * j : 3 * j + 3]), "reflective") for j in range(3))
    whole = Construct("W", mode=mode, of=("P0", "P1", "P2"))
    return Model((*parts, whole, Construct("Y", tuple(items[9:]), "reflective")), (("W", "Y"),), "Y")


def test_a_factor_of_factors_is_recovered_from_its_population():
    r, _, _ = factor_population(GAMMA, 0.6, LAM)
    m = Moments.from_correlation([f"x{k}" for k in range(12)], np.zeros(12), np.ones(12), r, 500)
    found = pls_two_stage(m, population_model("reflective"))
    np.testing.assert_allclose(found.first.items["loading"], LAM, atol=1e-8)
    np.testing.assert_allclose(found.parts["loading"], GAMMA, atol=1e-8)
    assert found.last.paths["estimate"][0] == pytest.approx(0.6, abs=1e-8)
    assert found.inadmissible.empty


@pytest.mark.parametrize("mode", ["A", "B"])
def test_a_composite_of_factors_is_made_of_the_factors_not_of_their_noisy_scores(mode):
    """The second stage is that of a population in which the parts are seen without error."""
    r, eta, _ = factor_population(GAMMA, 0.6, LAM)
    items = [f"x{k}" for k in range(12)]
    m = Moments.from_correlation(items, np.zeros(12), np.ones(12), r, 500)
    found = pls_two_stage(m, population_model(mode)).last
    seen = np.block([[eta[:3, :3], LAM[9:] * eta[:3, [3]]], [(LAM[9:] * eta[:3, [3]]).T, r[9:, 9:]]])
    true = Moments.from_correlation(["P0", "P1", "P2", *items[9:]], np.zeros(6), np.ones(6), seen, 500)
    direct = Model((Construct("W", ("P0", "P1", "P2"), mode), Construct("Y", tuple(items[9:]), "reflective")), (("W", "Y"),), "Y")
    expected = pls(true, direct)
    np.testing.assert_allclose(found.items["weight"], expected.items["weight"], atol=1e-8)
    np.testing.assert_allclose(found.paths["estimate"], expected.paths["estimate"], atol=1e-8)


def test_three_levels_are_climbed_one_by_one(answers):
    model = Model(
        (
            Construct("Top", of=("Middle", "Satisfaction")),
            Construct("Middle", of=("Image", "Quality")),
            *(c for c in whole_model().constructs if c.items),
        ),
        (("Top", "Loyalty"),),
        "Loyalty",
    )
    found = pls_two_stage(moments(answers), model, limits=(1, 10))
    assert len(found.stages) == 3
    middle = Model(
        (Construct("Middle", of=("Image", "Quality")), *(c for c in model.constructs if c.items)),
        (("Middle", "Loyalty"), ("Satisfaction", "Loyalty")),
        "Loyalty",
    )
    below = pls_two_stage(moments(answers), middle, limits=(1, 10))
    frame = answers.copy()
    for name, stage in {"Middle": below.items[below.items["construct"] == "Middle"],
                        "Satisfaction": below.items[below.items["construct"] == "Satisfaction"]}.items():  # fmt: skip
        frame[name] = 100 / 9 * (answers[stage["item"]] - 1) @ stage["share"].to_numpy()
    flat = Model((Construct("Top", ("Middle", "Satisfaction")), Construct("Loyalty", ("l1",))), (("Top", "Loyalty"),), "Loyalty")
    top = pls(moments(frame), flat, limits={"Middle": (0, 100), "Satisfaction": (0, 100), "l1": (1, 10)})
    np.testing.assert_allclose(found.last.items["weight"], top.items["weight"], atol=1e-8)
    assert found.index["Top"] == pytest.approx(top.index["Top"])
    own = found.items[found.items["construct"] == "Top"]
    assert own["share"].sum() == pytest.approx(1)
    assert len(own) == 8
    assert list(found.parts["part"]) == ["Image", "Quality", "Middle", "Satisfaction"]


@settings(max_examples=8)
@given(seed=st.integers(0, 10**6), mode=st.sampled_from("AB"), slope=st.floats(0.1, 20), shift=st.floats(-50, 50))
def test_order_and_units_do_not_matter(seed, mode, slope, shift):
    rng = np.random.default_rng(seed)
    answers = simulate(150, seed)
    model = whole_model(mode)
    one = pls_two_stage(moments(answers), model, limits=(1, 10))
    moved = answers.sample(frac=1, random_state=seed)[list(rng.permutation(answers.columns))] * slope + shift
    turned = replace(model, constructs=model.constructs[::-1], paths=model.paths[::-1])
    other = pls_two_stage(moments(moved), turned, limits=(slope + shift, 10 * slope + shift))
    np.testing.assert_allclose(one.index, other.index[one.index.index], atol=1e-6)
    key = ["source", "target"]
    both = one.last.paths.merge(other.last.paths, on=key)
    np.testing.assert_allclose(both["estimate_x"], both["estimate_y"], atol=1e-7)
    np.testing.assert_allclose(both["unstandardised_x"], both["unstandardised_y"], atol=1e-6)
    if (one.items["share"] >= 0).all():
        assert one.index.between(0, 100).all()


def test_frequency_weights_are_repeated_rows(answers):
    w = np.random.default_rng(0).integers(1, 4, len(answers))
    weighted = pls_two_stage(moments(answers, w, kind="frequency"), whole_model("B"), limits=(1, 10))
    repeated = pls_two_stage(moments(answers.loc[answers.index.repeat(w)]), whole_model("B"), limits=(1, 10))
    np.testing.assert_allclose(weighted.index, repeated.index)
    np.testing.assert_allclose(weighted.last.paths["estimate"], repeated.last.paths["estimate"], atol=1e-9)


@pytest.mark.parametrize(("mode", "part"), [("A", "A"), ("B", "A"), ("A", "reflective")])
def test_every_resample_goes_through_all_stages(answers, mode, part):
    """The batch gives, draw by draw, the index, weights and paths of estimating each resample from the start."""
    model, labels = whole_model(mode, part), np.random.default_rng(1).choice(["x", "y"], len(answers))
    found = pls_bootstrap(sample(answers), model, limits=(1, 10), resamples=8, seed=4, groups={"g": labels})
    assert found.n_failed == 0
    for b, counts in enumerate(next(resample_counts(sample(answers), 8, 4))):
        drawn = answers.loc[answers.index.repeat(counts.astype(int))]
        one = pls_two_stage(moments(drawn), model, limits=(1, 10))
        np.testing.assert_allclose(found.draws["index"][b], one.last.index, atol=1e-4)
        np.testing.assert_allclose(found.draws["paths"][b], one.last.paths["estimate"], atol=1e-5)
        np.testing.assert_allclose(found.draws["weights"][b], one.last.items["weight"], atol=1e-5)
        inside = labels[np.repeat(np.arange(len(answers)), counts.astype(int))] == "x"
        share = one.items[one.items["construct"] == "Experience"]
        mean = drawn[inside][share["item"]].mean().to_numpy()
        at = list(one.last.model.names).index("Experience")
        assert found.group_index["g"][b, 0, at] == pytest.approx(float((mean - 1) / 9 * 100 @ share["share"]), abs=1e-3)
    whole = pls_two_stage(moments(answers), model, limits=(1, 10))
    np.testing.assert_allclose(found.estimates["index"], whole.last.index)
    pooled = (found.group_n["g"][:, None] * found.group_estimate["g"]).sum(0) / len(answers)
    np.testing.assert_allclose(pooled, whole.last.index)


def test_without_limits_scores_are_standardised(answers):
    found = pls_two_stage(moments(answers), whole_model())
    known = pls_two_stage(moments(answers), whole_model(), limits=(1, 10))
    np.testing.assert_allclose(found.last.paths["estimate"], known.last.paths["estimate"], atol=1e-9)
    assert found.index.isna().all()
    drawn = pls_bootstrap(sample(answers), whole_model(), resamples=25, seed=1)
    with_index = pls_bootstrap(sample(answers), whole_model(), limits=(1, 10), resamples=25, seed=1)
    np.testing.assert_allclose(drawn.draws["paths"], with_index.draws["paths"], atol=1e-5)


def test_a_model_of_first_order_has_nothing_to_climb(answers, small_model):
    with pytest.raises(OptionError, match="no construct is made of others"):
        pls_two_stage(moments(answers), small_model)
    climb = Climb(small_model.items)
    mean, cov = np.zeros((9, 2)), np.ones((9, 9, 2))
    assert climb.up(mean, cov, 1e-7, 100)[:2] == (mean, cov)


def test_a_model_of_higher_order_is_refused_by_pls(answers):
    with pytest.raises(OptionError, match="Experience are made of other constructs"):
        pls(moments(answers), whole_model())


def test_a_population_of_higher_order_is_refused():
    with pytest.raises(OptionError, match="'Experience' is made of other constructs"):
        Population.from_model(whole_model(), dict.fromkeys(whole_model().paths, 0.3), dict.fromkeys(whole_model().items, 0.8), {})


def test_the_stage_that_fails_is_named(answers):
    doubled = answers.assign(q3=answers["q1"] + answers["q2"])
    with pytest.raises(
        AnalysisError, match=r"construct Quality \(mode B\), stage 1: the items q1, q2, q3 are linearly dependent"
    ):
        pls_two_stage(moments(doubled), whole_model("A", "B"))
    same = answers.assign(i1=answers["q1"], i2=answers["q2"], i3=answers["q3"])
    with pytest.raises(AnalysisError, match="linearly dependent"):
        pls_two_stage(moments(same), whole_model("B"))


def test_a_part_whose_index_leaves_its_scale_is_named():
    """Regression weights of opposite signs can put the index of a part anywhere."""
    rng = np.random.default_rng(0)
    a = rng.normal(8, 1, 500)
    b = a - 6 + 0.2 * rng.standard_normal(500)
    frame = pd.DataFrame({"a": a, "b": b, "c": rng.normal(5, 1, 500), "y": a - 0.93 * b + 0.05 * rng.standard_normal(500)})
    frame = frame.clip(1, 10)
    model = Model(
        (Construct("W", of=("P", "Q")), Construct("P", ("a", "b"), "B"), Construct("Q", ("c",)), Construct("Y", ("y",))),
        (("W", "Y"),),
        "Y",
    )
    with pytest.raises(AnalysisError, match=r"the index of P is .* outside 0–100, because of negative weights"):
        pls_two_stage(moments(frame), model, limits=(1, 10))
