"""What a satisfaction index says in words: findings and recommendations, and the numbers for the cards."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import Any

from csr_lib.analyses._rows import rows
from csr_lib.analyses.satisfaction_index.limits import limits
from csr_lib.analyses.satisfaction_index.told import Told, level_label, method
from csr_lib.analyses.satisfaction_index.told import finding as _finding
from csr_lib.core.check import Finding, Headline, Level, Tone
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.text import LANGUAGES, both, text, words


def findings(told: Told) -> list[Finding]:
    """Return everything there is to say, key findings first."""
    parts: list[Callable[[Told], Iterator[Finding]]] = [
        _level, _goals, _change, _drivers, _segments, _rollup, _outcomes, _quality, _hypotheses, _actions, limits, method,
    ]  # fmt: skip
    return [finding for part in parts for finding in part(told)]


# ---- the level


def _level(told: Told) -> Iterator[Finding]:
    row = told.row("index", construct=told.target)
    point = math.isnan(row.ci_low)
    values = {"construct": told.label(told.target), "index": row.index, "n": row.n}
    if not point:
        values |= {"low": row.ci_low, "high": row.ci_high, "confidence": told.options.confidence}
    if told.period:
        values["wave"] = told.wave(told.period)
    yield _finding(("wave" if told.period else "total") + ("_point" if point else ""), "key", **values)
    yield from _in_words(told, row.index)


def _in_words(told: Told, index: float) -> Iterator[Finding]:
    """The index on the questionnaire's own scale, where the items share one whose points are all named."""
    scales = [told.survey.scale(i) for i in told.survey.study.leaves(told.target)]
    first = scales[0]
    if any((s.min, s.max) != (first.min, first.max) for s in scales) or len(first.labels) < first.max - first.min + 1:
        return
    points = first.min + index / 100 * (first.max - first.min)
    grade = first.labels[min(first.labels, key=lambda p: abs(p - points))]
    yield _finding("in_words", points=points, scale_min=first.min, scale_max=first.max, grade=grade)


#: what is good news, what bad
_TONES: dict[str, Tone] = {
    "target_met": "good",
    "target_missed": "bad",
    "target_open": "caution",
    "benchmark_above": "good",
    "benchmark_below": "bad",
    "change_up": "good",
    "change_down": "bad",
}


def _goals(told: Told) -> Iterator[Finding]:
    if "goals" not in told.tables:
        return
    for row in rows(told.tables["goals"]):
        # without an interval nothing can be told
        beyond = "above" if row.ci_low > row.goal else "below" if row.ci_high < row.goal else "open"
        values = {"goal": row.goal, "distance": row.distance if beyond == "open" else abs(row.distance)}
        if row.goal_kind == "target":
            key = {"above": "target_met", "below": "target_missed", "open": "target_open"}[beyond]
            if beyond == "above":
                values["construct"] = told.label(told.target)
            yield _finding(key, "key", _TONES[key], **values)
        else:
            key = f"benchmark_{beyond}"
            yield _finding(key, "detail", _TONES.get(key, "neutral"), name=told.label(row.name), **values)


# ---- the change


def _change(told: Told) -> Iterator[Finding]:
    if "wave_changes" not in told.tables or not told.latest:
        return
    row = told.row("wave_changes", construct=told.target, wave_to=told.latest)
    if math.isnan(row.p_adjusted):
        return
    firm = row.p_adjusted < told.alpha
    key: str = "change_none" if not firm else "change_up" if row.change > 0 else "change_down"
    yield _finding(
        key,
        "key",
        _TONES.get(key, "neutral"),
        wave=told.wave(row.wave_from),
        latest=told.wave(told.latest),
        index=told.row("waves", construct=told.target, wave=told.latest).index,
        change=abs(row.change) if firm else row.change,
        low=row.ci_low,
        high=row.ci_high,
    )
    parts = told.tables["decomposition"]
    for number, (_, pair) in enumerate(parts.groupby(["wave_from", "wave_to"], sort=False)):
        yield _came_from(told, rows(pair), "key" if number == 0 and firm else "detail")


def _came_from(told: Told, parts: Sequence[Any], level: Level) -> Finding:
    own = next(r for r in parts if r.construct == told.target)
    drivers = sorted((r for r in parts if r.construct != told.target), key=lambda r: -abs(r.contribution))
    key = "finding.satisfaction_index.part"
    said = [
        both(key, construct=told.label(r.construct), contribution=r.contribution, low=r.ci_low, high=r.ci_high) for r in drivers
    ]
    first, last = told.wave(parts[0].wave_from), told.wave(parts[0].wave_to)
    change = sum(r.contribution for r in parts)
    values = {"wave_from": first, "wave_to": last, "change": change, "parts": said}
    return _finding("change_from", level, **values, own=own.contribution, low=own.ci_low, high=own.ci_high)


