"""How a report was made: what the Result says of its answers and options, and the versions that computed it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from csr_lib import __version__
from csr_lib.core.result import Result
from csr_lib.core.text import has_text, text
from csr_lib.show import cards

#: Packages whose version can change a number or a picture.
_KEY_PACKAGES = ("numpy", "pandas", "scipy", "scikit-learn", "pingouin", "semopy", "factor-analyzer", "matplotlib")


def analysis_name(result: Result, lang: str) -> str:
    """Return the name of the analysis in words; its key where the catalogue has none."""
    key = f"analysis.{result.analysis}"
    return text(key, lang) if has_text(key, lang) else result.analysis


def provenance_rows(result: Result, lang: str, absent: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return the lines of the footer, name and value: study, answers read and left out, options, seed, hashes, versions.

    `absent` are the sentences on what the report lacks for want of data.
    """
    packages = [f"csr_lib {__version__}", *(f"{name} {version(name)}" for name in _KEY_PACKAGES)]
    lacking = [(text("report.absent", lang), cards.sentences(absent, lang))] if absent else []
    return [*cards.provenance_rows(result, lang), *lacking, (text("report.versions", lang), ", ".join(packages))]
