"""Which analyses a study can feed, and what it lacks for the others: the table that ``csr check`` prints."""

from __future__ import annotations

from dataclasses import dataclass

from csr_lib.analyses import ANALYSES, load
from csr_lib.core.errors import Problem
from csr_lib.core.text import has_text, text
from csr_lib.report.terminal import table
from csr_lib.study import Study

#: Longer answers to "what is lacking" make the table hard to read.
_MOST_PROBLEMS = 3


@dataclass(frozen=True)
class Feed:
    """One analysis and what the study lacks for it.

    Attributes
    ----------
    analysis : its name.
    problems : what is lacking; empty where it can be made.
    asked : study.yml names it under ``analyses``, so that it is part of "all reports".
    """

    analysis: str
    problems: tuple[Problem, ...]
    asked: bool

    @property
    def ready(self) -> bool:
        """Whether the study has what the analysis needs."""
        return not self.problems

    def lacks(self, lang: str) -> str:
        """Return what is lacking in a sentence, "" where nothing is; where options are wrong, the problems themselves."""
        if self.ready:
            return ""
        needs = f"cli.needs.{self.analysis}"
        wrong_options = any(p.where.startswith("options of") or "analyses." in p.where for p in self.problems)
        if wrong_options or not has_text(needs, lang):
            return "\n".join(str(p) for p in self.problems[:_MOST_PROBLEMS])
        places = dict.fromkeys(p.where for p in self.problems[:_MOST_PROBLEMS] if p.where)
        return text("cli.needed", lang, what=text(needs, lang), where="; ".join(places))


def feeds_of(study: Study) -> tuple[Feed, ...]:
    """Return a `Feed` for every analysis there is, in their order."""
    return tuple(Feed(name, tuple(load(name).feeds(study)), name in study.analyses) for name in ANALYSES)


def feeding_table(feeds: tuple[Feed, ...], lang: str, total: int | None = None) -> str:
    """Return the tables as text: which analyses can be made, and what the study lacks for the others; `total` columns wide."""

    def t(key: str) -> str:
        return text(f"cli.{key}", lang)

    ordered = sorted(feeds, key=lambda feed: not feed.ready)
    titles = {feed: text(f"analysis.{feed.analysis}", lang) for feed in ordered}
    states = {feed: t("cannot" if not feed.ready else "asked" if feed.asked else "can") for feed in ordered}
    rows = [(titles[feed], feed.analysis, states[feed]) for feed in ordered]
    found = [table([t("column.title"), t("column.analysis"), t("column.feeds")], rows, total)]
    lacking = [(titles[feed], feed.lacks(lang)) for feed in ordered if not feed.ready]
    if lacking:
        found.append(table([t("column.title"), t("column.lacks")], lacking, total))
    return "\n\n".join(found)
