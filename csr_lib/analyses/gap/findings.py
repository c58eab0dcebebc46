"""Gap analysis: the cards and what was found, in catalogue keys and values; the sentences stand in gap.yml."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from csr_lib.analyses._findings import rows_of
from csr_lib.analyses.gap.advice import actions, limits, method
from csr_lib.analyses.gap.tables import ALL
from csr_lib.analyses.gap.words import TONES, Words, internal, score_of, total_of
from csr_lib.core.check import Finding, Headline
from csr_lib.core.text import both

if TYPE_CHECKING:
    from csr_lib.analyses.gap.analysis import GapResult


def make_headline(result: GapResult) -> list[Headline]:
    """Return the cards: overall score, worst dimension, indicators that fall short, largest gap inside the company."""
    w, tables = Words(result), result.tables
    score, indicators = score_of(result), tables["indicators"]
    cards = [
        Headline(
            f"gap_{score['score']}",
            score["estimate"],
            "signed",
            score["ci_low"],
            score["ci_high"],
            {"unit": w.unit},
            TONES[w.reading(score["estimate"], score["p_value"])],
        )
    ]
    if len(tables.get("dimensions", ())) > 1:
        worst = tables["dimensions"].sort_values("gap", kind="stable").iloc[0]
        cards.append(
            Headline(
                "gap_worst",
                worst["gap"],
                "signed",
                worst["ci_low"],
                worst["ci_high"],
                {"dimension": w.label(worst["construct"])},
                TONES[worst["reading"]],
            )
        )
    short = int((indicators["reading"] == "short").sum())
    cards.append(Headline("gap_short", float(short), "count", values={"total": len(indicators)}, tone="bad" if short else "good"))
    inside = internal(result)
    if inside:
        worst_gap = inside[0]
        cards.append(
            Headline(
                "gap_internal",
                worst_gap["estimate"],
                "signed",
                worst_gap["ci_low"],
                worst_gap["ci_high"],
                {"gap": both(f"gap.gaps.{worst_gap['gap']}")},
                TONES[w.reading(worst_gap["estimate"], worst_gap["p_adjusted"])],
            )
        )
    return cards


def make_findings(result: GapResult) -> list[Finding]:
    """Return key findings, details, recommendations, limits and the method, in the order they are read."""
    w = Words(result)
    parts = (_overall, _dimensions, _indicators, _zone, _five, _ranking, _groups, actions, limits, method)
    return [finding for part in parts for finding in part(w)]


def _overall(w: Words) -> list[Finding]:
    row, five = total_of(w.result), w.tables["five_gaps"]
    reading = w.reading(row["estimate"], row["p_value"])
    e, p = _levels(w)
    score = score_of(w.result)
    weighted = score["score"] == "weighted"  # then it is the weighted score that the card shows
    values = {
        "expectation": e,
        "perception": p,
        "gap": row["estimate"],
        **size_of(row),
        "confidence": w.result.confidence,
        "low": w.result.options["low"],
        "high": w.result.options["high"],
        "unit": w.unit,
        "n": float(five.loc[five["gap"] == 5, "n_customers"].iloc[0]),
        "weighted": score["estimate"] if weighted else math.nan,
    }
    found = [Finding(f"gap_overall_{reading}", values, TONES[reading], "key")]
    if weighted:
        apart = score["estimate"] - row["estimate"]
        which = "same" if abs(apart) < 0.005 * w.span else "worse" if apart < 0 else "better"
        values = {"weighted": score["estimate"], "unweighted": row["estimate"], "low": score["ci_low"], "high": score["ci_high"]}
        found.append(Finding(f"gap_weighted_{which}", values, "neutral", "detail"))
    else:
        found.append(Finding("gap_equal_weights", {}, "neutral", "detail"))
    return found


def size_of(row: Any) -> dict[str, float]:
    """Return how large a gap is, and the ends of its interval, as a sentence counts a shortfall: without its sign."""
    low, high = (row["ci_low"], row["ci_high"]) if row["estimate"] > 0 else (-row["ci_high"], -row["ci_low"])
    return {"size": abs(row["estimate"]), "size_low": low, "size_high": high}


def _levels(w: Words) -> tuple[float, float]:
    """Return mean expectation and perception over the dimensions, as in the unweighted score."""
    frame = w.tables.get("dimensions")
    frame = w.tables["indicators"] if frame is None else frame
    return float(frame["expectation"].mean()), float(frame["perception"].mean())


def _dimensions(w: Words) -> list[Finding]:
    frame = w.tables.get("dimensions")
    if frame is None or len(frame) < 2:
        return []
    frame = frame.sort_values("gap", kind="stable")
    worst, best = frame.iloc[0], frame.iloc[-1]
    values = {
        "worst": w.named(worst["construct"], worst["gap"]),
        "best": w.named(best["construct"], best["gap"]),
        "rest": w.list_of(frame.iloc[1:], "construct", "gap", len(frame)),
        "share": worst["share_short"],
    }
    found = [Finding("gap_worst" if worst["gap"] < 0 else "gap_least", values, TONES[worst["reading"]], "detail")]
    if "contribution" in frame and (frame["contribution"] < 0).all():
        heaviest = frame.sort_values("contribution").iloc[0]
        share = float(heaviest["contribution"] / frame["contribution"].sum())
        values = {"dimension": w.label(heaviest["construct"]), "share": share, "weight": float(heaviest["weight"])}
        found.append(Finding("gap_contribution", values, "neutral", "detail"))
    return found


def _indicators(w: Words) -> list[Finding]:
    frame = w.tables["indicators"].sort_values("gap", kind="stable")
    found: list[Finding] = []
    short, over = frame[frame["reading"] == "short"], frame[frame["reading"] == "exceeds"][::-1]
    even = frame[frame["reading"] == "even"]
    total = len(frame)
    zone = w.tables.get("zone_by_indicator")
    below = 0 if zone is None else int((zone["zone"] == "below").sum())
    if len(short):
        values = {"count": len(short), "total": total, "list": w.list_of(short, "indicator", "gap"), "below": below}
        found.append(Finding("gap_indicators_short_below" if below else "gap_indicators_short", values, "bad", "key"))
    else:
        found.append(Finding("gap_indicators_none", {"total": total}, "good", "key"))
    if len(over):
        values = {"list": w.list_of(over, "indicator", "gap")}
        found.append(Finding("gap_indicators_exceed", values, "good", "detail"))
    if len(even):
        values = {"list": w.list_of(even, "indicator", "gap", total)}
        found.append(Finding("gap_indicators_even", values, "neutral", "detail"))
    if frame["effect_size"].notna().any():
        largest = frame.sort_values("effect_size", key=abs, ascending=False).iloc[0]
        values = {
            "indicator": w.label(largest["indicator"]),
            "effect": largest["effect_size"],
            "low": largest["effect_size_ci_low"],
            "high": largest["effect_size_ci_high"],
            "share": largest["share_short"],
        }
        found.append(Finding("gap_effect", values, "neutral", "detail"))
    return found


def _zone(w: Words) -> list[Finding]:
    frame = w.tables.get("zone_by_indicator")
    if frame is None:
        return []
    counts = {zone: frame[frame["zone"] == zone] for zone in ("below", "within", "above")}
    total = len(frame)
    below = counts["below"].sort_values("adequacy", kind="stable")
    values: dict[str, Any] = {"within": len(counts["within"]), "above": len(counts["above"]), "below": len(below), "total": total}
    if len(below):
        values["list"] = w.list_of(below, "indicator", "adequacy")
        found = [Finding("gap_zone_counts_below", values, "bad", "detail")]
    else:
        found = [Finding("gap_zone_counts", values, "good", "detail")]
    uncertain = frame[~frame["certain"]]
    if len(uncertain):
        labels = [w.label(i) for i in uncertain["indicator"]]
        found.append(Finding("gap_zone_uncertain", {"list": labels, "count": len(labels)}, "caution", "limit"))
    return found


def _five(w: Words) -> list[Finding]:
    inside = internal(w.result)
    found: list[Finding] = []
    if inside:
        worst = inside[0]
        if w.reading(worst["estimate"], worst["p_adjusted"]) == "short":
            values: dict[str, Any] = {**size_of(worst), "unit": w.unit}
            found.append(Finding(f"gap_internal_{worst['gap']}", values, "bad", "key"))
        else:
            found.append(Finding("gap_internal_none", {"count": len(inside)}, "neutral", "key"))
    for row in sorted(inside, key=lambda r: int(r["gap"])):
        reading = w.reading(row["estimate"], row["p_adjusted"])
        values = {k: row[k] for k in ("estimate", "ci_low", "ci_high")} | size_of(row) | {"unit": w.unit, "p": row["p_adjusted"]}
        if row is not inside[0] or reading != "short":  # the largest shortfall is told among the key findings
            found.append(Finding(f"gap_five_{row['gap']}_{reading}", values, TONES[reading], "detail"))
        single = w.tables["five_gaps_by_indicator"]
        single = single[single["gap"] == row["gap"]].sort_values("estimate", kind="stable")
        firm = single[single["p_adjusted"] < w.limit]
        low, high = firm[firm["estimate"] < 0], firm[firm["estimate"] > 0][::-1]
        values = {"gap": both(f"gap.gaps.{row['gap']}")}
        if len(low) and len(high):
            values |= {"low": w.list_of(low, "indicator", "estimate"), "high": w.list_of(high, "indicator", "estimate")}
            found.append(Finding("gap_five_mixed", values, "caution", "detail"))
        elif reading == "short" and len(low) and row["indicators"] > 1:
            values |= {"list": w.list_of(low, "indicator", "estimate")}
            found.append(Finding("gap_five_where", values, "neutral", "detail"))
    return found


def _ranking(w: Words) -> list[Finding]:
    frame = w.tables.get("ranking")
    if frame is None:
        return []
    first = {who: [w.label(c) for c in frame.loc[frame[f"{who}_rank"] == 1, "construct"]] for who in ("customers", "company")}
    apart = frame[frame["rank_difference"] != 0]
    found: list[Finding] = []
    by = both(f"gap.ranked_by.{w.result.ranked_by}")
    if first["customers"] == first["company"]:
        found.append(Finding("gap_ranking_agrees", {"first": first["customers"], "by": by}, "good", "key"))
    else:
        last = frame.loc[frame["company_rank"] == 1, "customers_rank"].min()
        values = {**first, "by": by, "rank": int(last), "total": len(frame)}
        found.append(Finding("gap_ranking_differs", values, "caution", "key"))
    under, over = apart[apart["rank_difference"] > 0], apart[apart["rank_difference"] < 0]
    for key, part, ascending in (("gap_ranking_under", under, False), ("gap_ranking_over", over, True)):
        if len(part):
            part = part.sort_values("rank_difference", ascending=ascending, kind="stable")
            phrases = [
                both(
                    "gap.ranks", label=w.label(r["construct"]), customers=int(r["customers_rank"]), company=int(r["company_rank"])
                )
                for r in rows_of(part)
            ]
            found.append(Finding(key, {"list": phrases}, "neutral", "detail"))
    correlations = w.tables.get("ranking_correlation")
    if correlations is not None:
        for level, part in correlations.groupby("level", sort=False):
            rows = {r["measure"]: r for r in rows_of(part)}
            spearman, kendall = rows["spearman"], rows["kendall"]
            if math.isnan(spearman["estimate"]):
                continue
            values = {
                "things": both(f"gap.things.{level}"),
                "n": spearman["ranked"],
                "rho": spearman["estimate"],
                "rho_p": spearman["p_value"],
                "tau": kendall["estimate"],
                "tau_p": kendall["p_value"],
            }
            found.append(Finding("gap_ranking_correlation", values, "neutral", "detail"))
    return found


def _groups(w: Words) -> list[Finding]:
    frame = w.tables.get("groups")
    if frame is None:
        return []
    total = frame[frame["construct"] == ALL].sort_values("gap", kind="stable")
    if len(total) < 2:
        return []
    segment = w.label(str(total["segment"].iloc[0]))
    values = {"segment": segment, "list": w.list_of(total, "group", "gap", len(total))}
    found = [Finding("gap_groups_order", values, "neutral", "detail")]
    apart = frame[frame["p_adjusted"] < w.limit].sort_values("difference", kind="stable")
    if len(apart):
        phrases = [
            both("gap.group_difference", group=w.label(r["group"]), what=w.label(r["construct"]), value=r["difference"])
            for r in rows_of(apart)
        ]
        found.append(Finding("gap_groups_differ", {"list": phrases}, "caution", "detail"))
    else:
        found.append(Finding("gap_groups_same", {"segment": segment}, "neutral", "detail"))
    return found
