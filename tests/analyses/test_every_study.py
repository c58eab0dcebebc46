"""Every example study × every analysis: either it can be made, and comes out sound, or `feeds` says what is lacking."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sound import assert_sound

from csr_lib.analyses import ANALYSES, load
from csr_lib.core.check import Check
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.errors import CsrError
from csr_lib.core.text import LANGUAGES
from csr_lib.study import Survey, open_study

DATA = Path(__file__).parents[2] / "data"
STUDIES = sorted(p.name for p in DATA.iterdir() if (p / "study.yml").is_file())

#: As few resamples as will do to see that an analysis runs.
FEW = {"bootstrap": 20, "parallel": 20, "simulations": 200}


@cache
def survey(study: str) -> Survey:
    return open_study(DATA / study)


def few_resamples(analysis: str) -> dict[str, Any]:
    fields = load(analysis).Options.model_fields
    return {k: n for k, n in FEW.items() if k in fields and 0 not in [getattr(m, "le", None) for m in fields[k].metadata]}


@pytest.fixture(autouse=True)
def every_verdict_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever verdict a cut-off gives, its sentence finds all its values: other answers give other verdicts."""
    judge = Check.against.__func__  # type: ignore[attr-defined]

    def against(cls: type[Check], key: str, value: float, cutoff: str | None = None, **values: Any) -> Check:
        check: Check = judge(cls, key, value, cutoff, **values)
        rule = CUTOFFS[cutoff or key]
        for verdict in ("pass", "fail") if rule.threshold == rule.fail else ("pass", "warn", "fail"):
            for lang in LANGUAGES:
                replace(check, verdict=verdict).sentence(lang)
        return check

    monkeypatch.setattr(Check, "against", classmethod(against))


@pytest.mark.parametrize("analysis", ANALYSES)
@pytest.mark.parametrize("name", STUDIES)
def test_every_study_feeds_an_analysis_or_is_told_what_it_lacks(name: str, analysis: str) -> None:
    answers = survey(name)
    make = getattr(load(analysis), analysis)
    lacks = load(analysis).feeds(answers.study)
    if lacks:
        assert all(p.what and p.where and (p.allowed or p.mend) for p in lacks)
        with pytest.raises(CsrError):
            make(answers, **few_resamples(analysis))
    elif analysis not in answers.study.analyses:  # those that study.yml names are made and tested as reports
        if analysis == "factor_structure" and answers.waves:
            answers = answers.wave(answers.waves[-1])  # to save time: waves pooled are tested with that analysis
        assert_sound(make(answers, **few_resamples(analysis)))
