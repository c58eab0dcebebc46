"""The tables of a satisfaction index, tidy and at full precision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses._rows import rows
from csr_lib.analyses.satisfaction_index.checks import faults
from csr_lib.analyses.satisfaction_index.estimate import (
    INSIDE,
    LEAVES,
    OUTSIDE,
    SCOPE,
    WAVES,
    Estimate,
    rest_grouping,
    segment_grouping,
)
from csr_lib.analyses.satisfaction_index.rollup import NATION, WHOLE, Tree, Unit
from csr_lib.core.errors import OptionError, unknown
from csr_lib.stats.pls_bootstrap import change_contributions
from csr_lib.stats.resampling import holm

if TYPE_CHECKING:
    from csr_lib.analyses.satisfaction_index.analysis import Options

Array = np.ndarray


def group_key(segment: str, value: str) -> str:
    """Return the key of a segment's value in tables and labels."""
    return f"{segment}={value}"


def index_table(e: Estimate) -> pd.DataFrame:
    """Index of every construct: ``construct index std_error ci_low ci_high sd n n_effective``."""
    value, drawn = e.index(SCOPE, INSIDE)
    n, effective = e.size(e.described)
    spread = e.spread(drawn, len(value))
    return pd.DataFrame(
        {"construct": list(e.model.names), "index": value, **spread, "sd": e.score_sd(), "n": n, "n_effective": effective}
    )


def goals_table(e: Estimate) -> pd.DataFrame | None:
    """The target's index against targets and benchmarks of the study; None without any."""
    study = e.people.study
    wave = e.period or (e.people.waves[0] if len(e.people.waves) == 1 else "")
    rows = []
    for kind, named in (("target", study.targets), ("benchmark", study.benchmarks)):
        for name, by_wave in named.items():
            goal = by_wave.get(wave, by_wave.get("all"))
            if goal is not None and (kind == "benchmark" or _means_target(e, name)):
                rows.append((kind, name, float(goal)))
    if not rows:
        return None
    index, drawn = e.index(SCOPE, INSIDE)
    out = []
    for kind, name, goal in rows:
        spread = e.spread(None if drawn is None else drawn[:, [e.at]], 1, null=goal)
        value = float(index[e.at])
        out.append(
            {
                "goal_kind": kind,
                "name": name,
                "goal": goal,
                "index": value,
                "distance": value - goal,
                "ci_low": spread["ci_low"][0],
                "ci_high": spread["ci_high"][0],
                "p_value": spread["p_value"][0],
            }
        )
    return pd.DataFrame(out)


def _means_target(e: Estimate, name: str) -> bool:
    """Whether a target of the study is one for the headline: it has the construct's name, or that of an outcome that means it."""
    study = e.people.study
    if name.casefold() == e.target.casefold():
        return True
    return name in study.outcomes and study.outcome_construct(name) == e.target


def segments_table(e: Estimate, hidden: Mapping[str, set[str]]) -> pd.DataFrame | None:
    """Index of the target by group, against all other respondents; small groups, and those in `hidden`, are left out.

    Columns ``segment group index std_error ci_low ci_high difference difference_ci_low difference_ci_high p_value p_adjusted n
    n_effective small``; p adjusted by Holm within the segment.
    """
    frames = []
    for grouping in e.groups:
        if not grouping.startswith("segment "):
            continue
        segment = grouping.removeprefix("segment ")
        shown = [g for g in e.described.groups(segment) if g.value not in hidden.get(segment, set())]
        if shown:
            rows = pd.DataFrame([_group_row(e, segment, g.value, g.survey) for g in shown])
            # two groups against each other are one test, told twice
            adjusted = holm(rows["p_value"]) if len(rows) > 2 else rows["p_value"].to_numpy()
            rows.insert(list(rows.columns).index("p_value") + 1, "p_adjusted", adjusted)
            frames.append(rows)
    return pd.concat(frames, ignore_index=True) if frames else None


