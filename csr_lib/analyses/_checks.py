"""Checks that every analysis of a survey asks: is the sample large, whole and even enough?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from csr_lib.core.check import Check
from csr_lib.core.result import Basis
from csr_lib.core.text import LANGUAGES, text, words

if TYPE_CHECKING:
    from csr_lib.study import Survey


def sample_checks(survey: Survey, basis: Basis) -> list[Check]:
    """Return the checks of the sample that a result rests on.

    Parameters
    ----------
    survey : the answers that were analysed.
    basis : on whom the headline rests; its `n_missing` counts rows with missing answers among those analysed.

    Notes
    -----
    Size: effective n against 30. Missing: share of rows that lack an answer the analysis needed (5 %, 20 %). Excluded: share of
    the questionnaires read that cleaning dropped (5 %, 20 %); second entries of a questionnaire are in neither number. Weights,
    only where there are sampling weights: Kish's design effect n / n_eff (2, 3). Only where there are such: questions that nobody
    answered, and those that everybody answered alike.
    """
    incomplete = basis.n + basis.n_missing if basis.missing_rule == "listwise" else basis.n
    checks = [
        Check.against("sample_size", basis.n_effective, "group_n", n=basis.n),
        Check.against(
            "missing_share", basis.n_missing / incomplete if incomplete else 1.0, n=basis.n_missing, rule=basis.missing_rule
        ),
    ]
    source = survey.source()
    again = source.excluded.get("duplicate", 0)
    read, dropped = source.n_read - again, sum(source.excluded.values()) - again
    if read:
        values = {"n": dropped, "read": read, "again": again or math.nan}
        checks.append(Check.against("excluded_share", dropped / read, "exceptional_share", **values))
    if basis.weights == "sampling" and basis.n_effective > 0:
        checks.append(Check.against("design_effect", basis.n / basis.n_effective, n_effective=basis.n_effective))
    return [*checks, *_speechless(survey)]


def pooled_waves(survey: Survey, name: str) -> list[Check]:
    """Return the warning `name` where a survey holds more than one wave; of more than six it names the first and the last."""
    labels: Any = [survey.value_label("wave", w) for w in survey.waves]
    if len(labels) < 2:
        return []
    many = float(len(labels))
    if many > 6:
        labels = {
            lang: text("study.from_to", lang, first=words(labels[0], lang), last=words(labels[-1], lang)) for lang in LANGUAGES
        }
    return [Check(name, "warn", many, 1.0, values={"waves": labels})]


def _speechless(survey: Survey) -> list[Check]:
    """Return failed checks of ratings and outcomes that nobody answered, or that everybody answered alike; else nothing."""
    study, asked = survey.study, survey.customers()
    columns = {str(indicator): ratings for indicator, ratings in asked.ratings("perception").items()}
    rated = {rating.column for indicator in columns if (rating := study.rating(indicator))}
    for name, outcome in study.outcomes.items():
        rating = study.outcome_rating(name)
        if rating and rating.column not in rated and outcome.yes is None and name != "contribution":
            columns[name] = asked.outcome(name)
    answered = {name: series.dropna() for name, series in columns.items()}
    silent = [survey.label(name) for name, series in answered.items() if series.empty]
    alike = [
        survey.label(name) for name, series in answered.items() if len(series) >= study.min_cell and series.min() == series.max()
    ]
    found = []
    if silent:
        found.append(Check("unanswered", "fail", float(len(silent)), 0.0, values={"names": silent}))
    if alike:
        found.append(Check("answered_alike", "fail", float(len(alike)), 0.0, values={"names": alike}))
    return found
