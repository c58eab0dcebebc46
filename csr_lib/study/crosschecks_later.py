"""Cross checks of the later parts of study.yml: theory, judgements, targets, operations, warnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from csr_lib.core.errors import Problem, StudyError, unknown
from csr_lib.study.crosschecks import by_segment, known_waves, segment_values
from csr_lib.study.schema import Study
from csr_lib.study.schema_following import Metric


def model(study: Study) -> Iterator[Problem]:
    """A template or paths, and a Model that hangs together."""
    entry = study.model
    if entry is None:
        return
    if (entry.template is None) == (entry.paths is None):
        yield Problem(
            "has a template and paths" if entry.template else "has neither a template nor paths",
            study.at("model"),
            "template: acsi | ecsi | tcsi | ccsi, or paths: {Source: [Target]}",
            "keep the one that is meant",
        )
        return
    try:
        study.build_model()
    except StudyError as error:
        for problem in error.problems:
            place = problem.where.split(".")
            there = place[0] in study.model_fields_set
            where = problem.where if problem.where.startswith(study.file_name) else study.at(*(place if there else ["model"]))
            yield Problem(problem.what, where, problem.allowed, problem.mend)


def hypotheses(study: Study) -> Iterator[Problem]:
    """Hypotheses have ids of their own and name constructs."""
    seen: set[str] = set()
    for position, entry in enumerate(study.hypotheses):
        where = study.at("hypotheses", position)
        if entry.id in seen:
            yield Problem(f"the id '{entry.id}' stands twice", where, "an id for each hypothesis", "rename one")
        seen.add(entry.id)
        for key, name in (("from", entry.from_), ("to", entry.to)):
            if name not in study.constructs:
                yield unknown(name, study.constructs, what="construct", where=study.at("hypotheses", position, key))


def standards(study: Study) -> Iterator[Problem]:
    """Standards and promises are of indicators and lie on the scale of their perception."""
    for key in ("standards", "promises"):
        for name, value in getattr(study, key).items():
            where = study.at(key, name)
            if name not in study.indicators:
                yield unknown(name, study.indicators, what="indicator", where=where)
                continue
            rating = study.rating(name)
            if rating and not rating.scale.min <= value <= rating.scale.max:
                yield Problem(
                    f"{value:g} is off the scale of '{name}'",
                    where,
                    f"{rating.scale.min:g} to {rating.scale.max:g}",
                    "write it on the scale of the perception",
                )


def rollup(study: Study) -> Iterator[Problem]:
    """Levels of a roll-up and markets are segments."""
    if study.rollup:
        for position, level in enumerate(study.rollup.levels):
            if level not in study.segments:
                yield unknown(level, study.segments, what="segment", where=study.at("rollup", "levels", position))
        for level in study.rollup.shares:
            if level not in study.rollup.levels:
                yield unknown(level, study.rollup.levels, what="level", where=study.at("rollup", "shares", level))
        known = {k: v for k, v in study.rollup.shares.items() if k in study.segments}
        yield from by_segment(study, ("rollup", "shares"), known)
    if study.markets:
        if study.markets.segment not in study.segments:
            yield unknown(study.markets.segment, study.segments, what="segment", where=study.at("markets", "segment"))
        else:
            values = segment_values(study, study.markets.segment)
            for value in study.markets.competitiveness:
                if values is not None and value not in values:
                    where = study.at("markets", "competitiveness", value)
                    yield unknown(value, values, what=f"value of {study.markets.segment}", where=where)


def evaluation(study: Study) -> Iterator[Problem]:
    """Grades on the scale; weights name constructs and indicators; matrices are square, reciprocal, as large as their node."""
    yield from _grades(study)
    yield from _goal(study)
    names = [*study.constructs, *study.indicators]
    for expert, weights in study.evaluation.experts.items():
        for name in weights:
            if name not in names:
                where = study.at("evaluation", "experts", expert, name)
                yield unknown(name, names, what="construct or indicator", where=where)
        if weights and not any(weights.values()):
            yield Problem("all weights are 0", study.at("evaluation", "experts", expert), "a weight above 0", "fill them in")
    for node, experts in study.evaluation.ahp.items():
        if node != "goal" and node not in study.constructs:
            yield unknown(node, ["goal", *study.constructs], what="node", where=study.at("evaluation", "ahp", node))
            continue
        for expert, matrix in experts.items():
            yield from _matrix(study, node, expert, matrix)
    judges = dict.fromkeys([*study.evaluation.experts, *(e for of in study.evaluation.ahp.values() for e in of)])
    for expert in study.evaluation.shares:
        if expert not in judges:
            yield unknown(expert, judges, what="expert", where=study.at("evaluation", "shares", expert))
    if study.evaluation.shares:
        for expert in judges:
            if expert not in study.evaluation.shares:
                yield Problem(
                    f"expert '{expert}' has no share", study.at("evaluation", "shares"), "a share for every expert", "add it"
                )


def _grades(study: Study) -> Iterator[Problem]:
    """Grades rise or fall on the study's scale; labels and values are one each."""
    entry = study.evaluation
    where = study.at("evaluation", "grades")
    if entry.grades is None:
        for key in ("labels", "values", "membership"):
            if getattr(entry, key) is not None:
                yield Problem(
                    f"{key} of grades that are not named", study.at("evaluation", key), "grades: […]", "name the grades"
                )
        return
    steps = [b - a for a, b in pairwise(entry.grades)]
    if not (all(s > 0 for s in steps) or all(s < 0 for s in steps)):
        yield Problem("the grades neither rise nor fall", where, "such as [1, 2, 3, 4, 5]", "put them in order, each once")
    off = [f"{g:g}" for g in entry.grades if not study.scale.min <= g <= study.scale.max]
    if off:
        allowed = f"points from {study.scale.min:g} to {study.scale.max:g}"
        yield Problem(f"grades off the study's scale: {', '.join(off)}", where, allowed, "write them on `scale`")
    for key in ("labels", "values"):
        given = getattr(entry, key)
        if given is not None and len(given) != len(entry.grades):
            what = f"{len(given)} {key} for {len(entry.grades)} grades"
            yield Problem(what, study.at("evaluation", key), "one for each grade", "add or remove some")
    if "plateau" in entry.model_fields_set and entry.membership != "trapezoid":
        yield Problem("only a trapezoid has a plateau", study.at("evaluation", "plateau"), "membership: trapezoid", "take it out")