# ---- drivers and levers


def _drivers(told: Told) -> Iterator[Finding]:
    drivers = told.ranked()
    if not drivers:
        return
    first, target = told.strongest(), told.label(told.target)
    if not told.sound:
        yield _finding("no_solution", "key", "bad", target=target)
        return
    if first is None:
        yield _finding("no_lever", "key", "caution", target=target)
        return
    values = {"construct": told.label(first.construct), "target": target, "effect": first.importance}
    if math.isnan(first.ci_low):
        yield _finding("driver_point", "key", **values)
        return
    values |= {"low": first.ci_low, "high": first.ci_high}
    if len(drivers) == 1:
        yield _finding("driver_only", "key", **values)
    else:
        yield _finding("driver", "key", share=first.first_share, **values)
    if "importance_performance_map" not in told.tables:
        names = [told.label(i) for i in told.fit.items.loc[told.fit.items["weight"] < 0, "item"]]
        yield _finding("no_map", "detail", "caution", names=names)
    elif len(drivers) > 1:
        yield from _best_lever(told, drivers)
    yield from _alike(told, first.construct)


def _best_lever(told: Told, drivers: Sequence[Any]) -> Iterator[Finding]:
    """The best lever, in doubt where another driver's room may be as large; none where respondents hardly tell it from others."""
    lever, key = _lever(drivers)
    if _like(told, lever.construct):
        return
    rivals = _rivals(drivers, lever)
    yield _finding(
        "lever_open" if rivals else "lever_first" if key == "lever" and lever is told.strongest() else key,
        "key",
        "caution" if rivals else "neutral",
        target=told.label(told.target),
        construct=told.label(lever.construct),
        performance=lever.performance,
        effect=10 * lever.importance,
        low=10 * lever.ci_low,
        high=10 * lever.ci_high,
        names=[told.label(d.construct) for d in rivals],
    )


def _like(told: Told, construct: str) -> list[str]:
    """Return the other drivers that respondents hardly tell from this one (HTMT)."""
    several = [d.construct for d in told.ranked() if len(told.fit.model.construct(d.construct).items) > 1]
    if construct not in several:
        return []
    return [c for c in several if c != construct and CUTOFFS["htmt"].verdict(float(told.fit.htmt.loc[c, construct])) == "fail"]


def _alike(told: Told, strongest: str) -> Iterator[Finding]:
    """Drivers that respondents hardly tell from the strongest one: their effects cannot be told apart either."""
    alike = [told.label(c) for c in _like(told, strongest)]
    if alike:
        yield _finding("driver_alike", "key", "caution", construct=told.label(strongest), names=alike)


def _room(driver: Any, importance: float) -> float:
    """Return the points of the target that the way to a driver's full score is worth, at this importance."""
    return float(importance * (100 - driver.performance))


def _rivals(drivers: Sequence[Any], lever: Any) -> list[Any]:
    """Return the drivers whose interval of room overlaps that of the lever."""
    return [d for d in drivers if d is not lever and _room(d, d.ci_high) > _room(lever, lever.ci_low)]


def _lever(drivers: Sequence[Any]) -> tuple[Any, str]:
    """The driver with the largest effect among those of clearly high effect and clearly low performance (their intervals stay on
    one side of the means); without one, that with most room."""
    firm = [d for d in drivers if d.ci_low > 0]
    heavy, good = fmean(d.importance for d in drivers), fmean(d.performance for d in drivers)
    weak = [d for d in firm if d.ci_low > heavy and d.performance_ci_high < good]
    if weak:
        return weak[0], "lever"
    return max(firm, key=lambda d: _room(d, d.importance)), "lever_room"


def _outcomes(told: Told) -> Iterator[Finding]:
    if not told.sound:
        return
    if told.ranked():
        r2 = told.row("r_squared", construct=told.target).r_squared
        yield _finding("explained", construct=told.label(told.target), r2=r2)
    for row in rows(told.outcomes):
        if not math.isnan(row.ci_low):
            yield _finding(
                "outcome",
                construct=told.label(row.construct),
                target=told.label(told.target),
                effect=row.estimate,
                low=row.ci_low,
                high=row.ci_high,
            )


