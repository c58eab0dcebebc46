"""Overview: the cards and what was found, in catalogue keys and values; the sentences stand in overview.yml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from csr_lib.analyses._findings import rows_of
from csr_lib.analyses._words import NAMED, named
from csr_lib.analyses.overview.advice import actions, limits, method
from csr_lib.analyses.overview.competitors import ALL
from csr_lib.analyses.overview.tables import BAD, CSAT, INDEX
from csr_lib.analyses.overview.words import Words
from csr_lib.core.check import Finding, Headline, Tone
from csr_lib.core.text import both, number

if TYPE_CHECKING:
    from csr_lib.analyses.overview.analysis import OverviewResult


def make_headline(result: OverviewResult) -> list[Headline]:
    """Return the cards: index, satisfied customers, NPS or complaints, customers with one failure, the weakest construct."""
    w = Words(result)
    index, one = w.index(), result.one_failure
    cards = [
        Headline(
            "overview_index",
            index["estimate"],
            "score",
            index["ci_low"],
            index["ci_high"],
            {"weighting": both(f"overview.weighting.{result.weighting}")},
        )
    ]
    satisfied = w.rate(CSAT)
    if satisfied:
        cards.append(Headline("overview_csat", satisfied["estimate"], "share", satisfied["ci_low"], satisfied["ci_high"]))
    nps = result.tables.get("nps")
    if nps is not None:
        row = rows_of(nps)[0]
        tone: Tone = "good" if row["ci_low"] > 0 else "bad" if row["ci_high"] < 0 else "caution"
        cards.append(Headline("overview_nps", row["estimate"], "signed_score", row["ci_low"], row["ci_high"], tone=tone))
    if one["n"]:
        cards.append(Headline("overview_one_failure", one["estimate"], "share", one["ci_low"], one["ci_high"], tone="bad"))
    constructs = w.parts()
    if len(constructs) > 1:
        row = rows_of(constructs.sort_values("estimate", kind="stable"))[0]
        values = {"construct": w.label(row["construct"])}
        cards.append(Headline("overview_weakest", row["estimate"], "score", row["ci_low"], row["ci_high"], values, "caution"))
    return cards


def make_findings(result: OverviewResult) -> list[Finding]:
    """Return everything found: key findings first, then detail, recommendations, limits, method."""
    w = Words(result)
    found = [*_level(w), *_indicators(w), *_weakest(w), *_targets(w), *_highlights(w), *_competitors(w), *_groups(w), *_rates(w)]
    found += _written(w)
    return [*found, *actions(w), *limits(w), *method(w)]


def _level(w: Words) -> list[Finding]:
    index, satisfied, unhappy = w.index(), w.rate(CSAT), w.rate("dissatisfied")
    values: dict[str, Any] = {k: index[k] for k in ("estimate", "ci_low", "ci_high", "n")}
    if satisfied and unhappy:
        for name, row in (("satisfied", satisfied), ("dissatisfied", unhappy)):
            values |= {name: row["estimate"], f"{name}_low": row["ci_low"], f"{name}_high": row["ci_high"]}
        found = [Finding("overview_level_rates", values, "neutral", "key")]
    else:
        found = [Finding("overview_level", values, "neutral", "key")]
    others = w.tables["index"][~w.tables["index"]["chosen"]]
    if len(others):
        names = []
        for row in rows_of(others):
            names.append(named(both(f"overview.weighting.{row['weighting']}"), row["estimate"], "score"))
        found.append(Finding("overview_other_weights", {"list": names}, "neutral", "detail"))
    return found


def _indicators(w: Words) -> list[Finding]:
    frame = w.tables["indicators"].dropna(subset="estimate").sort_values("estimate", ascending=False, kind="stable")
    constructs = w.parts()
    found: list[Finding] = []
    if len(constructs) > 1:
        order = constructs.dropna(subset="estimate").sort_values("estimate", ascending=False, kind="stable")
        ranked = rows_of(order)
        best, worst = ranked[0], ranked[-1]
        lowest = (frame[frame["construct"] == worst["construct"]] if "construct" in frame else frame)[::-1]
        below = max(1, int((lowest["estimate"] < w.index()["estimate"]).sum()))  # an indicator that does well pulls nothing down
        values = {
            "best": w.ranged(best, "construct"),
            "worst": w.ranged(worst, "construct"),
            "lowest": w.list_of(lowest, "indicator", "estimate", min(NAMED, below)),
        }
        found.append(Finding("overview_constructs", values, "caution", "key"))
        if len(order) > 2:
            found.append(Finding("overview_order", {"list": w.list_of(order, "construct", "estimate", len(order))}))
    few = min(NAMED, max(1, len(frame) // 2))
    values = {
        "best": w.list_of(frame, "indicator", "estimate", few),
        "worst": w.list_of(frame[::-1], "indicator", "estimate", few),
    }
    found.append(Finding("overview_indicators", values, "neutral", "detail" if found else "key"))
    bottom = frame.dropna(subset="bottom_box").sort_values("bottom_box", ascending=False, kind="stable")
    if len(bottom) and bottom["bottom_box"].iloc[0] >= 0.1:
        found.append(Finding("overview_bottom", {"list": w.list_of(bottom, "indicator", "bottom_box", few, "percent")}, "bad"))
    return found


def _weakest(w: Words) -> list[Finding]:
    one, frame = w.result.one_failure, w.tables["weakest_link"]
    if not one["n"]:
        return []
    values: dict[str, Any] = {k: one[k] for k in ("estimate", "ci_low", "ci_high")}
    if not one["estimate"] > 0:
        return [Finding("overview_no_failure", {"n": one["n"]}, "good", "key")]
    worst = frame.iloc[0]
    if worst["difference"] == worst["difference"] and worst["difference_ci_low"] > 0:
        values |= {
            "indicator": w.quoted(worst["indicator"]),
            "share": worst["estimate"],
            "share_low": worst["ci_low"],
            "share_high": worst["ci_high"],
            "difference": worst["difference"],
            "low": worst["difference_ci_low"],
            "high": worst["difference_ci_high"],
        }
        key = "overview_one_failure_harm" if w.result.facts["satisfaction_asked"] else "overview_one_failure_others"
        found = [Finding(key, values, "bad", "key")]
    else:
        found = [Finding("overview_one_failure", values, "bad", "key")]
    only = frame[frame["only"] > 0].sort_values("only", ascending=False, kind="stable")
    if len(only):
        found.append(Finding("overview_only", {"list": w.list_of(only, "indicator", "only", NAMED, "share")}))
    chain = w.tables["chain"].dropna(subset="estimate")
    if len(chain) > 1 and chain["failures"].iloc[0] == "0" and chain["failures"].iloc[1] == "1":
        none, single = chain["estimate"].iloc[0], chain["estimate"].iloc[1]
        values = {"none": none, "one": single, "difference": none - single, "share": chain["share"].iloc[1]}
        found.append(Finding("overview_chain", values, "bad" if none > single else "neutral"))
    return found


def _targets(w: Words) -> list[Finding]:
    frame = w.tables.get("targets")
    if frame is None:
        return []
    found = []
    for row in rows_of(frame):
        if len(frame) > 1 and row["verdict"] == "open":
            continue  # the sum of them says so, and the table shows each
        values = {k: row[k] for k in ("estimate", "ci_low", "ci_high", "target")} | {"measure": w.label(row["measure"])}
        values["wave"] = w.label(row["wave"])
        tone: Tone = {"met": "good", "missed": "bad", "open": "caution"}[row["verdict"]]  # type: ignore[assignment]
        key = f"overview_target_{row['verdict']}" + ("" if row["wave"] == "all" else "_wave")
        found.append(Finding(key, values, tone, "key" if len(frame) == 1 else "detail"))
    if len(frame) > 1:
        counts = {v: int((frame["verdict"] == v).sum()) for v in ("met", "missed", "open")}
        missed = frame[frame["verdict"] == "missed"]
        phrases = [
            both("overview.of_target", measure=w.label(r["measure"]), value=r["estimate"], low=r["ci_low"], high=r["ci_high"],
                 target=r["target"])
            for r in rows_of(missed)
        ]  # fmt: skip
        sign: Tone = "bad" if counts["missed"] else "caution" if counts["open"] else "good"
        part = {"bad": "some", "caution": "open"}.get(sign, "met")
        whole = {"missed": "missed", "open": "all_open", "met": "met"}
        kind = next((whole[v] for v, n in counts.items() if n == len(frame)), part)
        values = {"total": len(frame), **counts, "list": phrases}
        found.insert(0, Finding(f"overview_targets_{kind}", values, sign, "key"))
    return found


def _highlights(w: Words) -> list[Finding]:
    frame = w.tables.get("questions")
    if frame is None:
        return []
    found = []
    for name, codes in w.result.options["highlight"].items():
        for code in codes:
            part = rows_of(frame[frame["answer"] == f"{name}={code}"])
            if part:
                values = {k: part[0][k] for k in ("estimate", "ci_low", "ci_high", "n")}
                values |= {"question": w.label(name), "answer": w.label(f"{name}={code}")}
                found.append(Finding("overview_highlight", values, "caution", "key"))
    return found


def _competitors(w: Words) -> list[Finding]:
    frame = w.tables.get("competitors")
    if frame is None:
        return []
    found = []
    for name, part in frame.groupby("competitor", sort=False):
        total = part[part["indicator"] == ALL]
        single = part[part["indicator"] != ALL].sort_values("difference", kind="stable")
        behind, ahead = single[single["reading"] == "behind"], single[single["reading"] == "ahead"][::-1]
        if len(total):
            row = rows_of(total)[0]
            values = {k: row[k] for k in ("own", "theirs", "difference", "ci_low", "ci_high", "n")}
            values |= {
                "competitor": w.label(f"competitor={name}"),
                "total": len(single),
                "behind": len(behind),
                "ahead": len(ahead),
            }
            values["size"] = abs(row["difference"])
            index = float(w.index()["estimate"])  # of everybody: told where those compared have another score
            values["index"] = index if row["paired"] and number(index, "score") != number(row["own"], "score") else None
            tone: Tone = {"ahead": "good", "behind": "bad", "level": "neutral"}[row["reading"]]  # type: ignore[assignment]
            found.append(Finding(f"overview_competitor_{row['reading']}", values, tone, "key"))
        colours: list[tuple[str, Any, Tone]] = [("overview_behind", behind, "bad"), ("overview_ahead", ahead, "good")]
        for key, of, tone in colours:
            if len(of):
                names = w.list_of(of, "indicator", "difference", NAMED, "signed_score")
                found.append(Finding(key, {"competitor": w.label(f"competitor={name}"), "list": names}, tone))
    return found


def _groups(w: Words) -> list[Finding]:
    frame = w.tables.get("comparisons")
    if frame is None:
        return []
    index = frame[frame["measure"] == INDEX]
    apart = index[index["reading"] == "differ"].sort_values("difference", ascending=False, kind="stable")
    found: list[Finding] = []
    groups = {row["group"]: row for row in rows_of(w.tables["groups"])}
    for position, row in enumerate(rows_of(apart)):
        values = {
            "segment": w.label(row["segment"]),
            "high": w.ranged(groups[row["highest"]], "group"),
            "low": w.ranged(groups[row["lowest"]], "group"),
            "difference": row["difference"],
            "p": row["p_adjusted"],
        }
        if row["segment"] == "wave":
            found.append(Finding("overview_waves_differ", values, "caution", "key"))
        else:
            found.append(Finding("overview_groups_differ", values, "caution", "key" if position == 0 else "detail"))
    alike = index[index["reading"] == "alike"]
    if len(alike):
        names = [w.label(s) for s in alike["segment"]]
        found.append(Finding("overview_groups_alike", {"list": names}, "neutral", "detail"))
    parts = w.tables.get("comparisons_of_parts")
    if parts is not None:
        keys = set(w.tables["constructs"]["construct"]) if "constructs" in w.tables else set()
        strong = parts[(parts["reading"] == "differ") & parts["measure"].isin(keys)]
        strong = strong.sort_values("difference", ascending=False, kind="stable")
        phrases = [
            both("overview.part", segment=w.label(r["segment"]), measure=w.label(r["measure"]), low=w.label(r["lowest"]),
                 high=w.label(r["highest"]), difference=r["difference"])
            for r in rows_of(strong.head(NAMED))
        ]  # fmt: skip
        if phrases:
            found.append(Finding("overview_parts_differ", {"list": phrases}, "caution", "detail"))
    return found


def _rates(w: Words) -> list[Finding]:
    found: list[Finding] = []
    nps = w.tables.get("nps")
    if nps is not None:
        row = rows_of(nps)[0]
        found.append(Finding("overview_nps", {k: row[k] for k in ("estimate", "ci_low", "ci_high", "promoters", "detractors")}))
    for name in ("repurchase", "loyalty", "recommendation", "expectation_met", *BAD):
        row = w.rate(name)  # type: ignore[assignment]
        if row:
            values = {k: row[k] for k in ("estimate", "ci_low", "ci_high")} | {"outcome": w.label(name)}
            found.append(Finding("overview_rate", values, "bad" if name in BAD else "neutral"))
    return found


def _written(w: Words) -> list[Finding]:
    frame = w.tables.get("keywords")
    if frame is None:
        return []
    found = []
    for name, part in frame.groupby("question", sort=False):
        words_used = w.list_of(part, "keyword", "n", 5, "count")
        found.append(Finding("overview_keywords", {"question": w.label(str(name)), "list": words_used}))
    return found
