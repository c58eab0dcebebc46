"""Open a study: read, code, check, clean and weight its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import CsrError, DataError, OptionError, Problem, unknown
from csr_lib.core.text import LANGUAGES
from csr_lib.study.answers import gather
from csr_lib.study.cleaning import clean
from csr_lib.study.codebook import Coded, code_answers
from csr_lib.study.schema import Study
from csr_lib.study.survey import Survey
from csr_lib.study.weighting import case_weights


@dataclass(frozen=True)
class StudyCheck:
    """What `check_study` found.

    Attributes
    ----------
    problems : everything wrong with study.yml and the answers, empty where nothing is.
    study : None where study.yml itself is wrong.
    survey : None where the answers cannot be used as they are.
    answers : one row per answer that does not fit its codebook: file, row, column, value, problem, allowed.
    """

    problems: tuple[Problem, ...]
    study: Study | None = None
    survey: Survey | None = None
    answers: pd.DataFrame | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """All problems as a table: where, what, allowed, mend."""
        return pd.DataFrame(
            [(p.where, p.what, p.allowed, p.mend) for p in self.problems], columns=["where", "what", "allowed", "mend"]
        )


def open_study(path: str | Path, *, lang: str = "zh", wave: str | None = None, where: Mapping[str, Any] | None = None) -> Survey:
    """Open a study: its study.yml and its answers.

    Parameters
    ----------
    path : study.yml, or the folder that holds it.
    lang : language that results are shown in where none is asked for: ``zh`` or ``en``.
    wave, where : only these answers, as by `Survey.wave` and `Survey.where`; None for all.

    Raises
    ------
    StudyError
        With every problem of study.yml.
    DataError
        With every problem of the answers, or where nobody is left.
    OptionError
        An unknown language, wave, segment or value.
    """
    _check_language(lang)
    survey, problems, _ = _open(Study.load(path), lang)
    if survey is None or problems:
        raise DataError(problems)
    chosen = {**(where or {}), **({} if wave is None else {"wave": wave})}
    return survey.where(chosen) if chosen else survey


def check_study(path: str | Path, *, lang: str = "zh") -> StudyCheck:
    """Check a study.yml and its answers; return every problem instead of raising."""
    _check_language(lang)
    try:
        study = Study.load(path)
    except CsrError as error:
        return StudyCheck(error.problems)
    try:
        survey, problems, answers = _open(study, lang)
    except CsrError as error:
        return StudyCheck(error.problems, study)
    return StudyCheck(tuple(problems), study, survey if not problems else None, answers)


def _check_language(lang: str) -> None:
    if lang not in LANGUAGES:
        raise OptionError([unknown(lang, LANGUAGES, what="language", where="lang")])


def _open(study: Study, lang: str) -> tuple[Survey | None, list[Problem], pd.DataFrame]:
    coded, wrong = code_answers(study, gather(study))
    try:
        survey = build(study, coded, lang)
    except DataError as error:
        return None, [*wrong.problems, *error.problems], wrong.frame()
    return survey, wrong.problems, wrong.frame()


def build(study: Study, coded: Coded, lang: str, *, repeated: bool = False) -> Survey:
    """Clean and weight coded answers; raises DataError with every problem of that.

    `repeated` lets repeated ids pass that no rule excludes.
    """
    marks, problems = clean(study, coded)
    problems = [] if repeated else problems
    rows = len(coded.raw.row)
    kept = np.setdiff1d(np.arange(rows), marks.loc[marks["excluded"], "position"].to_numpy(dtype=int))
    weights, about, more = case_weights(study, coded, kept)
    problems += more
    if not len(kept):
        problems.append(
            Problem(
                f"no answers are left of {rows}: all were excluded",
                study.at("answers"),
                "answers that pass `cleaning.exclude`",
                "take a rule out of `cleaning.exclude`, or look at the answers",
            )
        )
    if problems:
        raise DataError(problems)
    return Survey(study, lang, coded, marks, kept, weights, about)
