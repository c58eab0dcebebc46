"""Study: what was asked and what is known beside the answers, from one study.yml."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationError

from csr_lib.core.errors import OptionError, Problem, StudyError, unknown
from csr_lib.core.model import Construct, Model, template, with_parts
from csr_lib.core.text import LANGUAGES, text
from csr_lib.study import yaml_tree
from csr_lib.study.parts import Also, Codes, Count, Item, Label, Name, Names, Number, Part, Scale, as_code
from csr_lib.study.schema_answers import AnswerFile, Cleaning, Question, RoleKey, Sampling, Segment, WaveKey, Weighting
from csr_lib.study.schema_following import Operations, Target, WarningRule
from csr_lib.study.schema_measured import KINDS, Competition, ConstructEntry, Indicators, Outcome, OutcomeName
from csr_lib.study.schema_problems import Locator, translate
from csr_lib.study.schema_theory import Evaluation, Hypothesis, Markets, ModelSpec, Rollup


@dataclass(frozen=True)
class Rating:
    """One column of ratings with everything needed to code it.

    Attributes
    ----------
    column : name in the answers.
    scale : its Scale.
    missing : codes that mean no answer.
    reverse : True where a high answer is bad.
    key : where study.yml names it, for messages.
    """

    column: str
    scale: Scale
    missing: tuple[str, ...]
    reverse: bool
    key: str


def _as_files(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


#: One file, or a list of them.
AnswerFiles = Annotated[
    tuple[AnswerFile, ...], BeforeValidator(_as_files), Field(min_length=1), Also({"type": ["string", "object"]})
]


class Study(Part):
    """What was asked, from study.yml; frozen. `Study.load` reads and checks one."""

    format: Literal[1] = 1
    id: Annotated[str, BeforeValidator(as_code), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    title: Label
    source: Label = ""
    simulated: bool = False

    answers: Annotated[
        tuple[AnswerFile, ...], BeforeValidator(_as_files), Field(min_length=1), Also({"type": ["string", "object"]})
    ]
    encoding: Name = "auto"
    respondent: Name | None = None
    role: RoleKey | None = None
    wave: WaveKey | None = None
    segments: dict[Name, Segment] = Field(default_factory=dict)
    submitted: Name | None = None
    seconds: Name | None = None
    verbatims: Names = ()
    questions: dict[Name, Question] = Field(default_factory=dict)

    case_weight: Name | None = None
    weighting: Weighting | None = None
    weight_kind: Literal["sampling", "frequency"] = "sampling"
    sampling: Sampling = Field(default_factory=Sampling)
    cleaning: Cleaning = Field(default_factory=Cleaning)
    missing: Codes = ()
    missing_rule: Literal["listwise", "pairwise", "em"] = "listwise"
    min_cell: Annotated[Count, Field(ge=1)] = 5

    scale: Scale
    indicators: Indicators
    constructs: dict[Name, ConstructEntry] = Field(default_factory=dict)
    competition: Competition | None = None
    outcomes: dict[OutcomeName, Outcome] = Field(default_factory=dict)

    model: ModelSpec | None = None
    hypotheses: tuple[Hypothesis, ...] = ()
    rollup: Rollup | None = None
    markets: Markets | None = None
    standards: dict[Name, Number] = Field(default_factory=dict)
    promises: dict[Name, Number] = Field(default_factory=dict)
    evaluation: Evaluation = Field(default_factory=Evaluation)

    targets: dict[Name, Target] = Field(default_factory=dict)
    benchmarks: dict[Name, Target] = Field(default_factory=dict)
    operations: Operations | None = None
    warnings: dict[Name, WarningRule] = Field(default_factory=dict)

    analyses: dict[Name, dict[str, Any] | None] = Field(default_factory=dict)
    notes: Label = ""

    _path: Path | None = PrivateAttr(None)
    _sha256: str = PrivateAttr("")
    _locator: Locator = PrivateAttr(default_factory=Locator)

    @classmethod
    def load(cls, path: str | Path) -> Study:
        """Read and check a study.yml.

        Parameters
        ----------
        path : the file, or the folder that holds it.

        Raises
        ------
        StudyError
            With every problem of the file, each with its line and key.
        """
        file = Path(path)
        if file.is_dir():
            file = file / "study.yml"
        try:
            content = file.read_bytes()
        except OSError as error:
            raise StudyError(
                f"cannot be read ({error.strerror or error})",
                where=str(path),
                allowed="a study.yml, or the folder that holds it",
                mend="check the path",
            ) from None
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise StudyError(
                "is not encoded as UTF-8",
                where=f"{file.name}, line {content[: error.start].count(10) + 1}",
                allowed="UTF-8",
                mend="save it again as UTF-8 (in most editors under 'Save as')",
            ) from None
        study = cls.parse(text, file.name)
        study._path = file
        study._sha256 = hashlib.sha256(content).hexdigest()
        return study

    @classmethod
    def parse(cls, text: str, name: str = "study.yml") -> Study:
        """Check the text of a study.yml; `name` is what messages call it. Raises StudyError with every problem."""
        tree = yaml_tree.parse(text, name)
        if not isinstance(tree.values, dict):
            raise StudyError(
                "is empty" if tree.values is None else "is no mapping",
                where=name,
                allowed="'key: value' lines; id, title, answers, scale and indicators are required",
                mend="start from the study.yml of an example",
            )
        return cls.check(tree.values, Locator(name, tree))

    @classmethod
    def check(cls, values: Mapping[str, Any], locator: Locator | None = None) -> Study:
        """Make a Study from the values of a study.yml; raises StudyError with every problem."""
        from csr_lib.study.crosschecks import cross_check

        locator = locator or Locator()
        problems: list[Problem] = []
        try:
            study = cls.model_validate(values)
        except ValidationError as error:
            problems = translate(error, cls, locator)
            pruned = locator.without_unknown(values, error)
            try:
                study = cls.model_validate(pruned.values)
            except ValidationError:
                raise StudyError(problems) from None
            study._locator = locator
            problems += [p for p in cross_check(study) if pruned.concerns(p, locator)]
            raise StudyError(problems) from None
        study._locator = locator
        problems = cross_check(study)
        if problems:
            raise StudyError(problems)
        return study

    # ---- where it lies

    @property
    def path(self) -> Path | None:
        """The study.yml that it was read from, if it was read from one."""
        return self._path

    @property
    def folder(self) -> Path:
        """The folder that the paths in it are relative to."""
        return self._path.parent if self._path else Path()

    @property
    def file_name(self) -> str:
        """What messages call its file."""
        return self._locator.name

    @property
    def sha256(self) -> str:
        """SHA-256 of the file, "" where there is none."""
        return self._sha256

    def at(self, *path: str | int) -> str:
        """Return file, line and dotted key of `path`, for messages."""
        return self._locator.at(path)

    @property
    def wave_key(self) -> WaveKey | None:
        """How waves are told: `wave`, or that of the files where only they name one; None for a study without waves."""
        if self.wave is None and all(f.wave for f in self.answers):
            return WaveKey(order=tuple(dict.fromkeys(str(f.wave) for f in self.answers)))
        return self.wave

    # ---- what was measured

    def rating(self, indicator: str, kind: str = "perception", role: str = "customer") -> Rating | None:
        """Return the column that holds `kind` of `indicator` for `role`, or None where that was not asked.

        Parameters
        ----------
        indicator : key of an indicator.
        kind : ``perception``, ``importance``, ``expectation``, ``adequate`` or ``competitor:<name>``.
        role : whose answer. A plain name of an expectation is the customers' and users' own; of the other kinds, everybody's.
        """
        entry = self.indicators[indicator]
        name = kind.removeprefix("competitor:")
        item: Item | None
        used: tuple[str, ...]
        if kind.startswith("competitor:"):
            item, used = entry.competitors.get(name), ("competitors", name)
        elif kind not in KINDS:
            names = sorted({c for i in self.indicators.values() for c in i.competitors})
            raise OptionError([unknown(kind, [*KINDS, *(f"competitor:{n}" for n in names)], what="kind of rating", where="kind")])
        else:
            measure = getattr(entry, kind)
            if measure is None and kind == "perception":
                measure = {"all": Item(column=indicator)}
            item, used = _of_role(measure or {}, kind, role), (kind,)
        if item is None:
            return None
        own_scale = self.scale if kind == "importance" else (entry.scale or self.scale)
        own_missing = self.missing if entry.missing is None else entry.missing
        own_reverse = False if kind == "importance" else entry.reverse
        return Rating(
            item.column,
            item.scale or own_scale,
            own_missing if item.missing is None else item.missing,
            own_reverse if item.reverse is None else item.reverse,
            self.at("indicators", indicator, *used),
        )

    def kinds(self) -> tuple[str, ...]:
        """Return every kind of rating that was asked for some indicator."""
        asked = [k for k in KINDS if k == "perception" or any(getattr(i, k) for i in self.indicators.values())]
        return (*asked, *(f"competitor:{n}" for n in self.competitors()))

    def competitors(self) -> tuple[str, ...]:
        """Return the names of competitors that were rated, in order of appearance."""
        named = [c for i in self.indicators.values() for c in i.competitors]
        if self.competition:
            named += [b for b in self.competition.shares if b != self.competition.us]
        return tuple(dict.fromkeys(named))

    def ratings(self) -> list[Rating]:
        """Return every column of ratings, of every indicator, kind and role; each once."""
        found: dict[tuple[str, str], Rating] = {}
        for indicator in self.indicators:
            for kind in self.kinds():
                for role in ("customer", "user", "management", "staff"):
                    rating = self.rating(indicator, kind, role)
                    if rating:
                        found.setdefault((rating.column, rating.key), rating)
        return list(found.values())

    def leaves(self, construct: str) -> tuple[str, ...]:
        """Return the indicators of a construct, those of the constructs that it is made `of` included; each once."""
        entry = self.constructs[construct]
        below = [i for part in entry.of for i in self.leaves(part)]
        return tuple(dict.fromkeys([*entry.indicators, *below]))

    def parts(self, construct: str) -> tuple[str, ...]:
        """Return the constructs that a construct is made `of`, at every level below it; each once."""
        direct = self.constructs[construct].of
        return tuple(dict.fromkeys(p for part in direct for p in (part, *self.parts(part))))

    def outcome_rating(self, name: str) -> Rating | None:
        """Return the column behind an outcome; None where it is a construct."""
        outcome = self.outcomes[name]  # type: ignore[index]
        if self.outcome_construct(name):
            return None
        column = outcome.column or name
        scale, missing, reverse = outcome.scale, outcome.missing, outcome.reverse
        for indicator, entry in self.indicators.items():
            rating = self.rating(indicator)
            if rating and column in (indicator, rating.column):
                column = rating.column
                scale, reverse = scale or rating.scale, reverse or rating.reverse
                missing = (rating.missing if entry.missing is not None else None) if missing is None else missing
        if scale is None:
            scale = Scale(min=0, max=10) if name == "recommendation" else self.scale
        return Rating(column, scale, self.missing if missing is None else missing, reverse, self.at("outcomes", name))

    def outcome_ratings(self) -> list[Rating]:
        """Return the columns of outcomes that were rated on a scale (not counted by `yes`, no contribution)."""
        rated = [name for name, outcome in self.outcomes.items() if outcome.yes is None and name != "contribution"]
        return [rating for name in rated if (rating := self.outcome_rating(name))]

    def outcome_construct(self, name: str) -> str | None:
        """Return the construct behind an outcome; None where it is a column."""
        outcome = self.outcomes[name]  # type: ignore[index]
        if outcome.construct_:
            return outcome.construct_
        return outcome.column if outcome.column in self.constructs else None

    def segment_column(self, segment: str) -> str:
        """Return the column of a segment."""
        return self.segments[segment].column or segment

    # ---- theory

    def build_model(self) -> Model:
        """Return the Model of the study, with indicator keys as items.

        Raises StudyError where the study has no model, or the model is none (a cycle, a construct without items …).
        """
        if self.model is None:
            raise StudyError(
                "has no model",
                where=self.file_name,
                allowed="model: {template: acsi | ecsi | tcsi | ccsi} or model: {paths: {Source: [Target]}}",
                mend="add `model:` with a template or with paths of your own",
            )
        entries = self.construct_entries()
        if self.model.template:
            return template(self.model.template).fill(entries)
        pairs = tuple((source, target) for source, targets in (self.model.paths or {}).items() for target in targets)
        named = {name for pair in pairs for name in pair}
        unknowns = [unknown(n, entries, what="construct", where=self.at("model", "paths")) for n in named if n not in entries]
        if unknowns:
            raise StudyError(unknowns)
        chosen = [c for name, c in entries.items() if name in named]
        return Model(with_parts(chosen, entries), pairs, self.model.target or "Satisfaction")

    def construct_entries(self) -> dict[str, Construct]:
        """Return every construct as a model takes it, by name: with indicator keys as items, or with its parts."""
        return {name: Construct(name, entry.indicators, entry.mode, entry.of) for name, entry in self.constructs.items()}

    # ---- words

    def label(self, key: str) -> str | dict[str, str]:
        """Return the label of an indicator, construct, segment, outcome, question or wave; `key` where it has none.

        An outcome without a label is called as its construct is, or by the usual word for it.
        """
        places: list[Mapping[Any, Any]] = [self.indicators, self.constructs, self.segments, self.outcomes, self.questions]
        if self.operations:
            places.append(self.operations.metrics)
        for entries in places:
            found = entries[key].label if key in entries else None
            if found is not None:
                return found
        if self.wave and key in self.wave.labels:
            return self.wave.labels[key]
        if key in self.outcomes:
            construct = self.constructs.get(self.outcome_construct(key) or "")
            own = construct.label if construct else None
            return own if own is not None else {lang: text(f"study.outcome.{key}", lang) for lang in LANGUAGES}
        return key

    def _repr_html_(self) -> str:
        from csr_lib.study.card import study_card

        return study_card(self, "zh")


def _of_role(measure: Mapping[str, Item], kind: str, role: str) -> Item | None:
    """Pick the item of a role: its own; else the customers' for users; else the one that names no role."""
    if role in measure:
        return measure[role]
    if role == "user" and "customer" in measure:
        return measure["customer"]
    if kind == "expectation" and role not in ("customer", "user"):
        return None
    return measure.get("all")


def schema_json() -> dict[str, Any]:
    """Return the JSON schema of study.yml, for editors that complete and check the file."""
    schema = Study.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "study.yml",
        **{k: v for k, v in schema.items() if k != "title"},
    }
