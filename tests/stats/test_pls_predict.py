"""PLSpredict: the batch of training sets gives what fitting and predicting part by part gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stats_samples import simulate

from csr_lib.core.errors import OptionError
from csr_lib.core.model import Construct, Model
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.pls import pls
from csr_lib.stats.pls_predict import _deal, pls_predict, predictive_power


def part_by_part(answers, model, antecedents, folds, repeats, seed, weights=None):
    """Fit each training set, score its test rows, regress items on items by least squares; no batch, no moments of parts."""
    rng = np.random.default_rng(seed)
    x = answers[list(model.items)].to_numpy()
    n = len(x)
    w = np.ones(n) if weights is None else weights
    exogenous = [c.name for c in model.constructs if not model.sources(c.name)]
    predictions = []
    for part in _deal(n, folds, repeats, rng):
        predicted = {kind: np.full(x.shape, np.nan) for kind in ("path", "linear", "mean")}
        for f in range(folds):
            test, train = part == f, part != f
            m = moments(answers[train], w[train] if weights is not None else None)
            r = pls(m, model)
            mean, sd = r.moments.mean, r.moments.sd
            z = (x[test] - mean) / sd
            weight, loading = r.items["weight"].to_numpy(), r.items["loading"].to_numpy()
            own = {c.name: [model.items.index(i) for i in c.items] for c in model.constructs}
            score = {name: z[:, k] @ weight[k] for name, k in own.items()}
            b = {(s, t): e for s, t, e in r.paths[["source", "target", "estimate"]].itertuples(index=False)}
            hat = {name: score[name] for name in exogenous}
            for t in model.causal_order():
                sources = model.sources(t)
                if not sources:
                    continue
                base = hat if antecedents == "earliest" else score
                hat[t] = sum(b[s, t] * base[s] for s in sources)
                used = [k for s in (exogenous if antecedents == "earliest" else sources) for k in own[s]]
                design = np.column_stack([np.ones(train.sum()), x[train][:, used]]) * np.sqrt(w[train])[:, None]
                for k in own[t]:
                    predicted["path"][test, k] = mean[k] + sd[k] * loading[k] * hat[t]
                    beta = np.linalg.lstsq(design, x[train, k] * np.sqrt(w[train]), rcond=None)[0]
                    predicted["linear"][test, k] = beta[0] + x[test][:, used] @ beta[1:]
                    predicted["mean"][test, k] = mean[k]
        predictions.append(predicted)
    return x, w, predictions


@pytest.mark.parametrize("antecedents", ["direct", "earliest"])
@pytest.mark.parametrize("weighted", [False, True])
def test_errors_are_those_of_predicting_part_by_part(answers, small_model, antecedents, weighted):
    answers = answers.iloc[:103]  # parts of unequal size
    w = np.random.default_rng(2).uniform(0.5, 2, len(answers)) if weighted else None
    found = pls_predict(sample(answers, w), small_model, antecedents=antecedents, folds=5, repeats=2, seed=8)
    averaged = pls_predict(
        sample(answers, w), small_model, antecedents=antecedents, folds=5, repeats=2, seed=8, combine="predictions"
    )
    x, v, predictions = part_by_part(answers, small_model, antecedents, 5, 2, 8, w)
    for row, average in zip(found.items.itertuples(), averaged.items.itertuples(), strict=True):
        k = small_model.items.index(row.item)
        e = {kind: np.array([x[:, k] - p[kind][:, k] for p in predictions]) for kind in ("path", "linear", "mean")}
        square = {kind: np.average((values**2).mean(0), weights=v) for kind, values in e.items()}
        assert row.rmse == pytest.approx(np.sqrt(square["path"]), abs=1e-7)
        assert row.rmse_lm == pytest.approx(np.sqrt(square["linear"]), abs=1e-7)
        assert row.mae == pytest.approx(np.average(np.abs(e["path"]).mean(0), weights=v), abs=1e-7)
        assert row.mae_lm == pytest.approx(np.average(np.abs(e["linear"]).mean(0), weights=v), abs=1e-7)
        assert row.q2_predict == pytest.approx(1 - square["path"] / square["mean"], abs=1e-7)
        assert row.q2_predict_lm == pytest.approx(1 - square["linear"] / square["mean"], abs=1e-7)
        assert average.rmse == pytest.approx(np.sqrt(np.average(e["path"].mean(0) ** 2, weights=v)), abs=1e-7)
        assert average.mae_lm == pytest.approx(np.average(np.abs(e["linear"].mean(0)), weights=v), abs=1e-7)
        centred = e["path"] - np.average(e["path"].mean(0), weights=v)
        third = np.average((centred**3).mean(0), weights=v) / np.average((centred**2).mean(0), weights=v) ** 1.5
        assert row.skewness == pytest.approx(third, abs=1e-6)


def test_every_row_is_tested_once_per_repeat():
    for part in _deal(23, 4, 3, np.random.default_rng(0)):
        assert sorted(np.bincount(part)) == [5, 6, 6, 6]


def test_the_same_seed_gives_the_same_parts(answers, small_model):
    one, again, other = (pls_predict(sample(answers), small_model, repeats=2, seed=s).items["rmse"] for s in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).all()


@settings(max_examples=6)
@given(seed=st.integers(0, 10**6), slope=st.floats(0.1, 20), shift=st.floats(-50, 50))
def test_units_change_no_share_and_scale_errors(seed, slope, shift):
    answers = simulate(120, seed)
    model = Model(
        (Construct("X", ("i1", "i2")), Construct("Y", ("q1", "q2"), "B"), Construct("Z", ("l1",))), (("X", "Y"), ("Y", "Z")), "Z"
    )
    one = pls_predict(sample(answers), model, folds=5, repeats=1, seed=seed).items
    other = pls_predict(sample(answers * slope + shift), model, folds=5, repeats=1, seed=seed).items
    np.testing.assert_allclose(one["q2_predict"], other["q2_predict"], atol=1e-6)
    np.testing.assert_allclose(one["rmse"] * slope, other["rmse"], rtol=1e-6)


def test_noise_is_not_predicted_and_a_copy_is():
    rng = np.random.default_rng(4)
    answers = simulate(400, 4)
    answers["s1"] = rng.integers(1, 11, len(answers))
    answers["l1"] = answers["i1"]
    model = Model(
        (Construct("X", ("i1",)), Construct("Noise", ("s1",)), Construct("Copy", ("l1",))),
        (("X", "Noise"), ("X", "Copy")),
        "Copy",
    )
    q2 = pls_predict(sample(answers), model, seed=1).items.set_index("item")["q2_predict"]
    assert q2["s1"] < 0.01
    assert q2["l1"] == pytest.approx(1)


def test_items_that_depend_on_others_do_not_harm_the_linear_model(answers, small_model):
    doubled = answers.assign(i3=answers["i1"] + answers["i2"])
    without = Model((Construct("Image", ("i1", "i2")), *small_model.constructs[1:]), small_model.paths, small_model.target)
    one = pls_predict(sample(doubled), small_model, folds=5, repeats=1, seed=3).items.set_index("item")
    other = pls_predict(sample(doubled), without, folds=5, repeats=1, seed=3).items.set_index("item")
    np.testing.assert_allclose(one["rmse_lm"], other["rmse_lm"], atol=1e-7)


def test_a_linear_model_with_too_few_rows_is_not_given(answers, small_model):
    found = pls_predict(sample(answers.iloc[:9]), small_model, antecedents="direct", folds=3, repeats=1, seed=0)
    table = found.items.set_index("construct")
    assert table.loc["Satisfaction", "rmse_lm"].isna().all()
    assert not table.loc["Satisfaction", "better_rmse"].any()
    assert found.constructs.set_index("construct").loc["Satisfaction", "power_rmse"] == ""
    assert table["rmse"].notna().all()


def test_training_sets_that_cannot_be_estimated_are_counted(answers, small_model):
    """An item that varies in one row only is constant in every training set without that row."""
    flat = answers.iloc[:40].assign(l1=5.0)
    flat.loc[7, "l1"] = 6.0
    found = pls_predict(sample(flat), small_model, folds=4, repeats=3, seed=0)
    assert found.n_failed == 3
    assert found.items["rmse"].notna().all()


def test_power_by_how_many_items_are_predicted_better():
    assert [predictive_power(k, 4) for k in range(5)] == ["none", "low", "medium", "medium", "high"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"antecedents": "near"}, "unknown value 'near'"),
        ({"combine": "error"}, "did you mean 'errors'"),
        ({"folds": 1}, "1 folds"),
        ({"folds": 1000}, "1000 folds"),
        ({"repeats": 0}, "0 repeats"),
    ],
)
def test_options_that_make_no_sense_are_named(answers, small_model, options, message):
    with pytest.raises(OptionError, match=message):
        pls_predict(sample(answers), small_model, **options)


def test_incomplete_rows_are_refused(holes, small_model):
    with pytest.raises(OptionError, match="use missing: listwise"):
        pls_predict(sample(holes, missing="pairwise"), small_model)
    assert pls_predict(sample(holes), small_model, repeats=1, seed=1).n == holes.notna().all(axis=1).sum()
