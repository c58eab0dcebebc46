"""What single keys cannot show: names that must exist, numbers that must lie on a scale, models that must hang together.

Each check takes the study and yields Problems; `cross_check` runs them all. The later parts of study.yml (theory, targets,
operations) are checked in `crosschecks_later`.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping

from csr_lib.core.errors import Problem, unknown
from csr_lib.study.coding import as_number, fold
from csr_lib.study.parts import Scale
from csr_lib.study.schema import Rating, Study
from csr_lib.study.schema_measured import KINDS

#: Names that filters and tables use for other things.
RESERVED = ("wave", "role", "brand")
CLEANING_RULES = ("speeder", "straight_line", "long_string", "identical", "attention", "duplicate", "contradictions")

Check = Callable[[Study], Iterable[Problem]]


def cross_check(study: Study) -> list[Problem]:
    """Return every problem that shows only when the parts of a study are held against each other."""
    from csr_lib.study import crosschecks_later as later

    first = list(constructs(study))
    checks: list[Check] = [files, waves, segments, questions, ratings, outcomes, weights, sampling, cleaning, competition]
    if not first:  # a circle or an unknown indicator would make these fail or repeat it
        checks += [later.model, later.evaluation]
    checks += [later.hypotheses, later.standards, later.rollup, later.targets, later.changed, later.operations, later.warnings]
    return [*first, *(problem for check in checks for problem in check(study))]


def segment_values(study: Study, segment: str) -> tuple[str, ...] | None:
    """Return the codes that study.yml gives a segment; None where it takes them as they come."""
    entry = study.segments[segment]
    if entry.bins:
        return entry.bin_codes()
    return tuple(entry.values) if entry.values is not None else entry.order


def known_waves(study: Study) -> tuple[str, ...] | None:
    """Return the waves that study.yml names; None where they are taken as they come."""
    key = study.wave_key
    if key is None:
        return ()
    return key.order


def by_segment(study: Study, path: tuple[str, ...], given: Mapping[str, Iterable[str]]) -> Iterator[Problem]:
    """Check the keys of ``{segment: {value: …}}``."""
    for segment, values in given.items():
        if segment not in study.segments:
            yield unknown(segment, study.segments, what="segment", where=study.at(*path, segment))
            continue
        known = segment_values(study, segment)
        for value in values:
            if known is not None and value not in known:
                yield unknown(value, known, what=f"value of {segment}", where=study.at(*path, segment, value))


def files(study: Study) -> Iterator[Problem]:
    """Each file once, encodings that exist, one source of weights."""
    seen: dict[tuple[str, str | None], int] = {}
    for position, entry in enumerate(study.answers):
        key = (entry.file, entry.sheet)
        if key in seen:
            yield Problem(
                f"the file '{entry.file}' stands twice",
                study.at("answers", position),
                "each file once",
                "take one out: its answers would count twice",
            )
        seen[key] = position
    named = [(("encoding",), study.encoding)]
    named += [(("answers", p, "encoding"), e.encoding) for p, e in enumerate(study.answers) if e.encoding]  # type: ignore[misc]
    if study.operations and study.operations.encoding:
        named.append((("operations", "encoding"), study.operations.encoding))  # type: ignore[arg-type]
    for path, encoding in named:
        try:
            codecs.lookup(encoding) if encoding != "auto" else None
        except LookupError:
            known = ("auto", "utf-8", "utf-16", "gb18030", "gbk", "big5", "cp1252", "latin-1")
            yield unknown(encoding, known, what="encoding", where=study.at(*path))


def waves(study: Study) -> Iterator[Problem]:
    """A wave comes from a column or from the files; order, periods and labels name the same waves."""
    if study.wave is None:
        named = [f.wave is not None for f in study.answers]
        if any(named) and not all(named):
            yield Problem(
                "some files have a wave, others none", study.at("answers"), "a wave for every file", "give each its wave"
            )
        return
    if study.wave.column is None and not all(f.wave for f in study.answers):
        yield Problem(
            "the wave of the answers is not known",
            study.at("wave"),
            "wave: {column: …}, or a wave for every file under `answers`",
            "name the column that holds it",
        )
    order = study.wave.order
    if order is None:
        return
    if len(set(order)) < len(order):
        yield Problem("a wave stands twice", study.at("wave", "order"), "each wave once", "take one of them out")
    for position, entry in enumerate(study.answers):
        if entry.wave is not None and entry.wave not in order:
            yield unknown(entry.wave, order, what="wave", where=study.at("answers", position, "wave"))
    for key in ("periods", "labels"):
        for wave in getattr(study.wave, key):
            if wave not in order:
                yield unknown(wave, order, what="wave", where=study.at("wave", key, wave))


def segments(study: Study) -> Iterator[Problem]:
    """Names that are free, and one way of coding each."""
    for name, entry in study.segments.items():
        where = study.at("segments", name)
        if name in RESERVED:
            yield Problem(
                f"'{name}' cannot name a segment",
                where,
                f"any name but {', '.join(RESERVED)}",
                f"rename it, or use `{name}:` itself",
            )
        if entry.bins and (entry.values or entry.order):
            yield Problem("has bins and values", where, "bins, or values and order", "take one of them out")
        if entry.order and len(set(entry.order)) < len(entry.order):
            yield Problem("a code stands twice in its order", where, "each code once", "take one of them out")
        if entry.values and entry.order:
            for code in entry.order:
                if code not in entry.values:
                    yield unknown(code, entry.values, what="code", where=study.at("segments", name, "order"))


def questions(study: Study) -> Iterator[Problem]:
    """`columns` are for several choices."""
    for name, entry in study.questions.items():
        where = study.at("questions", name)
        if entry.columns and (entry.type != "multi" or entry.column):
            yield Problem(
                "has `columns`" + (" and `column`" if entry.column else f" and is of type {entry.type}"),
                where,
                "columns: […] for type multi; column: … for the others",
                "keep the one that is meant",
            )


def constructs(study: Study) -> Iterator[Problem]:
    """Constructs have indicators or constructs that exist, and none is part of itself."""
    for name, entry in study.constructs.items():
        at = ("constructs", name)
        if not entry.indicators and not entry.of:
            yield Problem(
                f"construct '{name}' has no items",
                study.at(*at),
                "indicators: […] or of: […]",
                "name its indicators, or take it out",
            )
        for position, indicator in enumerate(entry.indicators):
            if indicator not in study.indicators:
                yield unknown(indicator, study.indicators, what="indicator", where=study.at(*at, "indicators", position))
        for position, part in enumerate(entry.of):
            if part not in study.constructs:
                yield unknown(part, study.constructs, what="construct", where=study.at(*at, "of", position))
        if name in study.indicators:
            yield Problem(
                f"'{name}' is an indicator and a construct", study.at(*at), "different names", "write constructs in CamelCase"
            )
        if _reaches(study, name, name):
            yield Problem(
                f"construct '{name}' is a part of itself",
                study.at(*at, "of"),
                "levels that never lead back to where they start",
                "take it out of the constructs below it",
            )


def _reaches(study: Study, start: str, goal: str) -> bool:
    seen: set[str] = set()
    waiting = list(study.constructs[start].of)
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        if name not in seen and name in study.constructs:
            seen.add(name)
            waiting += study.constructs[name].of
    return False


def ratings(study: Study) -> Iterator[Problem]:
    """A column is coded in one way, serves one indicator, and no missing code is a valid answer."""
    first: dict[str, Rating] = {}
    told: set[str] = set()
    for rating in [*study.ratings(), *study.outcome_ratings()]:
        before = first.setdefault(rating.column, rating)
        if (before.scale, set(before.missing)) != (rating.scale, set(rating.missing)) and rating.column not in told:
            told.add(rating.column)
            yield Problem(
                f"column '{rating.column}' has another scale or other missing codes than under {before.key}",
                rating.key,
                "one scale and one list of missing codes per column",
                "make them equal, or give one of the two another column",
            )
        if rating.key not in told:
            told.add(rating.key)
            yield from _missing_on_scale(rating)
    for kind in KINDS:
        owner: dict[tuple[str, str], str] = {}
        for indicator in study.indicators:
            rating_of = study.rating(indicator, kind)
            if rating_of is None:
                continue
            other = owner.setdefault((kind, rating_of.column), indicator)
            if other != indicator:
                yield Problem(
                    f"column '{rating_of.column}' is the {kind} of '{other}' too",
                    rating_of.key,
                    "a column for each indicator",
                    "correct one of the two",
                )


def _missing_on_scale(rating: Rating) -> Iterator[Problem]:
    labels = _labels(rating.scale)
    for code in rating.missing:
        value = as_number(code)
        if rating.scale.holds(value) or fold(code) in labels:
            yield Problem(
                f"the missing code '{code}' is a valid answer of column '{rating.column}'",
                rating.key,
                f"codes that are not among the {rating.scale.describe()}",
                "give this item its own `missing: […]` (an empty list where none is needed), or correct the scale",
            )


def _labels(scale: Scale) -> set[str]:
    return {fold(str(v)) for named in scale.labels.values() for v in (named.values() if isinstance(named, Mapping) else [named])}


def outcomes(study: Study) -> Iterator[Problem]:
    """Outcomes name something that exists and can be read."""
    for name, outcome in study.outcomes.items():
        where = study.at("outcomes", name)
        if outcome.construct_ and outcome.column:
            yield Problem("names a column and a construct", where, "one of them", "take one out")
        if outcome.construct_ and outcome.construct_ not in study.constructs:
            yield unknown(outcome.construct_, study.constructs, what="construct", where=study.at("outcomes", name, "construct"))
        if (
            name in ("complaint", "defect")
            and outcome.yes is None
            and outcome.scale is None
            and not study.outcome_construct(name)
        ):
            yield Problem(
                "does not say which codes mean that it happened",
                where,
                "yes: [1], or a scale where it was rated",
                f"write {name}: {{column: {outcome.column or name}, yes: [1]}}",
            )
        rating = study.outcome_rating(name)
        if outcome.top and rating and outcome.top > rating.scale.span:
            yield Problem(
                f"top {outcome.top} takes in the whole scale",
                study.at("outcomes", name, "top"),
                f"fewer than the {rating.scale.span + 1:g} points of the scale",
                "count only the highest points",
            )


def weights(study: Study) -> Iterator[Problem]:
    """Weights are given or raked, not both; margins name segments and their values."""
    if study.case_weight and study.weighting:
        yield Problem("stands beside `case_weight`", study.at("weighting"), "one of the two", "take one out")
    if study.weighting:
        yield from by_segment(study, ("weighting", "margins"), study.weighting.margins)
        if study.weight_kind == "frequency":
            yield Problem("raked weights are no frequencies", study.at("weight_kind"), "sampling", "write weight_kind: sampling")


def sampling(study: Study) -> Iterator[Problem]:
    """Counts by segments and waves that exist."""
    entry = study.sampling
    for wave in entry.per_wave:
        order = known_waves(study)
        if order is not None and wave not in order:
            yield unknown(wave, order, what="wave", where=study.at("sampling", "per_wave", wave))
    parts = [(("sampling",), entry), *((("sampling", "per_wave", w), e) for w, e in entry.per_wave.items())]
    for path, counts in parts:
        yield from by_segment(study, (*path, "issued_by"), counts.issued_by)
        yield from by_segment(study, (*path, "quotas"), counts.quotas)
        if counts.strata and counts.strata not in study.segments:
            yield unknown(counts.strata, study.segments, what="segment", where=study.at(*path, "strata"))
        if counts.issued is not None and counts.returned is not None and counts.returned > counts.issued:
            yield Problem(
                f"{counts.returned} returned of {counts.issued} issued",
                study.at(*path, "returned"),
                f"at most {counts.issued}",
                "correct one of the two",
            )


def cleaning(study: Study) -> Iterator[Problem]:
    """Rules that can be applied; `exclude` names rules that are there."""
    entry = study.cleaning
    if entry.speeder is not None and not study.seconds:
        yield Problem(
            "the time taken is not known",
            study.at("cleaning", "speeder"),
            "seconds: <column> beside it",
            "name the column of the time taken, or take the rule out",
        )
    ids = [c.id for c in entry.contradictions]
    for double in sorted({i for i in ids if ids.count(i) > 1 or i in CLEANING_RULES}):
        yield Problem(f"the id '{double}' is taken", study.at("cleaning", "contradictions"), "unique ids", "rename it")
    for position, rule in enumerate(entry.exclude):
        where = study.at("cleaning", "exclude", position)
        if rule not in (*CLEANING_RULES, *ids):
            yield unknown(rule, [*CLEANING_RULES, *ids], what="rule", where=where)
        elif rule == "duplicate":
            if not study.respondent:
                yield Problem(
                    "duplicates cannot be looked for", where, "respondent: <column>", "name the column of the unique id"
                )
        elif rule in CLEANING_RULES and not getattr(entry, rule):
            yield Problem(f"the rule '{rule}' is not set", where, f"cleaning.{rule}", "set it, or take it out of `exclude`")


def competition(study: Study) -> Iterator[Problem]:
    """Market shares of brands, our own among them."""
    entry = study.competition
    if entry is None or not entry.shares:
        return
    if entry.us not in entry.shares:
        yield unknown(entry.us, entry.shares, what="brand", where=study.at("competition", "us"))
    if sum(entry.shares.values()) > 1.005:
        yield Problem(
            f"the shares add to {sum(entry.shares.values()):g}", study.at("competition", "shares"), "at most 1", "correct them"
        )
