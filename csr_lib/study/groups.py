"""Groups of respondents, the small ones withheld before any figure of them exists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from csr_lib.study.withholding import withhold

if TYPE_CHECKING:
    from csr_lib.study.survey import Survey

#: Groups under this many respondents are shown, but flagged.
SMALL_GROUP = 30


@dataclass(frozen=True)
class Group:
    """One group of respondents.

    ``value`` is its code, ``label`` what it is called; ``small`` says that it has fewer than 30 respondents.
    """

    value: str
    label: Any
    survey: Survey

    @property
    def n(self) -> int:
        """Respondents in the group, unweighted."""
        return len(self.survey.rows)

    @property
    def small(self) -> bool:
        """Whether the group has fewer than 30 respondents."""
        return self.n < SMALL_GROUP


@dataclass(frozen=True)
class Groups:
    """The groups of one segment: those that may be shown, and the labels of those that are withheld."""

    by: str
    shown: tuple[Group, ...]
    withheld: tuple[Any, ...]

    def __iter__(self) -> Iterator[Group]:
        return iter(self.shown)

    def __len__(self) -> int:
        return len(self.shown)


def make_groups(survey: Survey, by: str, total_shown: bool) -> Groups:
    """Split a survey by a segment, ``wave``, ``role`` or ``brand``; see `csr_lib.study.withholding` for what is withheld."""
    codes = survey.codes[by]
    levels = survey.values(by)
    hidden = withhold([int((codes == level).sum()) for level in levels], survey.study.min_cell, total_shown)
    labels = [survey.value_label(by, level) for level in levels]
    shown = [Group(v, w, survey.where({by: v})) for v, w, h in zip(levels, labels, hidden, strict=True) if not h]
    return Groups(by, tuple(shown), tuple(w for w, h in zip(labels, hidden, strict=True) if h))