def _goal(study: Study) -> Iterator[Problem]:
    """What makes up the whole exists, and nothing in it is part of another."""
    known = []
    for position, name in enumerate(study.evaluation.of):
        where = study.at("evaluation", "of", position)
        if name not in study.constructs:
            yield unknown(name, study.constructs, what="construct", where=where)
        else:
            known.append((name, where))
    below = {part: name for name, _ in known for part in study.parts(name)}
    for name, where in known:
        if name in below:
            yield Problem(f"'{name}' is part of '{below[name]}'", where, "constructs beside one another", "take one of them out")


def _matrix(study: Study, node: str, expert: str, matrix: Sequence[Sequence[float]]) -> Iterator[Problem]:
    where = study.at("evaluation", "ahp", node, expert)
    size = len(matrix)
    if any(len(row) != size for row in matrix):
        yield Problem("the judgement matrix is not square", where, f"{size} rows of {size} numbers", "fill it in")
        return
    if node == "goal" and not study.evaluation.of:
        below = {part for entry in study.constructs.values() for part in entry.of}
        most = len([c for c in study.constructs if c not in below])
        fits, allowed = size <= most, f"at most {most} rows, one per construct of the highest level"
    else:
        entry = study.constructs.get(node)
        children = (*entry.of, *entry.indicators) if entry else study.evaluation.of
        fits, allowed = size == len(children), f"{len(children)} rows: {', '.join(children)}"
    if not fits:
        yield Problem(f"the judgement matrix of '{node}' has {size} rows", where, allowed, "one row per child, in their order")
    for i in range(size):
        for j in range(i, size):
            if abs(matrix[i][j] * matrix[j][i] - 1) > 0.05:
                yield Problem(
                    f"row {i + 1}, column {j + 1} is {matrix[i][j]:g}, but row {j + 1}, column {i + 1} is {matrix[j][i]:g}",
                    where,
                    "1 on the diagonal, and a value below it that is one over the value above (3 and 1/3)",
                    "correct one of the two",
                )


def _measures(study: Study) -> list[str]:
    metrics = study.operations.metrics if study.operations else {}
    return [*study.outcomes, *study.constructs, *study.indicators, *metrics]


