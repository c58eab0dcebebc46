"""May the model be believed? The checks of a satisfaction index, each with its worst value and the names concerned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.analyses._discriminant import judge_htmt
from csr_lib.analyses._rows import rows
from csr_lib.core.check import Check
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.text import LANGUAGES, number, text, words
from csr_lib.stats.pls import PLSResult

Label = Callable[[str], Any]


def with_value(label: Any, value: float, kind: str = "decimal") -> dict[str, str]:
    """Return a label with a number behind it, in every language."""
    brackets = {"zh": "{}（{}）", "en": "{} ({})"}
    return {lang: brackets[lang].format(words(label, lang), number(value, kind)) for lang in LANGUAGES}


def joined(first: Any, second: Any, sign: str) -> dict[str, str]:
    """Return two labels with a sign between them, in every language."""
    return {lang: f"{words(first, lang)} {sign} {words(second, lang)}" for lang in LANGUAGES}


def judged(
    key: str, cutoff: str, values: Mapping[Any, float], name: Callable[[Any], Any], kind: str = "decimal", most: int = 6
) -> Check | None:
    """Return the check of many values against one cut-off: the worst one, and those that have its verdict, from the worst on.

    At most `most` are named (``names`` with their values, ``plain`` without). None where there are no values.
    """
    known = {k: float(v) for k, v in values.items()}
    if not known:
        return None
    rule = CUTOFFS[cutoff]
    lowest_first = rule.direction == "at_least"
    order = sorted(known, key=lambda k: (0 if np.isnan(known[k]) else 1, known[k] if lowest_first else -known[k]))
    worst = order[0]
    verdict = rule.verdict(known[worst])
    beyond = [k for k in order if rule.verdict(known[k]) == verdict != "pass"]
    rest = [{"zh": f"另外 {len(beyond) - most} 项", "en": f"{len(beyond) - most} more"}] if len(beyond) > most else []
    names = [*(with_value(name(k), known[k], kind) for k in beyond[:most]), *rest]
    plain = [*(name(k) for k in beyond[:most]), *rest]
    return Check.against(key, known[worst], cutoff, worst=name(worst), names=names, plain=plain)


def model_checks(
    fit: PLSResult,
    target: str,
    label: Label,
    *,
    signs: Mapping[tuple[str, str], int],
    paths: pd.DataFrame,
    htmt: pd.DataFrame | None,
    alpha: float,
    lower: Sequence[PLSResult] = (),
) -> list[Check]:
    """Return the checks of the measurement model and of the paths.

    Parameters
    ----------
    fit : the estimated model.
    label : key -> label.
    signs : path -> 1 or −1 where the theory (or a hypothesis) says which.
    paths : the table of paths with intervals.
    htmt : that of pairs of constructs, None where there are none.
    alpha : 1 − confidence; a path against the theory fails where its p-value is below.
    lower : the stages below, where the model has higher-order constructs.
    """
    constructs, items = rows(fit.constructs), rows(fit.items)
    several = [c for c in constructs if c.n_items > 1 and c.mode != "B"]
    measured = {c.construct for c in several}
    inner = {c.construct: c.r2 for c in constructs if not np.isnan(c.r2)}
    vifs = {(r.source, r.target): r.vif for r in rows(fit.paths)}
    errors = {(r.source, r.target): r.std_error for r in rows(paths) if not np.isnan(r.std_error)}
    checks: list[Check | None] = [_n_per_parameter(fit, label)]
    if fit.moments.missing == "pairwise" and fit.moments.n_missing:
        smallest = fit.moments.smallest_eigenvalue
        verdict: Any = "pass" if fit.moments.positive_semidefinite else "fail"
        checks.append(Check("index_definite", verdict, smallest, 0.0))
    checks.append(Check("index_convergence", "pass", float(fit.iterations), source="wold1982"))
    checks += [
        judged("construct_alpha", "alpha", {c.construct: c.alpha_raw for c in several}, label),
        judged("construct_rho_a", "rho_a", {c.construct: c.rho_a for c in several if not c.rho_a > 1}, label),
        judged("construct_rho_c", "rho_c", {c.construct: c.rho_c for c in several}, label),
        _rho_range({c.construct: c.rho_a for c in several}, label),
        judged("construct_ave", "ave", {c.construct: c.ave for c in several}, label),
        judged("item_loading", "loading", {i.item: i.loading for i in items if i.construct in measured}, label, "coefficient"),
        *_discriminant(fit, htmt, label),
        judged("structural_vif", "vif", vifs, lambda p: joined(label(p[0]), label(p[1]), "→")),
        judged("formative_vif", "vif", {i.item: i.vif for i in items if i.mode == "B"}, label),
        _negative_weights([*lower, fit], label),
        _admissible([*lower, fit], label),
        _beyond_one(fit, label),
        judged("path_std_error", "path_std_error", errors, lambda p: joined(label(p[0]), label(p[1]), "→"), "coefficient"),
        judged("explained_variance", "r_squared", {c: r2 for c, r2 in inner.items() if c == target and r2 <= 1}, label),
        judged("weak_equations", "r_squared", {c: r2 for c, r2 in inner.items() if c != target}, label, "coefficient"),
        _single_items([c.construct for c in constructs if c.n_items == 1], label),
        _expected_signs(paths, signs, label, alpha),
    ]
    return [c for c in checks if c is not None]


def _n_per_parameter(fit: PLSResult, label: Label) -> Check:
    """The rule of ten: answers per influence in the largest regression (paths into a construct, items of a mode B construct)."""
    sizes = {c.name: len(fit.model.sources(c.name)) for c in fit.model.constructs}
    for c in fit.model.constructs:
        if c.mode == "B":
            sizes[c.name] = max(sizes[c.name], len(c.items))
    largest = max(sizes, key=lambda name: sizes[name])
    return Check.against(
        "index_n_per_parameter",
        fit.moments.n_smallest / sizes[largest],
        "n_per_parameter",
        largest=sizes[largest],
        construct=label(largest),
    )


def _rho_range(rho: Mapping[str, float], label: Label) -> Check | None:
    if not rho:
        return None
    names = [with_value(label(c), v) for c, v in rho.items() if not 0 <= v <= 1]
    worst = max(rho.values(), key=lambda v: abs(v - 0.5))
    return Check("rho_a_range", "fail" if names else "pass", worst, 1.0, "dijkstra2015", {"names": names})


def _htmt(fit: PLSResult, table: pd.DataFrame | None, pair: Callable[[Sequence[str]], Any]) -> Check | None:
    formed = {c.name for c in fit.model.constructs if c.mode == "B"}
    if table is None or (kept := table[~table["construct"].isin(formed) & ~table["other"].isin(formed)]).empty:
        return None
    verdict, concerned, values = judge_htmt(kept)
    shown = "ci_high" if verdict == "warn" else "estimate"
    plain = [pair((r.other, r.construct)) for r in rows(concerned)]
    names = [with_value(name, value, "coefficient") for name, value in zip(plain, concerned[shown], strict=True)]
    worst = max(rows(kept), key=lambda r: r.estimate)
    values |= {"worst": pair((worst.other, worst.construct)), "names": names, "plain": plain}
    rule = CUTOFFS["htmt"]
    return Check("discriminant_htmt", verdict, float(worst.estimate), rule.threshold, rule.source, values)


def _discriminant(fit: PLSResult, table: pd.DataFrame | None, label: Label) -> list[Check | None]:
    many = [c.name for c in fit.model.constructs if len(c.items) > 1 and c.mode != "B"]
    pairs = [(a, b) for i, a in enumerate(many) for b in many[:i]]

    def pair(names: Sequence[str]) -> Any:
        return joined(label(names[1]), label(names[0]), "–")

    names = list(fit.model.names)
    correlations = fit.correlations.to_numpy(dtype=float)
    place = {p: (names.index(p[0]), names.index(p[1])) for p in pairs}
    htmt = _htmt(fit, table, pair)
    ave = {c.construct: c.ave for c in rows(fit.constructs)}
    ratio = {(a, b): float(correlations[place[a, b]] ** 2 / min(ave[a], ave[b])) for a, b in pairs}
    if not ratio:
        return [htmt]
    worst = max(ratio, key=lambda p: ratio[p])
    broken = sorted((p for p in pairs if ratio[p] > 1), key=lambda p: -ratio[p])
    larcker = Check(
        "discriminant_fornell_larcker",
        "warn" if broken else "pass",
        ratio[worst],
        1.0,
        "fornell1981",
        {"worst": pair(worst), "names": [pair(p) for p in broken]},
    )
    return [htmt, larcker]


def faults(fits: Sequence[PLSResult]) -> list[Any]:
    """Return what no population could have in the estimates; loadings of dependent items (fault ``items``) are told elsewhere."""
    return [r for fit in fits for r in rows(fit.inadmissible) if r.fault != "items"]


def reflective(fits: Sequence[PLSResult]) -> bool:
    """Whether any construct is estimated by consistent PLS, whose solution may be inadmissible."""
    return any(c.mode == "reflective" for fit in fits for c in fit.model.constructs)


def negative_weights(fit: PLSResult) -> list[str]:
    """Return the items whose outer weight is negative."""
    return [str(i) for i in fit.items.loc[fit.items["weight"] < 0, "item"]]


def _negative_weights(fits: Sequence[PLSResult], label: Label) -> Check:
    weights = {i.item: i.weight for fit in fits for i in rows(fit.items)}
    lowest = min(weights, key=lambda i: weights[i])
    negative = [i for i, weight in weights.items() if weight < 0]
    names = [with_value(label(i), weights[i], "coefficient") for i in negative]
    values = {"worst": label(lowest), "names": names, "plain": [label(i) for i in negative]}
    return Check("negative_weights", "fail" if names else "pass", weights[lowest], 0.0, "ringle2016", values)


def _admissible(fits: Sequence[PLSResult], label: Label) -> Check | None:
    """Whether consistent PLS stayed within what a population could have; None where no construct is reflective."""
    if not reflective(fits):
        return None

    def said(fault: Any) -> dict[str, str]:
        pair = joined(label(fault.name), label(fault.other), "–") if fault.fault == "correlation" else label(fault.name)
        key = f"satisfaction_index.fault.{fault.fault}"
        return {lang: text(key, lang, name=words(pair, lang), value=fault.value) for lang in LANGUAGES}

    names = list({words(name, "en"): name for name in map(said, faults(fits))}.values())
    return Check(
        "model_admissible", "fail" if names else "pass", float(len(names)), 0.0, "dijkstra2015", {"names": names, "plain": names}
    )


def _beyond_one(fit: PLSResult, label: Label) -> Check | None:
    size = {(r.source, r.target): abs(r.estimate) for r in rows(fit.paths)}
    return judged("path_beyond_one", "std_path", size, lambda p: joined(label(p[0]), label(p[1]), "→"), "coefficient")


def _single_items(single: Sequence[str], label: Label) -> Check:
    names = [label(name) for name in single]
    return Check("single_items", "warn" if names else "pass", float(len(names)), 0.0, "hair2022", {"names": names})


def _expected_signs(paths: pd.DataFrame, signs: Mapping[tuple[str, str], int], label: Label, alpha: float) -> Check | None:
    expected = [r for r in rows(paths) if (r.source, r.target) in signs]
    if not expected:
        return None
    against = [r for r in expected if r.estimate * signs[r.source, r.target] < 0]
    firm = [r for r in against if r.p_value < alpha]
    names = [with_value(joined(label(r.source), label(r.target), "→"), r.estimate, "coefficient") for r in (firm or against)]
    verdict: Any = "fail" if firm else "warn" if against else "pass"
    plain = [joined(label(r.source), label(r.target), "→") for r in (firm or against)]
    return Check("expected_sign", verdict, float(len(against)), 0.0, "", {"names": names, "plain": plain})


def draw_checks(
    failed: int, resamples: int, flips: Mapping[str, float], label: Label, inadmissible: int | None = None
) -> list[Check]:
    """Return the checks of the bootstrap: draws that failed, those that no population could have (`inadmissible`; None where the
    mode of the constructs rules them out), and items whose weight changes its sign (`flips`, share by item)."""
    if not resamples:
        return []
    checks = [Check.against("index_failed_draws", failed / resamples, "failed_draws", failed=failed, resamples=resamples)]
    if inadmissible is not None and failed < resamples:
        worked = resamples - failed
        values = {"inadmissible": inadmissible, "worked": worked}
        checks.append(Check.against("inadmissible_draws", inadmissible / worked, "inadmissible_draws", **values))
    flipped = judged("sign_flips", "sign_flips", flips, label, "share")
    return [*checks, *([flipped] if flipped else [])]


def group_check(sizes: Sequence[tuple[Any, float]]) -> Check | None:
    """Return the check of the sizes of all groups shown (label, respondents); small ones are named."""
    if not sizes:
        return None
    least = CUTOFFS["group_n"].threshold
    small = sorted((s for s in sizes if s[1] < least), key=lambda s: s[1])
    names = [with_value(name, n, "count") for name, n in small]
    smallest = float(min(n for _, n in sizes))
    values = {"names": names, "plain": [name for name, _ in small]}
    return Check("index_small_groups", "warn" if small else "pass", smallest, least, CUTOFFS["group_n"].source, values)
