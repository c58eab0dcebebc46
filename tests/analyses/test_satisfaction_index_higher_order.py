"""A satisfaction index whose drivers are made of dimensions, and one whose consistent solution is impossible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from index_samples import answers, ecsi, study

import csr_lib as csr
from csr_lib.core.model import Construct, Model
from csr_lib.stats.moments import moments
from csr_lib.stats.pls_higher_order import pls_two_stage

SMALL = {"bootstrap": 60, "seed": 1}


def opened(folder: Path, **changes: Any) -> csr.Survey:
    answers().to_csv(folder / "answers.csv", index=False)
    constructs = study()["constructs"] | {"Experience": {"of": ["Image", "Quality"], "label": {"zh": "体验", "en": "Experience"}}}
    paths = {"Experience": ["Satisfaction"], "Satisfaction": ["Loyalty"]}
    content = study(constructs=constructs, model={"paths": paths}, **changes)
    (folder / "study.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return csr.open_study(folder / "study.yml", lang="en")


@pytest.fixture
def survey(tmp_path: Path) -> csr.Survey:
    return opened(tmp_path)


def expected() -> Any:
    names = {name: tuple(of["indicators"]) for name, of in study()["constructs"].items()}
    model = Model(
        (Construct("Experience", of=("Image", "Quality")), *(Construct(n, i) for n, i in names.items())),
        (("Experience", "Satisfaction"), ("Satisfaction", "Loyalty")),
        "Satisfaction",
    )
    return pls_two_stage(moments(answers()[list(model.items)]), model, limits=(1, 10))


@pytest.mark.parametrize("bootstrap", [0, 60])
def test_the_index_is_that_of_two_stages(survey: csr.Survey, bootstrap: int) -> None:
    found = csr.satisfaction_index(survey, bootstrap=bootstrap, seed=1, scope="all")
    reference = expected()
    index = found.tables["index"].set_index("construct")["index"]
    assert set(index.index) == {"Experience", "Satisfaction", "Loyalty"}
    np.testing.assert_allclose(index, reference.index[index.index])
    both = found.tables["paths"].merge(reference.last.paths, on=["source", "target"])
    assert len(both) == 2
    np.testing.assert_allclose(both["estimate_x"], both["estimate_y"])
    items = found.tables["importance_performance_items"]
    assert list(items["item"]) == ["Image", "Quality"]
    np.testing.assert_allclose(items["performance"], reference.index[["Image", "Quality"]])
    sd = found.tables["index"].set_index("construct")["sd"]
    np.testing.assert_allclose(sd["Experience"], reference.last.constructs.set_index("construct")["index_sd"]["Experience"])


def test_waves_and_segments_have_the_index_of_their_answers(survey: csr.Survey) -> None:
    found = csr.satisfaction_index(survey, **SMALL)
    reference = expected().items
    own = reference[reference["construct"] == "Experience"]
    frame = answers()
    waves = found.tables["waves"]
    for wave in ("2023", "2024"):
        mean = frame.loc[frame["wave"] == wave, own["item"]].mean().to_numpy()
        row = waves[(waves["construct"] == "Experience") & (waves["wave"] == wave)]
        assert row["index"].item() == pytest.approx(float((mean - 1) / 9 * 100 @ own["share"].to_numpy()))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_method_says_how_the_whole_is_measured(survey: csr.Survey, lang: str) -> None:
    found = csr.satisfaction_index(survey, **SMALL)
    said = " ".join(found.findings(lang, level="method"))
    assert ("不相交两阶段法" if lang == "zh" else "disjoint two-stage approach") in said
    assert ("11 个题项" if lang == "zh" else "11 items") in said
    assert "becker2023" in found.references
    assert all("{" not in sentence for sentence in found.findings(lang))


def test_an_impossible_consistent_solution_fails_its_check(tmp_path: Path) -> None:
    found = csr.satisfaction_index(ecsi(tmp_path), mode="reflective", **SMALL)
    check = next(c for c in found.checks if c.key == "model_admissible")
    assert check.verdict == "fail"
    assert "contradict each other" in check.sentence("en")
    assert "相互矛盾" in check.sentence("zh")
    assert any("不可行" in sentence for sentence in found.findings("zh", level="limit"))


def test_composites_are_not_asked_whether_they_are_factors(survey: csr.Survey) -> None:
    found = csr.satisfaction_index(survey, **SMALL)
    assert "model_admissible" not in {c.key for c in found.checks}


def test_an_admissible_consistent_solution_passes(tmp_path: Path) -> None:
    found = csr.satisfaction_index(opened(tmp_path), mode="reflective", **SMALL)
    check = next(c for c in found.checks if c.key == "model_admissible")
    assert check.verdict == "pass"
    assert (found.tables["loadings"]["estimate"].abs() <= 1).all()


def test_importance_from_effects_says_that_it_wants_constructs_with_indicators(survey: csr.Survey) -> None:
    with pytest.raises(csr.CsrError, match="'Experience' is made of other constructs"):
        csr.importance_performance(survey, importance="total_effects")