def targets(study: Study) -> Iterator[Problem]:
    """Targets are of outcomes, constructs or indicators, for waves that exist."""
    order = known_waves(study)
    known = [*study.outcomes, *study.constructs, *study.indicators]
    for key in ("targets", "benchmarks"):
        for name, values in getattr(study, key).items():
            if key == "targets" and name not in known:
                yield unknown(name, known, what="outcome, construct or indicator", where=study.at(key, name))
            for wave in values:
                if wave != "all" and order is not None and wave not in order:
                    yield unknown(wave, order, what="wave", where=study.at(key, name, wave))


def changed(study: Study) -> Iterator[Problem]:
    """Questions change from waves on that exist."""
    order = known_waves(study)
    for name, entry in study.indicators.items():
        for wave in entry.changed:
            if order is not None and wave not in order:
                yield unknown(wave, order, what="wave", where=study.at("indicators", name, "changed", wave))


_NEEDS = {"rate": ("numerator",), "duration": ("from_", "to"), "count": (), "value": ("column",)}
_TAKES = {
    "rate": {"numerator", "denominator"},
    "duration": {"from_", "to", "limit", "statistic", "where", "by"},
    "count": {"where"},
    "value": {"column", "statistic", "where"},
}


def operations(study: Study) -> Iterator[Problem]:
    """Metrics have what their kind needs and nothing that it ignores."""
    entry = study.operations
    if entry is None:
        return
    known = ["time", "respondent", "wave", *study.segments]
    for name in entry.columns:
        if name not in known:
            yield unknown(name, known, what="column", where=study.at("operations", "columns", name))
    for name, metric in entry.metrics.items():
        yield from _metric(study, name, metric)


def _metric(study: Study, name: str, metric: Metric) -> Iterator[Problem]:
    where = study.at("operations", "metrics", name)
    needs = [k.rstrip("_") for k in _NEEDS[metric.kind] if not getattr(metric, k)]
    if needs:
        takes = ", ".join(sorted(k.rstrip("_") for k in _TAKES[metric.kind]))
        yield Problem(f"a {metric.kind} needs {' and '.join(needs)}", where, takes, "add it")
    special = {"numerator", "denominator", "where", "column", "from_", "to", "limit"}
    for key in sorted((special - _TAKES[metric.kind]) & metric.model_fields_set):
        yield Problem(
            f"a {metric.kind} has no {key.rstrip('_')}",
            where,
            ", ".join(sorted(_TAKES[metric.kind])).replace("from_", "from"),
            "take it out",
        )
    if metric.target is not None and isinstance(metric.target, timedelta) != (metric.kind == "duration"):
        allowed = "a duration such as 6h" if metric.kind == "duration" else "a number"
        yield Problem(
            "the target does not fit the kind",
            study.at("operations", "metrics", name, "target"),
            allowed,
            "add or remove the unit",
        )
    if metric.kind == "rate" and isinstance(metric.target, float) and not 0 <= metric.target <= 1:
        yield Problem(
            f"the target {metric.target:g} is no share",
            study.at("operations", "metrics", name, "target"),
            "0 to 1, as in .95",
            "write it as a share",
        )


def warnings(study: Study) -> Iterator[Problem]:
    """Warnings watch something that exists, for tiers that exist, with levels that get worse from yellow to red."""
    tiers = segment_values(study, "tier") if "tier" in study.segments else ()
    for name, rule in study.warnings.items():
        if rule.measure not in _measures(study):
            yield unknown(rule.measure, _measures(study), what="measure", where=study.at("warnings", name, "measure"))
            continue
        metric = study.operations.metrics.get(rule.measure) if study.operations else None
        for tier, levels in rule.tiers.items():
            where = study.at("warnings", name, "tiers", tier)
            if tier != "all" and tiers is not None and tier not in tiers:
                yield unknown(tier, ["all", *tiers], what="value of segment tier", where=where)
            given = [v for v in (levels.yellow, levels.orange, levels.red) if v is not None]
            long = metric is not None and metric.kind == "duration"
            if any(isinstance(v, timedelta) != long for v in given):
                allowed = "durations such as 6h" if long else "numbers"
                yield Problem("a level does not fit the measure", where, allowed, "add or remove the unit")
                continue
            pairs = list(pairwise(given))
            wrong = [a > b if rule.better == "low" else a < b for a, b in pairs]  # type: ignore[operator]
            if not given or any(wrong):
                order = "rise" if rule.better == "low" else "fall"
                yield Problem(
                    "the levels are not in order" if given else "no level is given",
                    where,
                    f"yellow, orange, red that {order} (better: {rule.better})",
                    "correct them, or `better`",
                )
