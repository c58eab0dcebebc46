"""Groups compared by permutation: the batch gives what estimating group by group gives, and finds what is there."""

import numpy as np
import pandas as pd
import pytest
from stats_samples import simulate

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.core.model import Construct, Model
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.pls import pls
from csr_lib.stats.pls_groups import _permuted, pls_groups

KEYS = ["group", "other", "source", "target"]


@pytest.fixture
def halves(answers):
    return np.where(np.random.default_rng(1).random(len(answers)) < 0.4, "a", "b")


def compare_slowly(answers, model, labels, w, kind):
    """Paths' difference, c, mean difference and log variance ratio, by scores of respondents."""

    def fit(rows):
        return pls(moments(answers[rows], None if w is None else w[rows], kind=kind), model)

    both = fit(np.ones(len(answers), dtype=bool))
    one, two = fit(labels == "a"), fit(labels == "b")
    z = ((answers[list(model.items)] - both.moments.mean) / both.moments.sd).to_numpy()
    v = np.ones(len(z)) if w is None else w
    out = {"difference": (one.paths["estimate"] - two.paths["estimate"]).to_numpy()}
    starts = both.plan.starts
    scores = [np.add.reduceat(z * r.items["weight"].to_numpy(), starts, axis=1) for r in (one, two, both)]
    cov = [np.cov(np.column_stack([scores[0][:, j], scores[1][:, j]]).T, aweights=v) for j in range(len(starts))]
    out["c"] = np.array([s[0, 1] / np.sqrt(s[0, 0] * s[1, 1]) for s in cov])
    groups = [(scores[2][labels == g], v[labels == g]) for g in "ab"]
    mean = [np.average(s, axis=0, weights=x) for s, x in groups]
    size = [x.sum() if kind == "frequency" else len(x) for _, x in groups]
    var = [np.average((s - m) ** 2, axis=0, weights=x) * n / (n - 1) for (s, x), m, n in zip(groups, mean, size, strict=True)]
    return out | {"means": mean[0] - mean[1], "ratio": np.log(var[0] / var[1])}


@pytest.mark.parametrize(("kind", "weighted"), [("none", False), ("sampling", True), ("frequency", True)])
def test_what_is_compared_is_what_scores_of_respondents_give(answers, small_model, halves, kind, weighted):
    w = np.random.default_rng(3).integers(1, 4, len(answers)) if weighted else None
    found = pls_groups(sample(answers, w, kind=kind), small_model, halves, permutations=20, seed=0)
    slow = compare_slowly(answers, small_model, halves, w, kind)
    np.testing.assert_allclose(found.paths["difference"], slow["difference"], atol=1e-8)
    np.testing.assert_allclose(found.invariance["c"], slow["c"], atol=1e-8)
    np.testing.assert_allclose(found.invariance["mean_difference"], slow["means"], atol=1e-8)
    np.testing.assert_allclose(found.invariance["variance_ratio"], slow["ratio"], atol=1e-8)


def test_p_values_are_those_of_permuting_label_by_label(answers, small_model, halves):
    found = pls_groups(sample(answers), small_model, halves, permutations=20, seed=5)
    codes = (halves == "b").astype(int)
    shuffled = np.concatenate([a for a, _ in _permuted(sample(answers), codes, (0, 1), 20, np.random.default_rng(5))])
    slow = [compare_slowly(answers, small_model, np.where(row == 1, "a", "b"), None, "none") for row in shuffled]
    observed = compare_slowly(answers, small_model, halves, None, "none")

    def p(name, low=False):
        draws = np.array([s[name] for s in slow])
        beyond = draws <= observed[name] + 1e-9 if low else np.abs(draws) >= np.abs(observed[name]) - 1e-9
        return (1 + beyond.sum(axis=0)) / 21

    np.testing.assert_allclose(found.paths["p_value"], p("difference"))
    np.testing.assert_allclose(found.invariance["p_c"], p("c", low=True))
    np.testing.assert_allclose(found.invariance["p_means"], p("means"))
    np.testing.assert_allclose(found.invariance["p_variances"], p("ratio"))
    c = np.array([s["c"] for s in slow])
    np.testing.assert_allclose(found.invariance["c_low"], np.quantile(c, 0.05, axis=0), atol=1e-6)


@pytest.mark.parametrize("kind", ["none", "frequency"])
def test_a_permutation_keeps_the_sizes_of_groups_and_every_answer(answers, kind):
    w = np.random.default_rng(3).integers(1, 4, len(answers))
    codes = np.random.default_rng(4).integers(0, 3, len(answers))
    s = sample(answers, w, kind=kind)
    chunks = list(_permuted(s, codes, range(3), 25, np.random.default_rng(0)))
    assert sum(len(c[0]) for c in chunks) == 25
    for counts in chunks:
        np.testing.assert_array_equal(sum(counts), np.broadcast_to(s.base, counts[0].shape))
        for g in range(3):
            np.testing.assert_array_equal(counts[g].sum(axis=1), s.base[codes == g].sum())


