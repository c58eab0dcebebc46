"""Overview: other questions described, answer by answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.overview.scores import Scores
from csr_lib.analyses.overview.tables import estimate_row
from csr_lib.core.errors import OptionError, unknown

if TYPE_CHECKING:
    from csr_lib.analyses.overview.analysis import Options

#: Of a question with more answers, those given most often are shown.
MOST_ANSWERS = 12


def questions_tables(scores: Scores, options: Options) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Return ``questions`` (share of every answer) and ``numbers`` (mean and median), and the labels of the answers.

    Shares are of those who answered the question; those of several choices do not add to one. Answers that fewer than `min_cell`
    respondents gave stay in the table: a share of one question is no group.

    Raises OptionError for a question in `questions` or `highlight` that there is not.
    """
    survey = scores.survey
    study = survey.study
    described = [q for q, entry in study.questions.items() if entry.type != "text"]
    for option, keys in (("questions", options.questions or ()), ("highlight", options.highlight)):
        wrong = [k for k in keys if k not in described]
        if wrong:
            raise OptionError([unknown(k, described, what="question", where=f"options of overview, {option}") for k in wrong])
    rows: list[dict[str, Any]] = []
    numbers: list[dict[str, Any]] = []
    labels: dict[str, Any] = {}
    for name in described if options.questions is None else options.questions:
        entry = study.questions[name]
        labels[name] = survey.label(name)
        answers = survey.question(name)
        if entry.type == "number":
            values = np.asarray(answers, dtype=float)
            row = estimate_row(values, scores, options.confidence)
            if row["n"] >= max(2, study.min_cell):
                numbers.append({"question": name, **row, "median": _median(values, scores.weights)})
            continue
        flags = _flags(answers)
        n = int(next(iter(flags.values())).notna().sum()) if flags else 0
        if n < study.min_cell:
            continue
        found = []
        for code, given in flags.items():
            label = (entry.values or {}).get(code, code)
            labels[f"{name}={code}"] = label
            row = estimate_row(given.to_numpy(dtype=float), scores, options.confidence, share=True)
            found.append({"question": name, "answer": f"{name}={code}", **row})
        if len(found) > MOST_ANSWERS:
            found = sorted(found, key=lambda r: -float(r["estimate"]))[:MOST_ANSWERS]
        rows += found
    tables = {name: pd.DataFrame(part) for name, part in (("questions", rows), ("numbers", numbers)) if part}
    for name, codes in options.highlight.items():
        missing = [c for c in codes if f"{name}={c}" not in labels]
        if missing:
            known = [k.split("=", 1)[1] for k in labels if k.startswith(f"{name}=")]
            raise OptionError([unknown(c, known, what="answer", where=f"options of overview, highlight.{name}") for c in missing])
    return tables, labels


def _flags(answers: pd.Series | pd.DataFrame) -> dict[str, pd.Series]:
    """Return a column of 1, 0 and NaN per answer."""
    if isinstance(answers, pd.DataFrame):
        return {str(c): answers[c] for c in answers.columns}
    given = answers.notna()
    return {str(c): (answers == c).astype(float).where(given) for c in answers.cat.categories}


def _median(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the weighted median (the mean of both neighbours where half of the weight lies between them)."""
    known = ~np.isnan(values) & (weights > 0)
    order = np.argsort(values[known], kind="stable")
    v, w = values[known][order], weights[known][order]
    below = np.cumsum(w) / w.sum()
    first = int(np.searchsorted(below, 0.5 - 1e-12))
    return float((v[first] + v[first + 1]) / 2) if abs(below[first] - 0.5) < 1e-12 and first + 1 < len(v) else float(v[first])
