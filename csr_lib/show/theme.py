"""How every figure looks: colours, fonts and the settings of matplotlib, applied in a context and never globally."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from csr_lib.core.errors import CsrError

# Colours keep apart under the common colour-vision deficiencies; nothing is told by colour alone.
NAVY = "#1f3a5f"  # the main series
TEAL = "#1b7f79"  # the second series
AMBER = "#c77700"  # with care
RED = "#b3261e"  # bad
GREEN = "#2e7d32"  # good
GREY = "#5f6b7a"  # words and lines of second rank
PALE = "#d9dee5"  # grids, bands
INK = "#1c2430"  # text
PAPER = "#ffffff"

#: Colours and markers of further series, in order; a series is told by both.
SERIES = (NAVY, TEAL, AMBER, "#7a4b94", "#4c7fb8", GREY)
MARKERS = ("o", "D", "s", "^", "v", "P")
TONES = {"good": GREEN, "bad": RED, "caution": AMBER, "neutral": NAVY}

#: Noto Sans SC draws Chinese and Latin; DejaVu Sans what it lacks. As `font.family`, because the per-glyph
#: fallback does not work through `font.sans-serif`.
FAMILY = ("Noto Sans SC", "DejaVu Sans")
FONT_SIZE = 9.5  # points; in a 7.2 inch picture about the size of the page's small print


def font_file() -> Path:
    """Return the file of Noto Sans SC that zhplot carries.

    The package is looked up but not imported: its import is slow and changes rcParams.

    Raises
    ------
    CsrError
        zhplot, or the font in it, is not installed.
    """
    spec = importlib.util.find_spec("zhplot")
    file = Path(spec.origin).parent / "fonts" / "NotoSansSC-Regular.ttf" if spec and spec.origin else None
    if file is None or not file.is_file():
        raise CsrError(
            "the Chinese font Noto Sans SC was not found", where="package zhplot", mend="install it: pip install 'zhplot>=0.2'"
        )
    return file


@cache
def register_fonts() -> Path:
    """Make Noto Sans SC known to matplotlib, once per process, and return its file."""
    from matplotlib import font_manager

    file = font_file()
    font_manager.fontManager.addfont(str(file))
    return file


def settings() -> dict[str, Any]:
    """Return the rcParams of the theme."""
    return {
        "font.family": list(FAMILY),
        "font.size": FONT_SIZE,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": GREY,
        "axes.linewidth": 0.8,
        "axes.titlesize": FONT_SIZE + 0.5,
        "axes.labelsize": FONT_SIZE,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": FONT_SIZE - 0.5,
        "ytick.labelsize": FONT_SIZE - 0.5,
        "grid.color": PALE,
        "grid.linewidth": 0.7,
        "legend.frameon": False,
        "legend.fontsize": FONT_SIZE - 0.5,
        "hatch.linewidth": 0.6,
        "text.parse_math": False,  # a "$" in a label is a dollar
        "figure.facecolor": PAPER,
        "axes.facecolor": PAPER,
        "savefig.facecolor": PAPER,
        "savefig.bbox": None,
        "savefig.dpi": 144,
        "figure.dpi": 100,
        "svg.fonttype": "path",  # no font needed where the picture is shown
        "svg.hashsalt": "csr_lib",  # the same drawing, the same bytes
        "svg.image_inline": True,
    }


@contextmanager
def theme() -> Iterator[list[str]]:
    """Draw in the library's theme; the user's rcParams are as before afterwards.

    Yields a list that holds, after the block, what matplotlib said about glyphs that no font has, so that it can
    reach the report. Other warnings go their usual way.
    """
    import matplotlib as mpl

    register_fonts()
    missing: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with mpl.rc_context():
            mpl.rcdefaults()  # a figure looks the same whatever the user has set
            mpl.rcParams.update(settings())  # type: ignore[arg-type]
            yield missing
    for warning in caught:
        said = str(warning.message)
        if said.startswith("Glyph"):
            if said not in missing:
                missing.append(said)
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
