"""The panel: widgets to choose whose answers, what of them and how to look; under them the view, with its line of code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, Dropdown, HBox, Layout, Output, ToggleButtons, VBox

from csr_lib.analyses._options import language
from csr_lib.core.errors import AnalysisError, CsrError
from csr_lib.core.text import escape, text, words
from csr_lib.explore.groups import compare, crosstab
from csr_lib.explore.measure import measurable, measure, several_answers
from csr_lib.explore.relations import correlations, quadrant
from csr_lib.explore.single import ALL, distribution
from csr_lib.explore.split import groupings
from csr_lib.explore.view import View, grouping_label

if TYPE_CHECKING:
    from csr_lib.study import Survey

VIEWS = ("distribution", "crosstab", "compare", "correlations", "quadrant")
#: Stands for the construct of what belongs to none: outcomes and other questions.
OUTCOMES = "outcomes"
#: Where an error comes from -> the sentence that the panel says instead; all others are told in their own words.
_SAID = {"answers": "small", "where": "small", "explore, by": "few_groups"}
_SAID |= {"explore.compare": "unordered", "explore.crosstab": "uncounted", "several": "several"}
#: The choosers that a view does not ask.
_IDLE = {
    "distribution": {"by"},
    "correlations": {"measure", "by"},
    "quadrant": {"construct", "measure", "by"},
}


class Panel(VBox):
    """Choosers over a view that follows them.

    Attributes
    ----------
    survey : all answers that can be chosen from.
    filters : ``wave``, ``role`` or segment -> its chooser; ``""`` is all.
    kind, construct, measure, by : choosers of the view, of what is looked at, and of the groups.
    view : the `View` shown; None where it cannot be made or is withheld.
    message : why there is no view; plain text.
    """

    def __init__(self, survey: Survey, *, lang: str | None = None):
        self.survey = survey
        self.lang = language(lang, survey.lang)
        self.view: View | None = None
        self.message = ""
        self._holding = False
        own = survey.customers()
        self.filters = {by: self._chooser(*self._values(by)) for by in self._filterable(own)}
        self.kind = ToggleButtons(options=[(self._say(v), v) for v in VIEWS], style={"button_width": "auto"})
        self.construct = self._chooser(self._say("construct"), self._constructs(own))
        self.measure = self._chooser(self._say("indicator"), self._measures(ALL))
        self.by = self._chooser(self._say("by"), [(grouping_label(own, b, self.lang), b) for b in self._groupings(own)])
        self.output = Output()
        row = Layout(flex_flow="row wrap")
        heads = [HTML(f"<b>{escape(self._say(k))}</b>") for k in ("whose", "what", "view")]
        whose = [heads[0], HBox(list(self.filters.values()), layout=row)] if self.filters else []
        super().__init__(
            [*whose, heads[1], HBox([self.construct, self.measure, self.by], layout=row), heads[2], self.kind, self.output]
        )
        self.construct.observe(self._narrow, "value")
        for chooser in (*self.filters.values(), self.kind, self.measure, self.by):
            chooser.observe(self._changed, "value")
        self.show()

    @property
    def chosen(self) -> Survey:
        """The answers selected; raises DataError where nobody is."""
        picked = {by: chooser.value for by, chooser in self.filters.items() if chooser.value}
        return self.survey.where(picked) if picked else self.survey

    def show(self) -> None:
        """Make the view anew from what is chosen."""
        self._need_one()
        idle = _IDLE.get(self.kind.value, set())
        for name in ("construct", "measure", "by"):
            getattr(self, name).disabled = name in idle or not getattr(self, name).options
        try:
            self.view, self.message = self._make(), ""
        except CsrError as error:
            self.view, self.message = None, self._why(error)
        self.output.outputs = ({"output_type": "display_data", "data": self._shown(), "metadata": {}},)

    def _make(self) -> View:
        survey, key = self.chosen, self.measure.value
        if key in several_answers(survey) and self.kind.value in ("crosstab", "compare"):
            raise AnalysisError(f"'{key}' has several answers", where="several", allowed="distribution")
        whole = key == ""
        construct = self.construct.value
        make: dict[str, Callable[[], View]] = {
            "distribution": lambda: distribution(survey, construct if whole else key, lang=self.lang),
            "crosstab": lambda: crosstab(survey, self._one(), self.by.value, lang=self.lang),
            "compare": lambda: compare(survey, self._one(), self.by.value, lang=self.lang),
            "correlations": lambda: correlations(
                survey, None if construct in (ALL, OUTCOMES) else construct, lang=self.lang
            ),
            "quadrant": lambda: quadrant(survey, lang=self.lang),
        }  # fmt: skip
        return make[self.kind.value]()

    def _one(self) -> str:
        """Return the measure chosen, or the construct as a whole."""
        return str(self.measure.value or self.construct.value)

    def _need_one(self) -> None:
        """Choose the first indicator where the view needs one and none is chosen; a construct as a whole can be compared."""
        needs = self.kind.value == "crosstab" or (self.kind.value == "compare" and self.construct.value == ALL)
        if needs and self.measure.value == "" and len(self.measure.options) > 1:
            self._holding = True
            self.measure.value = self.measure.options[1][1]
            self._holding = False

    def _why(self, error: CsrError) -> str:
        key = _SAID.get(error.problems[0].where)
        if key is None:
            return self._say("nothing", why=str(error))
        label = ""
        if key in ("unordered", "uncounted"):
            label = words(measure(self.survey.customers(), self._one()).label, self.lang)
        return self._say(key, least=max(2, self.survey.study.min_cell), label=label)

    # ---- choosers

    def _filterable(self, survey: Survey) -> list[str]:
        return [b for b in ("wave", "role", *survey.segments) if b in survey.data.codes.columns and len(survey.values(b)) > 1]

    def _groupings(self, survey: Survey) -> list[str]:
        return [b for b in groupings(survey) if len(survey.values(b)) > 1]

    def _values(self, by: str) -> tuple[str, list[tuple[str, str]]]:
        """Return what a filter is called and the values it offers: those with enough respondents."""
        groups = self.survey.customers().groups(by, total_shown=True)
        offered = [(words(g.label, self.lang), g.value) for g in groups]
        return grouping_label(self.survey, by, self.lang), [(self._say("everybody"), ""), *offered]

    def _constructs(self, survey: Survey) -> list[tuple[str, str]]:
        rated = set(survey.asked("perception"))
        found = [c for c in survey.study.constructs if set(survey.study.leaves(c)) <= rated]
        options = [(self._say("all_indicators"), ALL), *((words(survey.label(c), self.lang), c) for c in found)]
        return [*options, *([(self._say("outcomes"), OUTCOMES)] if self._others() else [])]

    def _others(self) -> list[str]:
        study, own = self.survey.study, self.survey.customers()
        known = [k for k in measurable(own) if k not in study.indicators and k not in study.constructs]
        return [*known, *several_answers(own)]

    def _measures(self, construct: str) -> list[tuple[str, str]]:
        own = self.survey.customers()
        if construct == OUTCOMES:
            several = several_answers(own)
            return [(words(own.label(k) if k in several else measure(own, k).label, self.lang), k) for k in self._others()]
        keys = own.asked("perception") if construct == ALL else own.study.leaves(construct)
        return [(self._say("whole"), ""), *((words(own.label(k), self.lang), k) for k in keys)]

    def _chooser(self, label: str, options: list[tuple[str, str]]) -> Dropdown:
        style, layout = {"description_width": "initial"}, Layout(width="260px")
        return Dropdown(description=label, options=_distinct(options), style=style, layout=layout)

    def _narrow(self, change: Any) -> None:
        """Offer the measures of the construct that was chosen."""
        self._holding = True
        self.measure.options = _distinct(self._measures(change["new"]))
        self.measure.value = self.measure.options[0][1]
        self._holding = False
        self.show()

    def _changed(self, change: Any) -> None:
        if not self._holding:
            self.show()

    # ---- words

    def _say(self, key: str, **values: Any) -> str:
        return text(f"explore.panel.{key}", self.lang, **values)

    def _shown(self) -> dict[str, str]:
        if self.view is not None:
            return self.view._repr_mimebundle_()
        return {"text/html": f'<p class="csr-note csr-absent">{escape(self.message)}</p>', "text/plain": self.message}

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Show the widgets, and the view in their place where there is no front end for them."""
        found = super()._repr_mimebundle_(**kwargs)
        return {**self._shown(), **(found or {}), "text/html": self._shown()["text/html"]}


def _distinct(options: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the options with labels that differ: one that stands twice is followed by its key."""
    names = [name for name, _ in options]
    return [(f"{name} [{key}]" if names.count(name) > 1 else name, key) for name, key in options]