def test_a_path_that_differs_is_found_and_one_that_does_not_is_not():
    rng = np.random.default_rng(7)
    n = 400
    group = np.repeat(["weak", "strong"], n // 2)
    x = rng.standard_normal(n)
    b = np.where(group == "strong", 0.8, 0.2)
    y = b * x + np.sqrt(1 - b**2) * rng.standard_normal(n)  # standard deviation 1 in both groups, so that Y → Z is the same
    z = 0.6 * y + 0.8 * rng.standard_normal(n)
    items = {f"{name}{k}": score + 0.5 * rng.standard_normal(n) for name, score in (("x", x), ("y", y), ("z", z)) for k in "12"}
    model = Model(tuple(Construct(c, (f"{c.lower()}1", f"{c.lower()}2")) for c in "XYZ"), (("X", "Y"), ("Y", "Z")), "Z")
    found = pls_groups(sample(pd.DataFrame(items)), model, group, permutations=400, seed=1)
    p = found.paths.set_index("target")["p_adjusted"]
    assert p["Y"] < 0.02
    assert p["Z"] > 0.1
    assert (found.invariance["invariance"] != "none").all()
    assert set(found.results) == {"strong", "weak"}


def test_composites_that_are_made_differently_are_not_invariant():
    """In one group the first item is the construct, in the other the second."""
    rng = np.random.default_rng(2)
    n = 600
    x1, x2 = rng.standard_normal((2, n))
    group = np.repeat([0, 1], n // 2)
    y = np.where(group == 0, x1, x2) + 0.5 * rng.standard_normal(n)
    model = Model((Construct("X", ("x1", "x2"), "B"), Construct("Y", ("y",))), (("X", "Y"),), "Y")
    found = pls_groups(sample(pd.DataFrame({"x1": x1, "x2": x2, "y": y})), model, group, permutations=200, seed=1)
    verdict = found.invariance.set_index("construct")["invariance"]
    assert verdict["X"] == "none"
    assert verdict["Y"] in ("partial", "full")


def test_means_that_differ_leave_partial_invariance(answers, small_model, halves):
    moved = answers + np.where(halves == "a", 1.5, 0.0)[:, None]
    found = pls_groups(sample(moved), small_model, halves, permutations=200, seed=1).invariance
    assert (found["mean_difference"] > 0.5).all()
    assert (found["p_means"] < 0.05).all()
    assert set(found["invariance"]) <= {"partial", "none"}
    assert (found["mean_low"] < 0).all()
    assert (found["mean_high"] > 0).all()


def test_three_groups_are_compared_in_pairs_and_together(answers, small_model):
    labels = np.random.default_rng(3).choice(["p", "q", "r", None], len(answers))
    found = pls_groups(sample(answers), small_model, labels, permutations=40, seed=2)
    pairs = found.paths[["group", "other"]].drop_duplicates()
    assert list(pairs.itertuples(index=False, name=None)) == [("p", "q"), ("p", "r"), ("q", "r")]
    assert len(found.omnibus) == len(small_model.paths)
    b = np.array([found.results[g].paths["estimate"] for g in "pqr"])
    n = np.array([(labels == g).sum() for g in "pqr"])[:, None]
    np.testing.assert_allclose(
        found.omnibus["statistic"].astype(float), (n * (b - (n * b).sum(0) / n.sum()) ** 2).sum(0), atol=1e-8
    )
    assert found.omnibus["p_value"].between(1 / 41, 1).all()
    assert found.sizes["n"].to_list() == n.ravel().tolist()


def test_no_group_differs_from_itself_by_more_than_chance():
    """Under the null p-values are uniform: 20 simulations, the share below .25 lies within its binomial bounds."""
    model = Model((Construct("X", ("i1", "i2")), Construct("Y", ("q1", "q2"))), (("X", "Y"),), "Y")
    p = [
        pls_groups(sample(simulate(60, seed)), model, np.arange(60) % 2, permutations=39, seed=seed).paths["p_value"][0]
        for seed in range(20)
    ]
    assert 1 <= sum(value <= 0.25 for value in p) <= 11  # binomial(20, .25): all but 4 in 1,000


@pytest.mark.parametrize("missing", ["pairwise", "em"])
def test_groups_with_incomplete_rows_are_compared_by_the_same_rule(holes, small_model, halves, missing):
    found = pls_groups(sample(holes, missing=missing), small_model, halves, permutations=20, seed=0)
    for g in "ab":
        own = pls(moments(holes[halves == g], missing=missing), small_model)
        np.testing.assert_allclose(found.results[g].paths["estimate"], own.paths["estimate"], atol=1e-6)
    difference = found.results["a"].paths["estimate"] - found.results["b"].paths["estimate"]
    np.testing.assert_allclose(found.paths["difference"], difference, atol=1e-3)  # EM of a batch stops at 1e-5
    assert found.failed["n_failed"].to_list() == [0]


def test_small_groups_are_marked(answers, small_model):
    labels = np.where(np.arange(len(answers)) < 25, "few", "many")
    found = pls_groups(sample(answers), small_model, labels, permutations=20, seed=0)
    assert found.sizes.set_index("group")["small"].to_dict() == {"few": True, "many": False}


@pytest.mark.parametrize(
    ("change", "labels", "options", "error", "message"),
    [
        (lambda d: d, lambda n: ["a"] * n, {}, DataError, "1 groups"),
        (lambda d: d, lambda n: ["a", "b"], {}, DataError, "2 labels for 300 rows"),
        (lambda d: d, lambda n: [0] * 3 + [1] * (n - 3), {}, AnalysisError, "group 0, model: 3 rows are too few"),
        (lambda d: d.assign(q1=np.r_[np.full(50, 5), d["q1"][50:]]), lambda n: [0] * 50 + [1] * (n - 50), {}, AnalysisError,
         "group 0, q1: all answers are the same"),
        (lambda d: d, lambda n: np.arange(n) % 2, {"permutations": 5}, OptionError, "5 permutations"),
        (lambda d: d, lambda n: np.arange(n) % 2, {"level": 95}, OptionError, "level 95"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_named(answers, small_model, change, labels, options, error, message):
    with pytest.raises(error, match=message):
        pls_groups(sample(change(answers)), small_model, labels(len(answers)), **options)


def test_weights_that_are_no_people_cannot_be_permuted(answers, small_model, halves):
    w = np.full(len(answers), 1.5)
    with pytest.raises(DataError, match="not whole numbers"):
        pls_groups(sample(answers, w, kind="frequency"), small_model, halves)