def _group_row(e: Estimate, segment: str, value: str, survey: Any) -> dict[str, Any]:
    index, drawn = e.index(segment_grouping(segment), value)
    spread = e.spread(None if drawn is None else drawn[:, [e.at]], 1)
    rest = rest_grouping(segment, value)
    alone = OUTSIDE not in e.groups[rest]
    n, effective = e.size(survey)
    out = {"segment": segment, "group": group_key(segment, value), "index": float(index[e.at])}
    out |= {name: v[0] for name, v in spread.items()}
    difference, against = np.nan, None
    if not alone:
        (a, a_drawn), (b, b_drawn) = e.index(rest, INSIDE), e.index(rest, OUTSIDE)
        difference = float(a[e.at] - b[e.at])
        against = None if a_drawn is None or b_drawn is None else (a_drawn - b_drawn)[:, [e.at]]
    tested = e.spread(against, 1, null=0.0)
    return {
        **out,
        "difference": difference,
        "difference_ci_low": tested["ci_low"][0],
        "difference_ci_high": tested["ci_high"][0],
        "p_value": tested["p_value"][0],
        "n": n,
        "n_effective": effective,
        "small": bool(n < 30),
    }


def waves_table(e: Estimate) -> pd.DataFrame | None:
    """Index of every construct in every wave; None with one wave."""
    if not e.waves:
        return None
    frames = []
    for wave in e.waves:
        value, drawn = e.index(WAVES, wave)
        n, effective = e.size(e.used.wave(wave))
        spread = e.spread(drawn, len(value))
        columns = {"construct": list(e.model.names), "wave": wave, "index": value, **spread, "n": n, "n_effective": effective}
        frames.append(pd.DataFrame(columns))
    return _by_construct(e, frames)


def changes_table(e: Estimate) -> pd.DataFrame | None:
    """Change of every construct's index from each wave to the next; p adjusted by Holm within the construct."""
    if not e.waves:
        return None
    frames = []
    for first, last in zip(e.waves, e.waves[1:], strict=False):
        change, drawn = _change(e, first, last)
        spread = e.spread(drawn, len(change), null=0.0)
        columns = {"construct": list(e.model.names), "wave_from": first, "wave_to": last, "change": change, **spread}
        frames.append(pd.DataFrame(columns))
    out = _by_construct(e, frames)
    out["p_adjusted"] = out.groupby("construct", sort=False)["p_value"].transform(lambda p: holm(p))
    return out


