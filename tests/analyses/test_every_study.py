"""Every example study × every analysis: either it can be made, and comes out sound, or `feeds` says what is lacking."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sound import assert_sound

from csr_lib.analyses import ANALYSES, load
from csr_lib.core.errors import CsrError
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
