"""Exploring a survey: five views, each one call, and a panel of widgets to choose them with.

>>> import csr_lib as csr
>>> survey = csr.open_study("data/power/study.yml")                          # doctest: +SKIP
>>> csr.explore.compare(survey.where({"wave": "2013"}), "safety", "region")  # doctest: +SKIP
>>> csr.explore.panel(survey)                                                # doctest: +SKIP

A view says, under its figure and tables, the line of code that makes it. Selections and groups that are too small are withheld as
in every analysis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from csr_lib.explore.groups import compare, crosstab
from csr_lib.explore.relations import correlations, quadrant
from csr_lib.explore.single import distribution
from csr_lib.explore.view import View

if TYPE_CHECKING:
    from csr_lib.explore.widgets import Panel
    from csr_lib.study import Survey

__all__ = ["View", "compare", "correlations", "crosstab", "distribution", "panel", "quadrant"]


def panel(survey: Survey, *, lang: str | None = None) -> Panel:
    """Return a panel of widgets for JupyterLab: choose whose answers, what of them and how to look at it.

    Parameters
    ----------
    survey : the answers; what they are filtered by stays so.
    lang : language of the panel and of its views; the survey's by default.

    Returns
    -------
    Panel
        Its ``view`` is the `View` shown, with all numbers; in a notebook without a front end it stands still but can be read.
    """
    from csr_lib.explore.widgets import Panel

    return Panel(survey, lang=lang)