def _by_construct(e: Estimate, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put frames with one row per construct together, construct by construct."""
    joined = pd.concat(frames, ignore_index=True)
    place = {name: j for j, name in enumerate(e.model.names)}
    return joined.sort_values("construct", key=lambda c: c.map(place), kind="stable", ignore_index=True)


def _change(e: Estimate, first: str, last: str) -> tuple[Array, Array | None]:
    (a, a_drawn), (b, b_drawn) = e.index(WAVES, first), e.index(WAVES, last)
    return b - a, None if a_drawn is None or b_drawn is None else b_drawn - a_drawn


def pairs_of_waves(e: Estimate, options: Options) -> list[tuple[str, str]]:
    """Return the pairs of waves whose change is decomposed: the last two, and the first with the last.

    Raises OptionError where the option `decompose` names waves that there are not, or one wave twice.
    """
    if options.decompose is None:
        return list(dict.fromkeys([e.waves[-2:], (e.waves[0], e.waves[-1])])) if e.waves else []  # type: ignore[list-item]
    first, last = options.decompose
    wrong = [unknown(w, e.waves, what="wave", where="option decompose") for w in (first, last) if w not in e.waves]
    if wrong:
        raise OptionError(wrong)
    if first == last:
        raise OptionError(f"'{first}' twice", where="option decompose", allowed="two different waves", mend="name another wave")
    return [(first, last)]


def decomposition_table(e: Estimate, pairs: list[tuple[str, str]]) -> pd.DataFrame | None:
    """What the change of the target came from; the contributions of a pair sum to the change exactly.

    Columns ``wave_from wave_to construct shift own_shift total_effect contribution std_error ci_low ci_high p_value``. The row of
    the target itself is what its drivers do not explain. See `csr_lib.stats.pls_bootstrap.change_contributions`.
    """
    frames = []
    names = e.model.names
    rows = [names.index(n) for n in (*e.model.ancestors(e.target), e.target)]
    effect = effects_on(e, e.target)
    paths = e.fit.paths["unstandardised"].to_numpy()
    for first, last in pairs:
        change, drawn = _change(e, first, last)
        own, parts = change_contributions(paths, change, e.fit.plan, e.target)
        drawn_paths = e.of("paths_unstandardised")
        draws = None
        if drawn is not None and drawn_paths is not None:
            draws = change_contributions(drawn_paths, drawn, e.fit.plan, e.target)[1][:, rows]
        frames.append(
            pd.DataFrame(
                {
                    "wave_from": first,
                    "wave_to": last,
                    "construct": [names[j] for j in rows],
                    "shift": change[rows],
                    "own_shift": own[rows],
                    "total_effect": [effect.get(names[j], 1.0) for j in rows],
                    "contribution": parts[rows],
                    **e.spread(draws, len(rows), null=0.0),
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else None


def effects_on(e: Estimate, target: str) -> dict[str, float]:
    """Return the unstandardised total effect of every construct that leads to `target`."""
    effects = e.fit.effects[e.fit.effects["target"] == target]
    return dict(zip(effects["source"], effects["total_unstandardised"].astype(float), strict=True))


# ---- roll-up and hypotheses


def rollup_table(e: Estimate, tree: Tree, hidden: set[Unit]) -> pd.DataFrame | None:
    """Index of the target from the nation down to the lowest level, by the given shares; units in `hidden` are left out.

    Columns ``level group parent share index std_error ci_low ci_high n n_effective``. Units without answers, and what stands
    above them, are left out as well.
    """
    labels = e.groups[LEAVES]
    points = {u: np.asarray(e.index(LEAVES, u[1])[0][e.at]) for u in tree.leaves if u[1] in labels}
    index = tree.roll_up(points)
    drawn = {}
    if LEAVES in e.drawn:
        drawn = tree.roll_up({u: e.drawn[LEAVES][:, labels.index(u[1]), e.at] for u in points})
    rows = []
    for unit in _top_down(tree, WHOLE):
        if unit in hidden or unit not in index:
            continue
        level, value = unit
        there = e.described if unit == WHOLE else e.described.where({level: value})
        parent = tree.parent.get(unit)
        n, effective = e.size(there)
        spread = e.spread(drawn[unit][:, None] if unit in drawn else None, 1)
        rows.append(
            {
                "level": level,
                "group": NATION if unit == WHOLE else group_key(level, value),
                "parent": "" if parent is None else NATION if parent == WHOLE else group_key(*parent),
                "share": tree.share.get(unit, 1.0),
                "index": float(index[unit]),
                **{name: v[0] for name, v in spread.items()},
                "n": n,
                "n_effective": effective,
            }
        )
    return pd.DataFrame(rows) if rows else None


def _top_down(tree: Tree, unit: Unit) -> Iterator[Unit]:
    yield unit
    for child in tree.children.get(unit, ()):
        yield from _top_down(tree, child)


def hypotheses_table(e: Estimate, effects: pd.DataFrame) -> pd.DataFrame | None:
    """The study's hypotheses, held against the direct path, or the total effect where there is no direct one; None without any.

    Columns ``hypothesis source target expected tested_as estimate ci_low ci_high p_value status``. ``status``: ``supported``
    (expected sign, p below 1 − confidence), ``opposite`` (the other sign, p so), ``not_supported``, ``untested`` (no path),
    ``undecided`` (the model has no solution that a population could have).
    """
    stated = e.people.study.hypotheses
    if not stated or e.draws is None:
        return None
    out = []
    sound = not faults([*e.climb.results, e.fit])
    found = {(r.source, r.target): vars(r) for r in rows(effects)}
    for h in stated:
        row: dict[str, Any] = {"hypothesis": h.id, "source": h.from_, "target": h.to, "expected": "+" if h.sign == "+" else "−"}
        tested_as = "direct" if (h.from_, h.to) in e.model.paths else "total" if (h.from_, h.to) in found else ""
        row["tested_as"] = tested_as or "none"
        row["estimate"] = found[h.from_, h.to][tested_as] if tested_as else np.nan
        for c in ("ci_low", "ci_high", "p_value"):
            row[c] = found[h.from_, h.to][f"{tested_as}_{c}"] if tested_as else np.nan
        right = (row["estimate"] > 0) == (h.sign == "+")
        firm = row["p_value"] < 1 - e.level
        row["status"] = "untested" if not tested_as else "not_supported" if not firm else "supported" if right else "opposite"
        if tested_as and not sound:
            row["status"] = "undecided"
        out.append(row)
    return pd.DataFrame(out)
