"""Fuzzy evaluation: printed and known answers, weights by hand, resamples, groups, and what cannot be is said."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fuzzy_samples import ITEMS, answers, check, grades, of_shares, row, study

import csr_lib as csr
from csr_lib.analyses.fuzzy_evaluation import feeds
from csr_lib.analyses.fuzzy_evaluation.findings import make_findings
from csr_lib.analyses.fuzzy_evaluation.words import Words
from csr_lib.core.errors import AnalysisError, OptionError, StudyError
from csr_lib.core.result import Result
from csr_lib.core.text import LANGUAGES
from csr_lib.stats.comparison import mean_interval
from csr_lib.stats.fuzzy import OPERATORS

FIRM = {"bootstrap": 0}
MATRICES = {"goal": {"e1": [[1, 3], ["1/3", 1]]}, "Quality": {"e1": [[1, 2], [0.5, 1]]}}


def scaled(frame: pd.DataFrame) -> np.ndarray:
    return (frame[list(ITEMS)].to_numpy(float) - 1) / 4


def leaf_weights(result: Any, name: str) -> list[float]:
    wide = result.tables["weights"].set_index("item")
    return wide.loc[list(ITEMS), name].tolist()


# ---- memberships, operators, levels


def test_the_printed_example_comes_out_of_answers(tmp_path: Path) -> None:
    shares = {
        "a": [0.2, 0.5, 0.3, 0],
        "b": [0.1, 0.3, 0.5, 0.1],
        "c": [0, 0.1, 0.6, 0.3],
        "d": [0, 0.4, 0.5, 0.1],
        "e": [0.5, 0.3, 0.2, 0],
    }
    weights = dict(zip(ITEMS, (10, 10, 15, 30, 35), strict=True))
    survey = study(
        tmp_path, of_shares(shares), scale={"min": 1, "max": 4}, constructs=None,
        indicators={i: {"points": p} for i, p in weights.items()},
    )  # fmt: skip
    result = csr.fuzzy_evaluation(survey, **FIRM)
    printed = {
        "weighted_average": [0.205, 0.320, 0.390, 0.085],
        "min_max": [0.35, 0.30, 0.30, 0.15],
        "product_max": [0.175, 0.12, 0.15, 0.045],
        "min_sum": [0.55, 0.90, 0.85, 0.35],
    }
    for operator, expected in printed.items():
        assert row(result, "operators", operator=operator)[list(result.grades)].tolist() == pytest.approx(expected)
    assert result.tables["operators"]["grade"].tolist() == ["grade_3", "grade_1", "grade_1", "grade_2"]
    assert result.options["weights"] == "points"
    assert result.tables["memberships"][list(result.grades)].to_numpy() == pytest.approx(np.array(list(shares.values())))


def test_three_levels_by_hand(tmp_path: Path) -> None:
    frame = answers()
    experts = {"e1": {"Quality": 75, "Price": 25, "Kept": 60, "Kind": 40, "a": 70, "b": 30, "c": 50, "d": 50}}
    result = csr.fuzzy_evaluation(study(tmp_path, frame, evaluation={"experts": experts}), **FIRM)
    R = np.array([[(frame[i] == g).mean() for g in range(1, 6)] for i in ITEMS])
    kept, kind = 0.7 * R[0] + 0.3 * R[1], 0.5 * R[2] + 0.5 * R[3]
    quality = 0.6 * kept + 0.4 * kind
    goal = 0.75 * quality + 0.25 * R[4]
    for node, expected in {"Kept": kept, "Kind": kind, "Quality": quality, "goal": goal, "Price": R[4]}.items():
        assert grades(result, node) == pytest.approx(expected)
        assert row(result, "evaluation", item=node)["score"] == pytest.approx(expected @ [0, 25, 50, 75, 100])
    steps = result.tables["composition"]
    assert steps.loc[steps["item"] == "result", "node"].tolist() == ["Price", "Kind", "Kept", "Quality", "goal"]
    whole = steps[(steps["node"] == "goal") & (steps["item"] == "result")][list(result.grades)].iloc[0]
    assert whole.tolist() == pytest.approx(goal)
    assert leaf_weights(result, "experts") == pytest.approx([0.315, 0.135, 0.15, 0.15, 0.25])


def test_results_are_divided_by_their_sum_before_the_next_level(tmp_path: Path) -> None:
    frame = answers()
    survey = study(tmp_path, frame, constructs={"Kept": ["a", "b"], "Kind": ["c", "d"]}, indicators={i: {} for i in "abcd"})
    R = np.array([[(frame[i] == g).mean() for g in range(1, 6)] for i in "abcd"])
    kept, kind = (np.minimum(0.5, R[at]).max(axis=0) for at in ([0, 1], [2, 3]))
    for normalise in (True, False):
        result = csr.fuzzy_evaluation(survey, operator="min_max", weights="equal", normalise=normalise, **FIRM)
        below = [b / b.sum() if normalise else b for b in (kept, kind)]
        expected = np.minimum(0.5, below).max(axis=0)
        assert grades(result) == pytest.approx(expected / expected.sum())


def test_triangles_keep_the_weighted_mean_and_nearest_takes_whole_answers(tmp_path: Path) -> None:
    frame = answers()
    block = {"grades": [1, 3, 5], "labels": {"zh": ["差", "中", "好"], "en": ["bad", "fair", "good"]}}
    survey = study(tmp_path, frame, evaluation=block)
    triangle = csr.fuzzy_evaluation(survey, weights="equal", **FIRM)
    assert triangle.options["membership"] == "triangle"
    assert row(triangle, "evaluation", item="Kept")["score"] == pytest.approx(100 * scaled(frame)[:, :2].mean())
    nearest = csr.fuzzy_evaluation(survey, weights="equal", membership="nearest", **FIRM)
    r = row(nearest, "memberships", indicator="a")[["grade_1", "grade_2", "grade_3"]]
    counts = frame["a"].value_counts(normalize=True).reindex(range(1, 6), fill_value=0)
    expected = [counts[1] + counts[2] / 2, counts[2] / 2 + counts[3] + counts[4] / 2, counts[4] / 2 + counts[5]]
    assert r.tolist() == pytest.approx(expected)
    assert triangle.label("grade_3", "zh") == "好"


def test_grades_from_the_best_to_the_worst_say_the_same(tmp_path: Path) -> None:
    rising = csr.fuzzy_evaluation(study(tmp_path / "r", answers(), evaluation={"grades": [1, 2, 3, 4, 5]}), **FIRM)
    falling = csr.fuzzy_evaluation(study(tmp_path / "f", answers(), evaluation={"grades": [5, 4, 3, 2, 1]}), **FIRM)
    assert grades(falling)[::-1] == pytest.approx(grades(rising))
    assert row(falling, "evaluation", item="goal")["score"] == pytest.approx(row(rising, "evaluation", item="goal")["score"])


def test_an_indicator_on_another_scale_is_stretched(tmp_path: Path) -> None:
    frame = answers()
    other = frame.assign(e=(frame["e"] - 1) * 2.5)  # 0–10
    items = {i: {} for i in "abcd"} | {"e": {"scale": {"min": 0, "max": 10, "measure": "interval"}}}
    stretched = csr.fuzzy_evaluation(study(tmp_path / "s", other, indicators=items), **FIRM)
    plain = csr.fuzzy_evaluation(study(tmp_path / "p", frame), **FIRM)
    assert grades(stretched) == pytest.approx(grades(plain))
    assert stretched.stretched == ("e",)
    assert "fuzzy_stretched" in {f.key for f in stretched.found}


# ---- case weights and missing answers


def test_case_weights_weigh_the_answers(tmp_path: Path) -> None:
    w = np.linspace(0.5, 2.5, 60)
    frame = answers(w=w)
    result = csr.fuzzy_evaluation(study(tmp_path, frame, case_weight="w"), weights="equal", **FIRM)
    expected = [(w * (frame["a"] == g)).sum() / w.sum() for g in range(1, 6)]
    assert row(result, "memberships", indicator="a")[list(result.grades)].tolist() == pytest.approx(expected)
    assert result.basis.n_effective == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_frequency_weights_are_repeated_rows(tmp_path: Path) -> None:
    frame, times = answers(30), np.arange(30) % 3 + 1
    weighted = study(tmp_path / "w", frame.assign(w=times), case_weight="w", weight_kind="frequency")
    repeated = study(tmp_path / "r", frame.loc[np.repeat(frame.index, times)])
    one, two = (csr.fuzzy_evaluation(s, **FIRM) for s in (weighted, repeated))
    columns = ["score", "effectiveness"]
    np.testing.assert_allclose(one.tables["sensitivity"][columns], two.tables["sensitivity"][columns])
    assert one.basis.n == two.basis.n == times.sum()


def test_listwise_leaves_rows_out_and_pairwise_keeps_every_answer(tmp_path: Path) -> None:
    frame = answers().astype("Int64")
    frame.loc[:4, "a"] = pd.NA
    survey = study(tmp_path, frame)
    listwise = csr.fuzzy_evaluation(survey, weights="equal", **FIRM)
    pairwise = csr.fuzzy_evaluation(survey, weights="equal", missing_rule="pairwise", **FIRM)
    assert listwise.tables["memberships"]["n"].tolist() == [55] * 5
    assert pairwise.tables["memberships"].set_index("indicator").loc[list(ITEMS), "n"].tolist() == [55, 60, 60, 60, 60]
    assert (listwise.basis.n, pairwise.basis.n, pairwise.basis.n_missing) == (55, 60, 5)
    drawn = csr.fuzzy_evaluation(survey, missing_rule="pairwise", bootstrap=40)
    assert drawn.tables["evaluation"][["ci_low", "ci_high"]].notna().all(axis=None)


# ---- weights


def test_judgements_in_pairs_give_eigenvectors_and_their_geometric_mean(tmp_path: Path) -> None:
    one, two = np.array([[1, 2, 4], [1 / 2, 1, 3], [1 / 4, 1 / 3, 1]]), np.array([[1, 1, 2], [1, 1, 2], [1 / 2, 1 / 2, 1]])
    ahp = {"goal": {"e1": one.tolist(), "e2": two.tolist()}}
    tree = {"Kept": ["a", "b"], "Kind": ["c", "d"], "Price": ["e"]}
    survey = study(tmp_path, answers(), constructs=tree, evaluation={"ahp": ahp})

    def eigen(matrix: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eig(matrix)
        w = np.abs(vectors[:, values.real.argmax()].real)
        return w / w.sum()

    joint, mean = eigen(np.sqrt(one * two)), (eigen(one) + eigen(two)) / 2
    for group, expected in (("judgements", joint), ("priorities", mean)):
        result = csr.fuzzy_evaluation(survey, ahp_group=group, **FIRM)
        assert result.options["weights"] == "ahp"
        table = result.tables["system"].set_index("item")
        assert table.loc[["Kept", "Kind", "Price"], "weight"].tolist() == pytest.approx(expected)
        assert table.loc["a", "overall"] == pytest.approx(expected[0] / 2)
    methods = result.tables["ahp_methods"].set_index("item")
    geometric = np.sqrt(one * two).prod(axis=1) ** (1 / 3)
    assert methods["geometric"].tolist() == pytest.approx(geometric / geometric.sum())
    assert check(result, "fuzzy_consistency").verdict == "pass"
    assert check(result, "fuzzy_unjudged").verdict == "warn"  # Kept and Kind
    alone = result.tables["experts"].set_index("expert")
    assert alone.loc["e1", "first"] == "Kept"
    assert alone.loc["e1", "first_weight"] == pytest.approx(eigen(one)[0])


def test_a_joint_weight_beyond_the_single_experts_is_explained(tmp_path: Path) -> None:
    tree = {"Kept": ["a"], "Kind": ["b", "c"], "Price": ["d", "e"]}
    same = [[1, 1, 4], [1, 1, 4], [0.25, 0.25, 1]]
    opposite = {"e1": [[1, 3, 6], ["1/3", 1, 2], ["1/6", 0.5, 1]], "e2": [[1, "1/3", 2], [3, 1, 6], [0.5, "1/6", 1]]}
    for judged, explained in ((opposite, True), ({"e1": same, "e2": same}, False)):
        survey = study(tmp_path / str(explained), answers(), constructs=tree, evaluation={"ahp": {"goal": judged}})
        result = csr.fuzzy_evaluation(survey, **FIRM)
        of_price = row(result, "system", item="Price")
        assert (of_price["overall"] > of_price["maximum"] + 0.001) is np.bool_(explained)
        assert ("here Price." in str(result.table("system", "en"))) is explained


def test_memberships_named_in_the_key_findings_have_the_interval_of_a_share(tmp_path: Path) -> None:
    frame = answers(200)[["a"]].assign(b=lambda f: f["a"])
    result = csr.fuzzy_evaluation(study(tmp_path, frame, constructs=None), weights="equal", bootstrap=2000)
    whole = result.tables["evaluation"].iloc[0]
    for name, share in (("membership", whole[whole["grade"]]), ("upper", (frame["a"] > 3).mean())):
        half = 1.96 * math.sqrt(share * (1 - share) / 200)  # the same answers twice: the membership is a plain share
        ends = whole[[f"{name}_ci_low", f"{name}_ci_high"]].tolist()
        assert ends == pytest.approx([share - half, share + half], abs=0.015)
    card = next(h for h in result.headline if h.key == "fuzzy_grade")
    assert (card.ci_low, card.ci_high) == (whole["membership_ci_low"], whole["membership_ci_high"])


def test_what_costs_most_under_every_set_of_weights_is_told_from_what_hangs_on_them(tmp_path: Path) -> None:
    means = {"a": 5, "b": 3, "c": 2.5, "d": 2.25, "e": 2}
    frame = pd.DataFrame({k: [math.floor(m)] * 30 + [math.ceil(m + 0.01 * (k != "a"))] * 30 for k, m in means.items()})
    frame.loc[::2, "b"] = 2
    result = csr.fuzzy_evaluation(study(tmp_path, frame, constructs=None), weights="equal", **FIRM)
    table = result.tables["weights"]
    sets = [c for c in table if c not in ("item", "parent")]
    table[sets] = 0.2
    assert len(Words(result).to_improve) > 3

    def said() -> list[str]:
        return [f.key for f in make_findings(result) if f.key.startswith("fuzzy_first_")]

    assert said() == ["fuzzy_first_same"]
    kept = result.tables["priorities"]["indicator"].iloc[0]
    fourth = Words(result).to_improve["indicator"].iloc[3]
    table.loc[table["item"] == fourth, sets[-1]] = 0.9
    assert said() == ["fuzzy_first_some"]
    table[sets[-1]] = np.where(table["item"] == kept, 0.0, table[sets[-1]])
    assert said() == ["fuzzy_first_some"]


def test_a_share_just_below_the_threshold_is_not_rounded_up_to_it(tmp_path: Path) -> None:
    result = csr.fuzzy_evaluation(study(tmp_path, answers()), bootstrap=100)
    frame = result.tables["evaluation"]
    frame["grade_share"] = np.where(frame["item"] == "Kept", 0.94999, 1.0)
    said = [s for s in (f.sentence("en") for f in make_findings(result)) if "not firm" in s]
    assert len(said) == 1
    assert said[0].endswith("fewer than 95% of the resamples (share in brackets): Kept (94.9%).")


def test_judgements_that_contradict_each_other_fail_a_check_that_names_the_pair(tmp_path: Path) -> None:
    wrong = [[1, 2, 4, "1/6"], ["1/2", 1, 2, 3], ["1/4", "1/2", 1, 2], [6, "1/3", "1/2", 1]]
    right = [[1, 2, 4, 6], ["1/2", 1, 2, 3], ["1/4", "1/2", 1, 2], ["1/6", "1/3", "1/2", 1]]
    tree = {"Kept": ["a"], "Kind": ["b", "c"], "Fast": ["d"], "Price": ["e"]}
    survey = study(tmp_path, answers(), constructs=tree, evaluation={"ahp": {"goal": {"e1": wrong, "e2": right}}})
    result = csr.fuzzy_evaluation(survey, **FIRM)
    failed = [c for c in result.checks if c.key == "fuzzy_consistency"]
    assert {c.verdict for c in failed} == {"fail"}
    said = failed[0].sentence("en")
    assert "expert e1" in said
    assert "Kept against Price" in said
    assert "the experts together have a CR of" in said
    assert failed[0].value == pytest.approx(row(result, "consistency", node="goal", expert="e1")["cr"])
    assert any("Kept against Price" in s for s in result.findings("en", level="action"))
    assert "each of the three" not in said


def test_of_three_judgements_that_contradict_each_other_none_is_singled_out(tmp_path: Path) -> None:
    tree = {"Kept": ["a", "b"], "Kind": ["c", "d"], "Price": ["e"]}
    wrong = {"ahp": {"goal": {"e1": [[1, 3, "1/5"], ["1/3", 1, 3], [5, "1/3", 1]]}}}
    result = csr.fuzzy_evaluation(study(tmp_path, answers(), constructs=tree, evaluation=wrong), **FIRM)
    assert "each of the three judgements may be the wrong one" in check(result, "fuzzy_consistency").sentence("en")


def test_points_of_experts_are_divided_by_their_sum_and_odd_sums_are_told(tmp_path: Path) -> None:
    experts = {"e1": {"Quality": 60, "Price": 40}, "e2": {"Quality": 45, "Price": 45}}
    result = csr.fuzzy_evaluation(study(tmp_path, answers(), evaluation={"experts": experts}), **FIRM)
    assert row(result, "system", item="Quality")["weight"] == pytest.approx((0.6 + 0.5) / 2)
    found = check(result, "fuzzy_sum")
    assert (found.verdict, found.value) == ("warn", 90)
    assert "expert e2" in found.sentence("en")
    shares = study(tmp_path / "s", answers(), evaluation={"experts": experts, "shares": {"e1": 3, "e2": 1}})
    weighted = csr.fuzzy_evaluation(shares, **FIRM)
    assert row(weighted, "system", item="Quality")["weight"] == pytest.approx(0.75 * 0.6 + 0.25 * 0.5)


def test_points_handed_down_from_a_total_are_no_slip(tmp_path: Path) -> None:
    tree = {
        "Quality": {"of": ["Kept", "Kind"], "points": 60},
        "Kept": {"indicators": ["a", "b"], "points": 40},
        "Kind": {"indicators": ["c", "d"], "points": 20},
        "Price": {"indicators": ["e"], "points": 40},
    }
    result = csr.fuzzy_evaluation(study(tmp_path, answers(), constructs=tree), **FIRM)
    assert leaf_weights(result, "points") == pytest.approx([0.2, 0.2, 0.1, 0.1, 0.4])
    assert not [c for c in result.checks if c.key == "fuzzy_sum"]
    assert check(result, "fuzzy_unjudged").verdict == "warn"


def test_entropy_and_critic_by_hand(tmp_path: Path) -> None:
    frame = answers()
    result = csr.fuzzy_evaluation(study(tmp_path, frame), **FIRM)
    x = scaled(frame)
    p = x / x.sum(axis=0)
    e = -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(axis=0) / math.log(len(x))
    assert leaf_weights(result, "entropy") == pytest.approx((1 - e) / (1 - e).sum())
    c = x.std(axis=0, ddof=1) * (1 - np.corrcoef(x.T)).sum(axis=0)
    assert leaf_weights(result, "critic") == pytest.approx(c / c.sum())
    values, vectors = np.linalg.eigh(np.corrcoef(x.T))
    kept = values > 1
    turned = vectors[:, kept] * np.sign(vectors[:, kept].sum(axis=0))
    score = turned @ (values[kept] / values[kept].sum())
    assert leaf_weights(result, "components") == pytest.approx(score / score.sum())
    assert row(result, "weights", item="Quality")["entropy"] == pytest.approx(sum(leaf_weights(result, "entropy")[:4]))


def test_raw_scores_and_observed_ranges_change_the_entropy(tmp_path: Path) -> None:
    frame = answers()
    frame["e"] = np.clip(frame["e"], 3, 5)
    survey = study(tmp_path, frame)
    found = {s: leaf_weights(csr.fuzzy_evaluation(survey, scaling=s, **FIRM), "entropy") for s in ("scale", "observed", "none")}
    p = (frame[["d", "e"]] / frame[["d", "e"]].sum()).to_numpy()
    raw = 1 + (p * np.log(p)).sum(axis=0) / math.log(60)
    assert found["none"][4] / found["none"][3] == pytest.approx(raw[1] / raw[0])
    assert found["observed"][4] > found["scale"][4]  # a narrow range stretched spreads more


def test_importance_weighs_level_by_level(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    stated = pd.DataFrame({f"I{i}": rng.integers(2, 11, 60) for i in ITEMS})
    items = {i: {"importance": {"column": f"I{i}", "scale": {"min": 1, "max": 10}}} for i in ITEMS}
    result = csr.fuzzy_evaluation(study(tmp_path, answers().join(stated), indicators=items), weights="importance", **FIRM)
    m = (stated.mean().to_numpy() - 1) / 9
    kept, kind, price = m[:2].mean(), m[2:4].mean(), m[4]
    quality = (kept + kind) / 2
    top = quality / (quality + price)
    expected = [
        *(top * kept / (kept + kind) * m[:2] / m[:2].sum()),
        *(top * kind / (kept + kind) * m[2:4] / m[2:4].sum()),
        1 - top,
    ]
    assert leaf_weights(result, "importance") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("rule", "shares"), [("additive", None), ("additive", [3, 1]), ("multiplicative", None), ("geometric", [1, 2])]
)
def test_sets_are_combined_as_asked(tmp_path: Path, rule: str, shares: Any) -> None:
    survey = study(tmp_path, answers(), evaluation={"experts": {"e1": {"Quality": 60, "Price": 40}}})
    options: dict[str, Any] = {"combine": ["experts", "entropy"], "combine_rule": rule, "combine_shares": shares, **FIRM}
    result = csr.fuzzy_evaluation(survey, weights="combination", **options)
    one, two = (np.array(leaf_weights(result, name)) for name in ("experts", "entropy"))
    s = np.array(shares or [1, 1]) / sum(shares or [1, 1])
    expected = {"additive": s[0] * one + s[1] * two, "multiplicative": one * two, "geometric": one ** s[0] * two ** s[1]}[rule]
    assert leaf_weights(result, "combination") == pytest.approx(expected / expected.sum())


# ---- how firm the verdict is


def test_every_set_of_weights_meets_every_operator(tmp_path: Path) -> None:
    result = csr.fuzzy_evaluation(study(tmp_path, answers(), evaluation={"ahp": MATRICES}), bootstrap=200)
    frame = result.tables["sensitivity"]
    sets = [c for c in result.tables["weights"] if c not in ("item", "parent")]
    assert sets == ["equal", "ahp", "entropy", "critic", "components", "combination"]
    assert list(zip(frame["weights"], frame["operator"], strict=True)) == [(s, o) for s in sets for o in OPERATORS]
    chosen = row(result, "sensitivity", weights="ahp", operator="weighted_average")
    assert chosen["score"] == pytest.approx(row(result, "evaluation", item="goal")["score"])
    assert chosen["grade_share"] == row(result, "evaluation", item="goal")["grade_share"]
    for operator in OPERATORS:
        assert row(result, "sensitivity", weights="ahp", operator=operator)["score"] == pytest.approx(
            row(result, "operators", operator=operator)["score"]
        )
    assert frame.loc[frame["grade"] != "tie", "grade_share"].between(0, 1).all()


def test_the_interval_of_the_score_is_that_of_a_weighted_mean(tmp_path: Path) -> None:
    frame = answers(400)
    result = csr.fuzzy_evaluation(study(tmp_path, frame), weights="equal", bootstrap=2000)
    by_hand = mean_interval(100 * scaled(frame) @ [1 / 8, 1 / 8, 1 / 8, 1 / 8, 1 / 2])
    whole = row(result, "evaluation", item="goal")
    assert whole["score"] == pytest.approx(by_hand.estimate)
    assert whole["ci_high"] - whole["ci_low"] == pytest.approx(by_hand.ci_high - by_hand.ci_low, rel=0.06)


def test_the_same_seed_gives_the_same_result_and_another_one_does_not(tmp_path: Path) -> None:
    survey = study(tmp_path, answers())
    one, same, other = (csr.fuzzy_evaluation(survey, bootstrap=60, seed=s).tables["evaluation"] for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert (one["ci_low"] != other["ci_low"]).any()
    assert (one["score"] == other["score"]).all()


def test_a_tie_is_no_grade(tmp_path: Path) -> None:
    frame = of_shares({"a": [0.1, 0.4, 0, 0.4, 0.1], "b": [0, 0.4, 0.2, 0.4, 0]}, 20)
    result = csr.fuzzy_evaluation(study(tmp_path, frame, constructs=None), weights="equal", **FIRM)
    assert row(result, "evaluation", item="goal")["grade"] == "tie"
    assert check(result, "fuzzy_effectiveness").verdict == "fail"
    assert any(f.key == "fuzzy_overall_tie" for f in result.found)
    assert "rely on the score" in result.findings("en", level="key")[0]


def test_split_opinions_fail_the_check_of_the_two_readings(tmp_path: Path) -> None:
    frame = of_shares({"a": [0.4, 0.1, 0, 0.05, 0.45], "b": [0.4, 0.05, 0, 0.1, 0.45]}, 40)
    result = csr.fuzzy_evaluation(study(tmp_path, frame, constructs=None), weights="equal", bootstrap=100)
    found = check(result, "fuzzy_two_readings")
    assert found.verdict == "fail"
    assert row(result, "evaluation", item="goal")["grade"] == "grade_5"
    assert check(result, "fuzzy_winner").verdict != "pass"  # 45 % against 40 % of 40 answers
    assert "fuzzy_act_score" in {f.key for f in result.found}


def test_points_lost_add_up_to_what_the_whole_lacks(tmp_path: Path) -> None:
    result = csr.fuzzy_evaluation(study(tmp_path, answers()), weights="critic", bootstrap=100)
    loss = result.tables["priorities"]
    assert loss["loss"].sum() == pytest.approx(100 - row(result, "evaluation", item="goal")["score"])
    assert loss["loss_share"].sum() == pytest.approx(1)
    assert (loss["loss_ci_low"] <= loss["loss"]).all()
    assert loss["rank"].tolist() == [1, 2, 3, 4, 5]


# ---- groups and waves


def test_groups_are_held_against_the_others_with_the_same_weights(tmp_path: Path) -> None:
    frame = answers(90, region=["n", "s", "s"] * 30)
    survey = study(tmp_path, frame, segments={"region": {}}, evaluation={"ahp": MATRICES})
    result = csr.fuzzy_evaluation(survey, bootstrap=300)
    north, south = (csr.fuzzy_evaluation(survey.where(region=r), **FIRM) for r in ("n", "s"))
    scores = [row(r, "evaluation", item="goal")["score"] for r in (north, south)]
    table = result.tables["groups"].set_index("group")
    assert table["score"].tolist() == pytest.approx(scores)
    assert table["difference"].tolist() == pytest.approx([scores[0] - scores[1], scores[1] - scores[0]])
    assert (table["difference_ci_low"] < table["difference"]).all()
    assert table["n"].tolist() == [30, 60]
    part = row(result, "groups_by_construct", group="region=n", item="Price")
    assert part["score"] == pytest.approx(row(north, "evaluation", item="Price")["score"])


def test_a_group_that_is_better_is_found(tmp_path: Path) -> None:
    frame = answers(120, region=["n", "s"] * 60)
    frame.loc[frame["region"] == "n", list(ITEMS)] = frame.loc[frame["region"] == "n", list(ITEMS)].clip(upper=4) + 1
    result = csr.fuzzy_evaluation(study(tmp_path, frame, segments={"region": {}}), weights="equal", bootstrap=500)
    assert (result.tables["groups"]["p_adjusted"] < 0.05).all()
    assert "fuzzy_groups_differ" in {f.key for f in result.found}
    assert "fuzzy_act_group" in {f.key for f in result.found}


def test_small_groups_are_withheld_with_a_second_one(tmp_path: Path) -> None:
    frame = answers(60, region=["x"] * 3 + ["y"] * 12 + ["z"] * 20 + ["w"] * 25)
    result = csr.fuzzy_evaluation(study(tmp_path, frame, segments={"region": {}}), **FIRM)
    assert result.tables["groups"]["group"].tolist() == ["region=z", "region=w"] or set(result.tables["groups"]["group"]) == {
        "region=z",
        "region=w",
    }
    assert set(result.withheld) == {"x", "y"}
    assert "x" not in str(result.tables["groups"].to_dict())


def test_a_group_whose_answers_cannot_be_used_is_withheld_too(tmp_path: Path) -> None:
    frame = answers(60, region=["x"] * 20 + ["y"] * 20 + ["z"] * 20).astype({"a": "Int64"})
    frame.loc[:16, "a"] = pd.NA  # three of x are left
    result = csr.fuzzy_evaluation(study(tmp_path, frame, segments={"region": {}}), **FIRM)
    assert "x" in result.withheld
    assert "region=x" not in set(result.tables.get("groups", pd.DataFrame({"group": []}))["group"])


def test_the_latest_wave_is_evaluated_and_compared_with_the_one_before(tmp_path: Path) -> None:
    frame = answers(120, wave=["2020"] * 40 + ["2021"] * 40 + ["2022"] * 40)
    frame.loc[80:, list(ITEMS)] = frame.loc[80:, list(ITEMS)].clip(upper=4) + 1
    survey = study(tmp_path, frame, wave={"column": "wave", "order": ["2020", "2021", "2022"]})
    result = csr.fuzzy_evaluation(survey, weights="equal", bootstrap=300)
    table = result.tables["groups"].set_index("group")
    score = {
        w: row(csr.fuzzy_evaluation(survey.wave(w), weights="equal", **FIRM), "evaluation", item="goal")["score"]
        for w in survey.waves
    }
    assert table["score"].tolist() == pytest.approx(list(score.values()))
    assert table.loc["wave=2022", "difference"] == pytest.approx(score["2022"] - score["2021"])
    assert math.isnan(table.loc["wave=2020", "difference"])
    assert row(result, "evaluation", item="goal")["score"] == pytest.approx(score["2022"])
    assert (result.basis.n, result.bases["groups"].n) == (40, 120)
    assert any(f.key == "fuzzy_wave_up" for f in result.found)
    together = csr.fuzzy_evaluation(survey, weights="equal", scope="all", **FIRM)
    assert together.basis.n == 120


# ---- what is not there, and what cannot be


def test_what_a_study_lacks_is_said_in_place_of_its_table(tmp_path: Path) -> None:
    survey = study(tmp_path, answers()[["a", "b"]], constructs=None)
    result = csr.fuzzy_evaluation(survey, **FIRM)
    for name in ("experts", "consistency", "ahp_methods", "groups", "weight_intervals"):
        assert name not in result.tables
        assert "csr-absent" in result.table(name)._repr_html_()
    for name in ("memberships", "scores", "groups"):
        assert "csr-absent" in result.figure(name)._repr_html_() or not result.figure(name)._repr_html_()
    assert result.figures == ("indicators", "sensitivity", "weights")
    assert result.missing["ahp"] == "not_stated"


def test_a_set_that_cannot_be_had_is_named_with_the_reason(tmp_path: Path) -> None:
    frame = answers()
    frame["e"] = 3
    result = csr.fuzzy_evaluation(study(tmp_path, frame), **FIRM)
    assert "all answers are the same" in result.missing["critic"]
    assert "entropy" in result.tables["weights"]
    assert any("all answers are the same" in s for s in result.findings("en", level="limit"))
    with pytest.raises(AnalysisError, match="all answers are the same"):
        csr.fuzzy_evaluation(study(tmp_path, frame), weights="components", **FIRM)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"operator": "max_min"}, "min_max"),
        ({"weigths": "ahp"}, "did you mean 'weights'"),
        ({"constructs": ["Qualty"]}, "did you mean 'Quality'"),
        ({"by": ["regoin"]}, "unknown segment"),
        ({"missing_rule": "em"}, "EM completes"),
        ({"combine": ["ahp", "entropy"]}, "no weights 'ahp' to combine"),
        ({"combine_shares": [1, 2]}, "needs combine"),
        ({"combine": ["entropy", "critic"], "combine_rule": "multiplicative", "combine_shares": [1, 2]}, "geometric"),
        ({"combine": ["entropy", "critic"], "combine_shares": [1, 0]}, "above 0"),
    ],
)
def test_wrong_options_are_refused_and_say_what_is_allowed(tmp_path: Path, options: Any, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        csr.fuzzy_evaluation(study(tmp_path, answers()), **options, **FIRM)


@pytest.mark.parametrize(
    ("more", "options", "said"),
    [
        ({}, {"weights": "ahp"}, "there are no weights 'ahp'"),
        ({}, {"weights": "importance"}, "`importance` for every indicator"),
        (
            {"evaluation": {"experts": {"e1": {"a": 3, "Quality": 1, "Price": 1}}}},
            {},
            "expert e1 gave points to some parts of 'Kept'",
        ),
        ({"evaluation": {"ahp": {"goal": {"e1": [[1]]}}}}, {}, "1 rows for 2 parts"),
        ({"constructs": {"X": ["a", "b"], "Y": ["b", "c"]}}, {}, "'b' is part of 'Y' and of 'X'"),
        ({"constructs": {"X": ["a"]}}, {}, "has 1 indicators"),
    ],
)
def test_what_the_study_lacks_is_told_before_anything_is_computed(tmp_path: Path, more: Any, options: Any, said: str) -> None:
    survey = study(tmp_path, answers(), **more)
    assert any(said in str(p) for p in feeds(survey.study, **options))
    with pytest.raises(AnalysisError, match=said):
        csr.fuzzy_evaluation(survey, **options, **FIRM)


def test_a_study_that_can_be_evaluated_lacks_nothing(tmp_path: Path) -> None:
    assert feeds(study(tmp_path, answers()).study) == []


def test_outcomes_and_what_follows_from_satisfaction_are_not_part_of_the_whole(tmp_path: Path) -> None:
    tree = {"Kept": ["a", "b"], "Sati": ["c"], "Loya": ["d"], "Other": ["e"]}
    model = {"paths": {"Kept": ["Sati"], "Sati": ["Loya"]}, "target": "Sati"}
    survey = study(tmp_path, answers(), constructs=tree, model=model, outcomes={"loyalty": "Loya"})
    result = csr.fuzzy_evaluation(survey, **FIRM)
    assert result.tables["evaluation"]["item"].tolist() == ["goal", "Kept", "Other"]
    chosen = csr.fuzzy_evaluation(survey, constructs=["Kept", "Loya"], **FIRM)
    assert chosen.tables["evaluation"]["item"].tolist() == ["goal", "Kept", "Loya"]


def test_too_few_answers_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="only 4 of 4 respondents"):
        csr.fuzzy_evaluation(study(tmp_path, answers(4)), **FIRM)
    silent = answers().astype("Int64")
    silent["e"] = pd.NA
    with pytest.raises(AnalysisError, match="nobody among these respondents rated e"):
        csr.fuzzy_evaluation(study(tmp_path / "s", silent), **FIRM)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"grades": [1, 3, 2]}, "neither rise nor fall"),
        ({"grades": [0, 5]}, "off the study's scale: 0"),
        ({"grades": [1, 5], "labels": ["a"]}, "1 labels for 2 grades"),
        ({"grades": [1, 5], "labels": {"zh": ["差", "好"], "en": ["bad"]}}, "lists of different length"),
        ({"values": [1, 2]}, "values of grades that are not named"),
        ({"grades": [1, 5], "plateau": 0.3}, "only a trapezoid has a plateau"),
        ({"of": ["Quality", "Kept"]}, "'Kept' is part of 'Quality'"),
        ({"of": ["Qualty"]}, "did you mean 'Quality'"),
        ({"of": ["Quality", "Price"], "ahp": {"goal": {"e1": [[1]]}}}, "has 1 rows"),
        ({"experts": {"e1": {"Quality": 1, "Price": 1}}, "shares": {"e2": 1}}, "unknown expert 'e2'"),
        ({"experts": {"e1": {"Quality": 1, "Price": 1}}, "shares": {"e2": 1}}, "expert 'e1' has no share"),
    ],
)
def test_faults_of_the_evaluation_block_are_found_when_the_study_is_opened(tmp_path: Path, block: Any, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        study(tmp_path, answers(), evaluation=block)


# ---- words


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Any:
    frame = answers(120, region=["n", "s"] * 60, wave=["2020"] * 60 + ["2021"] * 60)
    evaluation = {"ahp": MATRICES, "experts": {"e1": {"Quality": 60, "Price": 40}, "e2": {"Quality": 55, "Price": 40}}}
    survey = study(
        tmp_path_factory.mktemp("rich"), frame, segments={"region": {}}, evaluation=evaluation,
        wave={"column": "wave", "order": ["2020", "2021"]}, simulated=True,
    )  # fmt: skip
    return csr.fuzzy_evaluation(survey, bootstrap=100)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_everything_is_said_in_both_languages(rich: Any, lang: str) -> None:
    for level in ("key", "detail", "action", "limit", "method"):
        said = rich.findings(lang, level=level)
        assert said
        assert not [s for s in said if "{" in s or "}" in s or "nan" in s]
    for c in rich.checks:
        assert "{" not in c.sentence(lang)
    for name in rich.tables:
        html = rich.table(name, lang)._repr_html_()
        assert "grade_" not in html
        assert "{" not in html.partition("<table>")[2]


def test_the_result_goes_to_json_and_back(rich: Any) -> None:
    back = Result.from_json(rich.to_json())
    assert back.to_json() == rich.to_json()
    assert back.table("evaluation", "zh")._repr_html_() == rich.table("evaluation", "zh")._repr_html_()


def test_every_figure_is_drawn_with_its_words(rich: Any) -> None:
    for name in rich.figures:
        figure = rich.figure(name, "zh")
        assert "{" not in figure.alt + figure.caption
        assert b"<svg" in figure.svg(narrow=True)