# ---- groups


def _segments(told: Told) -> Iterator[Finding]:
    if "segments" not in told.tables:
        return
    said: list[tuple[float, str, dict[str, Any]]] = []
    for segment, frame in told.tables["segments"].groupby("segment", sort=False):
        groups = rows(frame)
        if len(groups) < 2 or math.isnan(groups[0].p_adjusted):
            continue
        large = [g for g in groups if not g.small]
        named = large if len(large) > 1 else groups
        best, worst = max(named, key=lambda g: g.index), min(named, key=lambda g: g.index)
        values = {
            "segment": told.label(str(segment)),
            "best": told.label(best.group),
            "best_index": best.index,
            "worst": told.label(worst.group),
            "worst_index": worst.index,
        }
        clear = best if best.p_adjusted < worst.p_adjusted else worst
        if not clear.p_adjusted < told.alpha:
            said.append((0.0, "segment_same", values))
            continue
        values |= {"difference": clear.difference, "apart": _apart(clear.difference), "p": clear.p_adjusted}
        values |= {"low": clear.difference_ci_low, "high": clear.difference_ci_high}
        said.append((abs(clear.difference), "segment_gap" if clear is worst else "segment_gap_best", values))
    largest = max((size for size, _, _ in said), default=0.0)
    for size, key, values in said:
        first = size > 0 and size == largest
        yield _finding(key, "key" if first else "detail", **values)


def _apart(difference: float) -> dict[str, str]:
    """Return how far a group is above or below the others, in words."""
    key = f"satisfaction_index.apart.{'above' if difference > 0 else 'below'}"
    return {lang: text(key, lang, value=abs(difference)) for lang in LANGUAGES}


def _rollup(told: Told) -> Iterator[Finding]:
    if "rollup" not in told.tables:
        return
    units = rows(told.tables["rollup"])
    top = units[0]
    values = {"unit": level_label(told, top.level, top.group), "index": top.index}
    if math.isnan(top.ci_low):
        yield _finding("rollup_point", **values)
    else:
        yield _finding("rollup", low=top.ci_low, high=top.ci_high, **values)
    segments = set(told.tables["segments"]["segment"]) if "segments" in told.tables else set()
    for level in dict.fromkeys(u.level for u in units if u.level not in segments):  # segments are told of by themselves
        here = [u for u in units if u.level == level]
        if len(here) > 1:
            best, worst = max(here, key=lambda u: u.index), min(here, key=lambda u: u.index)
            yield _finding(
                "rollup_range",
                unit=told.label(level),
                best=told.label(best.group),
                best_index=best.index,
                worst=told.label(worst.group),
                worst_index=worst.index,
            )


# ---- quality, hypotheses


def _quality(told: Told) -> Iterator[Finding]:
    asked = {"construct_alpha", "construct_rho_a", "construct_rho_c", "construct_ave", "discriminant_htmt", "rho_a_range"}
    there = [c for c in told.checks if c.key in asked]
    if there and all(c.verdict == "pass" for c in there):
        yield _finding("measured_well", tone="good")


def _hypotheses(told: Told) -> Iterator[Finding]:
    if "hypotheses" not in told.tables:
        return
    stated = rows(told.tables["hypotheses"])
    supported = [h.hypothesis for h in stated if h.status == "supported"]
    tested = sum(h.status not in ("untested", "undecided") for h in stated)
    undecided = sum(h.status == "undecided" for h in stated)
    if undecided:
        yield _finding("hypotheses_undecided", tone="caution", count=undecided)
    if supported:
        key = "hypotheses_all" if len(supported) == tested > 1 else "hypotheses"
        yield _finding(key, tone="good", supported=len(supported), tested=tested, ids=supported)
    elif tested:
        yield _finding("hypotheses_none", tested=tested)
    keys = {"not_supported": "hypothesis_no", "opposite": "hypothesis_opposite", "untested": "hypothesis_untested"}
    for h in stated:
        if h.status in keys:
            values = {"id": h.hypothesis, "words": statement(told, h.hypothesis)}
            if h.status != "untested":
                values |= {"estimate": h.estimate, "p": h.p_value}
            yield _finding(keys[h.status], tone="caution" if h.status == "opposite" else "neutral", **values)


def statement(told: Told, hypothesis: str) -> Any:
    """Return what a hypothesis says: its own text, else source → target."""
    h = next(h for h in told.survey.study.hypotheses if h.id == hypothesis)
    source, target = told.label(h.from_), told.label(h.to)
    return h.text or {lang: f"{words(source, lang)} → {words(target, lang)}" for lang in LANGUAGES}


