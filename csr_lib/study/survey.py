"""Survey: a Study with its answers, coded, weighted, and with the record of what was excluded and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import DataError, OptionError, Problem, unknown
from csr_lib.core.model import Model
from csr_lib.core.result import Basis, Source
from csr_lib.core.text import LANGUAGES, has_text, text, words
from csr_lib.study.codebook import Coded
from csr_lib.study.coding import as_code, code_names, fold, tidy
from csr_lib.study.groups import Groups, make_groups
from csr_lib.study.parts import Scale
from csr_lib.study.parts import as_code as plain_code
from csr_lib.study.readers import RawTable
from csr_lib.study.schema import Rating, Study

if TYPE_CHECKING:
    from csr_lib.stats.moments import Moments


@dataclass(frozen=True, repr=False, eq=False)
class Survey:
    """A Study with its answers; frozen. `wave`, `role` and `where` give new ones.

    Attributes
    ----------
    study : what was asked.
    lang : language that results are shown in where none is asked for.
    data : all answers, coded.
    marks : every mark of every rule: row, file, respondent, rule, detail, excluded.
    rows : positions in `data` of the answers that are kept and selected.
    all_weights : case weight of every row of `data`.
    weighting : how the weights were made (raking), empty where they were given or there are none.
    filters : what `wave`, `role` and `where` were asked for.
    """

    study: Study
    lang: str
    data: Coded
    marks: pd.DataFrame
    rows: np.ndarray
    all_weights: np.ndarray
    weighting: Mapping[str, Any] = field(default_factory=dict)
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    # ---- the answers

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Coded answers, one row per answer kept, original column names. Ratings as answered (reversed ones not turned)."""
        return self.data.frame.iloc[self.rows].reset_index(drop=True)

    @cached_property
    def codes(self) -> pd.DataFrame:
        """Codes of every segment, and of ``wave``, ``role``, ``brand`` where there are any; rows as in `frame`."""
        return self.data.codes.iloc[self.rows].reset_index(drop=True)

    @cached_property
    def weights(self) -> np.ndarray:
        """Case weight of every row of `frame`; ones without case weights."""
        return self.all_weights[self.rows]

    @property
    def weight_kind(self) -> str:
        """``none``, ``sampling`` or ``frequency``."""
        return self.study.weight_kind if self.study.case_weight or self.study.weighting else "none"

    @property
    def n(self) -> float:
        """Respondents: rows of `frame`, or the sum of frequency weights."""
        return float(self.weights.sum()) if self.weight_kind == "frequency" else len(self.rows)

    @property
    def n_effective(self) -> float:
        """Kish's effective n, (Σw)²/Σw²; equal to `n` without sampling weights."""
        return _effective(self.weights) if self.weight_kind == "sampling" else float(self.n)

    @property
    def too_small(self) -> bool:
        """Whether the selection holds fewer respondents than `min_cell`, and nothing may be shown of it."""
        return len(self.rows) < self.study.min_cell

    @property
    def waves(self) -> tuple[str, ...]:
        """Waves that have answers here, in order."""
        return self.values("wave") if "wave" in self.codes else ()

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """Roles that have answers here."""
        return self.values("role")

    @property
    def segments(self) -> tuple[str, ...]:
        """Keys of the segments."""
        return tuple(self.study.segments)

    def values(self, by: str) -> tuple[str, ...]:
        """Return the codes of a segment, ``wave`` or ``role`` that have answers here, in order."""
        codes = self.codes[self._key(by)]
        there = set(codes.dropna().unique())
        return tuple(str(c) for c in codes.cat.categories if c in there)

    def question(self, name: str) -> pd.Series | pd.DataFrame:
        """Return the answers to one of `questions`, rows as in `frame`; several choices are a column of 1 and 0 per option."""
        from csr_lib.study.questions import question

        return question(self.study, name, self.text, self.data.raw.value_labels)

    def verbatims(self) -> pd.DataFrame:
        """Return the open answers as written, rows as in `frame`; NaN where nothing was written."""
        return self.text[list(self.study.verbatims)]

    def operations(self) -> RawTable:
        """Read the operational records: text, one row per order, ticket or day. They are not filtered."""
        from csr_lib.study.questions import operations

        return operations(self.study)

    @cached_property
    def text(self) -> pd.DataFrame:
        """The answers as read, rows as in `frame`."""
        return self.data.raw.frame.iloc[self.rows].reset_index(drop=True)

    # ---- selections

    def wave(self, wave: Any) -> Survey:
        """Return the answers of one wave (or a list of waves)."""
        return self.where({"wave": wave})

    def role(self, role: Any) -> Survey:
        """Return the answers of one role: ``customer``, ``user``, ``management`` or ``staff``."""
        return self.where({"role": role})

    def customers(self) -> Survey:
        """Return the answers of customers and users (about the own brand, where a row is a brand rated); self if that is all."""
        chosen: dict[str, Any] = {}
        asked = [r for r in self.roles if r in ("customer", "user")]
        if asked and len(asked) < len(self.roles):
            chosen["role"] = asked
        if self.study.competition and len(self.values("brand")) > 1:
            chosen["brand"] = self.study.competition.us
        return self.where(chosen) if chosen else self

    def where(self, filters: Mapping[str, Any] | None = None, /, **more: Any) -> Survey:
        """Return the answers that meet all conditions.

        Parameters
        ----------
        filters, more : segment (or ``wave``, ``role``, ``brand``) -> code, label in any language, or a list of them.

        Raises
        ------
        OptionError
            An unknown segment or value (the message names the known ones), or an expression instead of a mapping.
        DataError
            Nobody meets the conditions.
        """
        if filters is not None and not isinstance(filters, Mapping):
            raise OptionError(
                f"'{filters}' is no mapping",
                where="where",
                allowed="segment: value, as in where(region='North')",
                mend="name a segment and one of its values; expressions are not evaluated",
            )
        wanted = {**(filters or {}), **more}
        keep = np.ones(len(self.rows), dtype=bool)
        used: dict[str, tuple[str, ...]] = dict(self.filters)
        for key, values in wanted.items():
            by = self._key(str(key))
            listed = values if isinstance(values, (list, tuple, set)) else [values]
            codes = tuple(self._code(by, v) for v in listed)
            keep &= self.codes[by].isin(codes).to_numpy()
            used[by] = codes if by not in used else tuple(c for c in codes if c in used[by])
        if not keep.any():
            shown = ", ".join(f"{k} = {', '.join(map(str, v))}" for k, v in used.items())
            raise DataError(
                f"no answers are left where {shown}",
                where="where",
                allowed="conditions that somebody meets",
                mend="take a condition out",
            )
        return replace(self, rows=self.rows[keep], filters=used)

    def excluding(self, *rules: str) -> Survey:
        """Return the survey with other rules under `cleaning.exclude`; without any, only empty rows stay out."""
        from csr_lib.study.crosschecks import CLEANING_RULES
        from csr_lib.study.opening import build

        known = [*CLEANING_RULES, *(c.id for c in self.study.cleaning.contradictions)]
        unknowns = [r for r in rules if r not in known]
        if unknowns:
            raise OptionError([unknown(r, known, what="rule", where="excluding") for r in unknowns])
        cleaning = self.study.cleaning.model_copy(update={"exclude": rules})
        survey = build(self.study.model_copy(update={"cleaning": cleaning}), self.data, self.lang, repeated=True)
        return survey.where(self.filters) if self.filters else survey

    def _key(self, by: str) -> str:
        if by not in self.data.codes.columns:
            raise OptionError([unknown(by, self.data.codes.columns, what="segment", where="where")])
        return by

    def _code(self, by: str, value: Any) -> str:
        """Return the code that a filter's value is or names."""
        levels = self.data.levels(by)
        text = as_code(tidy(str(plain_code(value))))
        if text in levels:
            return text
        named = code_names({**dict.fromkeys(levels), **self.data.labels.get(by, {})})
        if fold(text) in named:
            return named[fold(text)]
        known = [f"{c} ({words(self.value_label(by, c), 'en')})" if self.value_label(by, c) != c else c for c in levels]
        raise OptionError([unknown(str(value), known, what=f"value of {by}", where=f"where {by}")])

    # ---- groups

    def groups(self, by: str, total_shown: bool = True) -> Groups:
        """Return the groups of a segment, ``wave`` or ``role``; those with fewer than `min_cell` respondents are withheld.

        Parameters
        ----------
        by : segment key, ``wave`` or ``role``.
        total_shown : a total over the groups is shown as well; then a second group is withheld where the total would
            reveal the first (see `csr_lib.study.withholding`).
        """
        return make_groups(self, self._key(by), total_shown)

    # ---- ratings

    def ratings(self, kind: str = "perception", indicators: Sequence[str] | None = None) -> pd.DataFrame:
        """Return ratings, one column per indicator, rows as in `frame`, higher always better; NaN = no answer.

        Parameters
        ----------
        kind : ``perception``, ``importance``, ``expectation``, ``adequate`` or ``competitor:<name>``.
        indicators : keys; by default all that have this kind.

        Notes
        -----
        Of a Survey with one role, the columns that this role was asked. With several roles, customers' and users' answers
        alone: other rows are NaN, so that roles never mix (`customers`, `role`). Where one row is one brand rated,
        competitors are the rows of their brand, everything else the rows of the own brand.

        Raises
        ------
        OptionError
            Unknown kind or indicator.
        DataError
            An indicator that was asked for has no such rating for the role.
        """
        chosen = self._asked(kind, indicators)
        rows = self._rows_of(kind)
        out = {}
        for indicator in chosen:
            column = np.full(len(self.rows), np.nan)
            for role in self.roles:
                rating = self._rating(indicator, kind, role)
                here = rows & (self.codes["role"] == role).to_numpy()
                if rating is None or not here.any():
                    continue
                values = self.frame[rating.column].to_numpy(dtype=float)[here]
                column[here] = rating.scale.min + rating.scale.max - values if rating.reverse else values
            out[indicator] = column
        return pd.DataFrame(out, index=self.frame.index)

    def asked(self, kind: str = "perception") -> tuple[str, ...]:
        """Return the indicators that have ratings of a kind for the role (several roles: for customers)."""
        roles = [r for r in self.roles if r in ("customer", "user")] or list(self.roles)
        return tuple(i for i in self.study.indicators if any(self._rating(i, kind, r) for r in roles))

    def _rating(self, indicator: str, kind: str, role: str) -> Rating | None:
        if self.study.competition and kind.removeprefix("competitor:") in self.study.competitors():
            return self.study.rating(indicator, kind, role) or self.study.rating(indicator, "perception", role)
        return self.study.rating(indicator, kind, role)

    def _asked(self, kind: str, indicators: Sequence[str] | None) -> tuple[str, ...]:
        there = self.asked(kind)
        if indicators is None:
            return there
        unknowns = [i for i in indicators if i not in self.study.indicators]
        if unknowns:
            raise OptionError([unknown(i, self.study.indicators, what="indicator", where="indicators") for i in unknowns])
        lacking = [i for i in indicators if i not in there]
        if lacking:
            raise DataError(
                [
                    Problem(
                        f"has no {kind} (role: {', '.join(self.roles)})",
                        self.study.at("indicators", i),
                        f"a {kind} column",
                        f"add `{kind.split(':')[0]}:`, or leave the indicator out",
                    )
                    for i in lacking
                ]
            )
        return tuple(indicators)

    def _rows_of(self, kind: str) -> np.ndarray:
        """Tell which rows a kind of rating is taken from."""
        keep = np.ones(len(self.rows), dtype=bool)
        if len(self.roles) > 1 and (asked := [r for r in self.roles if r in ("customer", "user")]):
            keep &= self.codes["role"].isin(asked).to_numpy()
        if self.study.competition:
            us = self.study.competition.us
            name = kind.removeprefix("competitor:")
            brand = name if kind.startswith("competitor:") and name in self.values("brand") else us
            keep &= (self.codes["brand"] == brand).to_numpy()
        return keep

    def scale(self, indicator: str, kind: str = "perception") -> Scale:
        """Return the Scale of a rating; raise where it was not asked."""
        self._asked(kind, [indicator])
        roles = [r for r in self.roles if r in ("customer", "user")] or list(self.roles)
        return next(r.scale for role in roles if (r := self._rating(indicator, kind, role)))

    # ---- outcomes

    def outcome(self, name: str) -> pd.Series:
        """Return an outcome, rows as in `frame`.

        A column in its own unit; 1 and 0 where `yes` says which codes mean that it happened; for a construct the mean of the
        ratings that were given, in scale points, or on 0-100 where its indicators have different scales. NaN = no answer.
        """
        from csr_lib.study.outcomes import outcome

        return outcome(self, name)

    def outcome_scale(self, name: str) -> Scale | None:
        """Return the Scale of an outcome: 0 to 1 where `yes` says what counts; None for a value without one (contribution)."""
        from csr_lib.study.outcomes import outcome_scale

        return outcome_scale(self, name)

    # ---- for the analyses

    def moments(self, columns: Sequence[str], missing_rule: str | None = None) -> Moments:
        """Return weighted means and covariances of perceptions (indicator keys).

        Parameters
        ----------
        columns : indicator keys, for example ``survey.model().items``.
        missing_rule : ``listwise``, ``pairwise`` or ``em``; the study's by default.
        """
        from csr_lib.stats.moments import moments

        rows = self._rows_of("perception")
        kind: Any = "frequency" if self.weight_kind == "frequency" else "sampling"
        rule: Any = missing_rule or self.study.missing_rule
        return moments(self.ratings("perception", columns)[rows], self.weights[rows], kind=kind, missing=rule)

    def model(self) -> Model:
        """Return the Model of the study, with indicator keys as items."""
        return self.study.build_model()

    def basis(self, n_missing: float = 0, *, used: np.ndarray | None = None) -> Basis:
        """Return on whom a number rests.

        Parameters
        ----------
        n_missing : rows left out (listwise) or completed because of missing answers.
        used : instead, a boolean per row of `frame`: the rows that were used; the rest is missing. Exact with case weights,
            where `n_missing` alone can only scale the effective n.
        """
        kind: Any = self.weight_kind
        rule = self.study.missing_rule
        if used is not None:
            weights = self.weights[used]
            n = float(weights.sum()) if kind == "frequency" else float(used.sum())
            left = self.n - n
            effective = _effective(weights) if kind == "sampling" else n
            return Basis(n, effective, kind, "listwise" if left else "none", left)
        n = self.n - n_missing if rule == "listwise" else self.n
        effective = self.n_effective * n / self.n
        return Basis(n, effective, kind, rule if n_missing else "none", n_missing)

    def source(self) -> Source:
        """Return where the answers came from: files and their hashes, rows read and excluded, period, filters."""
        files = {self.study.file_name: self.study.sha256, **{f.file: f.sha256 for f in self.data.raw.files}}
        return Source(
            study=self.study.id,
            title=self.study.title,
            source=self.study.source,
            simulated=self.study.simulated,
            period=self.period,
            n_read=len(self.data.raw.row),
            excluded=self.excluded,
            filters={k: ", ".join(v) for k, v in self.filters.items()},
            hashes=files,
            notes=self.study.notes,
            filter_labels=self._filter_labels(),
        )

    def _filter_labels(self) -> dict[str, Any]:
        """Return what the filters are called: key -> label, ``key=`` -> labels of the values asked for."""
        found: dict[str, Any] = {}
        for key, codes in self.filters.items():
            known = has_text(f"provenance.filter_{key}", LANGUAGES[0])
            found[key] = {lang: text(f"provenance.filter_{key}", lang) for lang in LANGUAGES} if known else self.label(key)
            named = [self.value_label(key, c) for c in codes]
            found[f"{key}="] = {lang: words(named, lang) for lang in LANGUAGES}
        return found

    @property
    def excluded(self) -> dict[str, int]:
        """Rows excluded, by the first rule that excluded them; of all rows read, whatever is selected."""
        dropped = self.marks[self.marks["excluded"]].drop_duplicates("position")
        return {str(rule): int(count) for rule, count in dropped["rule"].value_counts(sort=False).items()}

    @property
    def period(self) -> str:
        """First and last day: of the waves' periods, or else of the times of return; "" where neither is known."""
        periods = self.study.wave.periods if self.study.wave else {}
        days = [day for wave in self.waves if wave in periods for day in periods[wave]]
        if days and all(wave in periods for wave in self.waves):
            return f"{min(days)} – {max(days)}"
        if self.study.submitted:
            times = self.frame[self.study.submitted].dropna()
            if len(times):
                first, last = times.min().date(), times.max().date()
                return str(first) if first == last else f"{first} – {last}"
        return ""

    # ---- words

    def label(self, key: str) -> Any:
        """Return the label (text or per language) of an indicator, construct, segment, segment value, wave, outcome.

        A segment value is ``segment=value`` or the value alone where no other key has its name.
        """
        by, _, value = key.partition("=")
        if value and by in self.data.codes.columns:
            return self.value_label(by, value)
        found = self.study.label(key)
        if found != key:
            return found
        for name in self.data.codes.columns:
            if key in self.data.levels(name):
                return self.value_label(name, key)
        return key

    def value_label(self, by: str, value: str) -> Any:
        """Return the label of one value of a segment, ``wave``, ``role`` or ``brand``."""
        if by == "role":
            from csr_lib.study.card import role_label

            return role_label(value)
        return self.data.labels.get(by, {}).get(value, value)

    def __repr__(self) -> str:
        return f"<Survey {self.study.id}: n = {self.n:g}>"

    def _repr_html_(self) -> str:
        from csr_lib.study.card import survey_card

        return survey_card(self, self.lang)


def _effective(weights: np.ndarray) -> float:
    from csr_lib.stats.case_weights import effective_n

    return effective_n(weights) if weights.any() else 0.0
