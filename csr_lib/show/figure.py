"""Figure: a drawing with its name, caption and alternative text, shown as one picture for wide and one for narrow screens."""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csr_lib.core.errors import OptionError
from csr_lib.core.text import escape
from csr_lib.show.svg import compact
from csr_lib.show.theme import theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure as LiveFigure

#: Draws on an empty matplotlib figure; `narrow` asks for the variant for a phone.
Draw = Callable[["LiveFigure", bool], None]
Size = tuple[float, float]

WIDE: Size = (7.2, 4.6)  # inches
NARROW: Size = (4.2, 5.2)
FILE_FORMATS = ("svg", "png", "pdf")


@dataclass(frozen=True)
class Drawing:
    """What a figure function returns: how to draw, and the sizes in inches that its contents need.

    Called with a matplotlib figure (or subfigure) it draws on it, so it can be put into a figure of one's own:
    ``quadrant(frame, labels=…, lang="en")(fig, narrow=False)``.
    """

    draw: Draw
    wide: Size = WIDE
    narrow: Size = NARROW

    def __call__(self, fig: Any, narrow: bool = False) -> None:
        self.draw(fig, narrow)


@dataclass(frozen=True)
class Figure:
    """A figure of a report.

    Attributes
    ----------
    draw : draws on an empty matplotlib figure with constrained layout; called as ``draw(fig, narrow)``.
    name : letters, digits, ``-`` and ``_``; its id on the page is ``fig-<name>``.
    caption, alt : plain text. The alternative text says what the picture shows, with its main values.
    wide, narrow : sizes in inches of the two variants.
    """

    draw: Draw
    name: str
    caption: str
    alt: str
    wide: Size = WIDE
    narrow: Size = NARROW
    _drawn: dict[bool, tuple[bytes, list[str]]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, drawing: Drawing, name: str, caption: str, alt: str) -> Figure:
        """Make a figure of what a figure function returned."""
        return cls(drawing.draw, name, caption, alt, drawing.wide, drawing.narrow)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w-]+", self.name):
            raise OptionError(f"'{self.name}' cannot be a figure's name", where="Figure", allowed="letters, digits, - and _")

    def matplotlib(self, narrow: bool = False) -> LiveFigure:
        """Return the drawing as a live matplotlib figure, to be changed or saved by hand."""
        live, _ = self._make(narrow)
        with theme():
            live.draw_without_rendering()  # ticks are made here, in the theme
        return live

    def svg(self, narrow: bool = False) -> bytes:
        """Return the drawing as SVG; the same drawing gives the same bytes."""
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        if narrow not in self._drawn:
            live, missing = self._make(narrow)
            out = io.BytesIO()
            with theme() as more:
                # no date, no version: the same job, the same bytes; not savefig, which draws everything twice
                FigureCanvasSVG(live).print_svg(out, metadata={"Date": None, "Creator": None})
            self._drawn[narrow] = (compact(out.getvalue()), list(dict.fromkeys(missing + more)))
        return self._drawn[narrow][0]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the fonts could not draw, in matplotlib's words; empty where everything was drawn."""
        for narrow in (False, True):
            self.svg(narrow)
        return tuple(dict.fromkeys(w for _, missing in self._drawn.values() for w in missing))

    def save(self, path: str | Path, narrow: bool = False) -> Path:
        """Write the figure to `path`; its ending (svg, png, pdf) says in which format.

        Raises OptionError for another ending.
        """
        path = Path(path)
        kind = path.suffix.lower().lstrip(".")
        if kind not in FILE_FORMATS:
            raise OptionError(f"cannot write '{path.name}'", where="Figure.save", allowed=", ".join(FILE_FORMATS))
        if kind == "svg":
            path.write_bytes(self.svg(narrow))
            return path
        live, _ = self._make(narrow)
        with theme():
            live.savefig(path, format=kind, metadata={"Software": None} if kind == "png" else {"CreationDate": None})
        return path

    def _make(self, narrow: bool) -> tuple[LiveFigure, list[str]]:
        with theme() as missing:
            live = _live_figure()(figsize=self.narrow if narrow else self.wide, layout="constrained")
            self.draw(live, narrow)
        return live, missing

    def _repr_html_(self) -> str:
        for said in self.warnings:  # a character that could not be drawn is the reader's business
            warnings.warn(said, stacklevel=2)
        wide, narrow = (f"data:image/svg+xml;base64,{base64.b64encode(self.svg(n)).decode()}" for n in (False, True))
        return (
            f'<figure class="csr-figure" id="fig-{escape(self.name)}"><picture>'
            f'<source media="(max-width: 640px)" srcset="{narrow}"><img src="{wide}" alt="{escape(self.alt)}"></picture>'
            f'<figcaption><span class="csr-number"></span>{escape(self.caption)}</figcaption></figure>'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": f"{self.caption}\n{self.alt}"}


@cache
def _live_figure() -> type[LiveFigure]:
    """Return matplotlib's Figure with a picture of its own for notebooks that never imported pyplot."""
    from matplotlib.figure import Figure as LiveFigure

    class ShownFigure(LiveFigure):
        def _repr_png_(self) -> bytes:
            out = io.BytesIO()
            with theme():
                self.savefig(out, format="png", metadata={"Software": None})
            return out.getvalue()

    return ShownFigure