# ---- recommendations


def _actions(told: Told) -> Iterator[Finding]:
    drivers = told.ranked()
    if "importance_performance_map" in told.tables and any(d.ci_low > 0 for d in drivers):
        yield from _lever_actions(told, drivers)
    if "segments" in told.tables:
        low = [g for g in rows(told.tables["segments"]) if g.p_adjusted < told.alpha and g.difference < 0]
        if low:
            group = min(low, key=lambda g: g.difference)
            yield _finding(
                "action_segment",
                "action",
                group=told.label(group.group),
                segment=told.label(group.segment),
                difference=group.difference,
                apart=_apart(group.difference),
            )
    for check in told.checks:
        names = check.values.get("plain")
        if check.key == "construct_alpha" and check.verdict == "fail":
            yield _finding("action_reword", "action", names=names)
        if check.key == "index_small_groups" and check.verdict != "pass":
            yield _finding("action_more", "action", names=names, least=CUTOFFS["group_n"].threshold)


def _lever_actions(told: Told, drivers: Sequence[Any]) -> Iterator[Finding]:
    lever, _ = _lever(drivers)
    like = _like(told, lever.construct)
    rivals = [] if like else [d.construct for d in _rivals(drivers, lever)]
    items = [i for i in rows(told.tables["importance_performance_items"]) if i.construct == lever.construct]
    if len(items) > 1:
        weak = [i for i in items if i.performance < lever.performance] or items
        item = max(weak, key=lambda i: i.importance * (100 - i.performance))
        yield _finding(
            "action_lever_alike" if like else "action_lever_open" if rivals else "action_lever",
            "action",
            construct=told.label(lever.construct),
            names=[told.label(c) for c in like or rivals],
            item=told.label(item.item),
            weight=item.item_weight,
            performance=item.performance,
        )
    else:
        yield _finding("action_lever_single", "action", construct=told.label(lever.construct))
    first = told.strongest()
    strong = first.performance >= fmean(d.performance for d in drivers)
    if len(drivers) > 1 and strong and first.construct != lever.construct:
        yield _finding("action_keep", "action", construct=told.label(first.construct), performance=first.performance)


# ---- the cards


def headline(told: Told) -> tuple[Headline, ...]:
    """Return the numbers for the top of the report, four at most: index, distance to a target, change, driver, R²."""

    def interval(low: float, high: float) -> dict[str, Any]:
        return {"ci_low": None, "ci_high": None} if math.isnan(low) else {"ci_low": float(low), "ci_high": float(high)}

    target = told.label(told.target)
    row = told.row("index", construct=told.target)
    cards = [
        Headline(
            "index_value_wave" if told.period else "index_value",
            float(row.index),
            values={"construct": target, **({"wave": told.wave(told.period)} if told.period else {})},
            **interval(row.ci_low, row.ci_high),
        )
    ]
    for finding in _goals(told):
        if finding.key.startswith("satisfaction_index.target"):
            goal = told.row("goals", goal_kind="target")
            cards.append(
                Headline(
                    "index_target",
                    goal.distance,
                    "signed_score",
                    values={"goal": goal.goal},
                    tone=finding.tone,
                    **interval(goal.ci_low - goal.goal, goal.ci_high - goal.goal),
                )
            )
    if told.latest and "wave_changes" in told.tables:
        change = told.row("wave_changes", construct=told.target, wave_to=told.latest)
        firm = change.p_adjusted < told.alpha
        cards.append(
            Headline(
                "index_change",
                float(change.change),
                "signed_score",
                values={"wave": told.wave(change.wave_from), "latest": told.wave(told.latest)},
                tone="neutral" if not firm else "good" if change.change > 0 else "bad",
                **interval(change.ci_low, change.ci_high),
            )
        )
    first = told.strongest()
    if first is not None:
        cards.append(
            Headline(
                "index_driver",
                first.importance,
                "decimal",
                values={"construct": told.label(first.construct), "target": target},
                **interval(first.ci_low, first.ci_high),
            )
        )
    if told.ranked() and told.sound:
        r2 = told.row("r_squared", construct=told.target)
        cards.append(
            Headline(
                "index_explained",
                float(r2.r_squared),
                "percent",
                values={"construct": target},
                **interval(r2.ci_low, r2.ci_high),
            )
        )
    return tuple(cards[:4])
