"""Factor structure: the sentences of the method, ready to cite."""

from __future__ import annotations

from typing import Any

from csr_lib.analyses.factor_structure.words import Words, alpha_interval, phrase
from csr_lib.core.check import Finding
from csr_lib.core.text import LANGUAGES, text
from csr_lib.show.cards import basis_sentence


def method(w: Words) -> list[Finding]:
    """Return the sentences of the method paragraph."""
    from csr_lib import __version__

    result, options, tables = w.result, w.result.options, w.tables
    found: list[Finding] = []

    def say(key: str, **values: Any) -> None:
        found.append(Finding(f"fs_method_{key}", values, "neutral", "method"))

    basis = {lang: basis_sentence(result.basis, lang).rstrip(".。") for lang in LANGUAGES}
    say("base", items=len(tables["loadings"]), basis=basis)
    if options["split"]:
        say("split", seed=result.seed)
    say("reliability", confidence=result.confidence, interval=alpha_interval(result))
    say("adequacy", correlation=phrase(f"correlation.{options['correlation']}"))
    say(
        "extraction", extract=phrase(f"extract.{options['extract']}"), rotation=phrase(f"rotation.{options['rotation']}"),
        factors=options["factors"], rule=phrase(f"rule.{options['factors_rule']}"), chance=phrase(f"chance.{options['chance']}"),
        resamples=options["chance_resamples"],
    )  # fmt: skip
    if result.resamples:
        say("bootstrap", resamples=result.resamples, seed=result.seed, confidence=result.confidence)
    say("naming")
    if "score_paths" in tables:
        say("scores", target=w.target, units=w.units)
    if "fit" in tables:
        whole = "fiml" if result.basis.missing_rule == "em" else "plain"
        say("models", estimator=phrase(f"estimator.{options['estimator']}"), answers=phrase(f"answers.{whole}"))
        stated = (tables["fit"]["fit_source"] == "study").any()
        say("thresholds_study" if stated else "thresholds", list=_criteria(w))
    if "validity" in tables:
        say("validity")
    if "hypotheses" in tables:
        say("hypotheses", alpha=w.limit)
    if "invariance" in tables:
        say("invariance", group_n=options["group_n"])
    say("software", version=__version__)
    return found


def _criteria(w: Words) -> list[dict[str, str]]:
    return [
        {lang: f"{text(f'value.fit_measure.{m}', lang)} {c}" for lang in LANGUAGES}
        for m, c in zip(w.tables["fit"]["fit_measure"], w.tables["fit"]["criterion"], strict=True)
    ]
