"""From what cells hold to safe HTML: markdown with MathML and known heading ids, and an allow-list for what cells showed."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any

import nh3
from latex2mathml.converter import convert as to_mathml
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from csr_lib.core.text import escape, text
from csr_lib.report.execute import ReportError


def _names(text: str) -> set[str]:
    return set(text.split())


_TEXT = _names(
    "a abbr b blockquote br cite code dd del details div dl dt em h2 h3 h4 h5 hr i ins kbd li mark meter ol p pre q s section "
    "small span strong sub summary sup time u ul"
)
_TABLES = _names("table caption colgroup col thead tbody tfoot tr th td")
_PICTURES = _names("figure figcaption picture source img")
# MathML Core, without the elements that lead back into HTML
_MATH = _names(
    "math mrow mi mo mn mtext mspace msub msup msubsup munder mover munderover mfrac msqrt mroot mtable mtr mtd mpadded "
    "mphantom mstyle"
)
_MATH_ATTRIBUTES = _names(
    "display displaystyle mathvariant stretchy fence separator form lspace rspace width minsize maxsize accent accentunder "
    "columnalign scriptlevel linethickness movablelimits symmetric largeop"
)
_ATTRIBUTES = {
    "*": {"class", "id", "lang", "title", "role", "aria-label", "aria-hidden", "aria-labelledby"},
    "a": {"href"},
    "th": {"scope", "colspan", "rowspan"},
    "td": {"colspan", "rowspan"},
    "col": {"span"},
    "ol": {"start"},
    "details": {"open"},
    "meter": {"value", "min", "max"},
    "img": {"src", "alt", "width", "height"},
    "source": {"media", "srcset", "type"},
}
_PICTURE_DATA = re.compile(r"data:image/(?:svg\+xml|png);base64,[A-Za-z0-9+/=]+")
# what a picture's file must not hold, though a browser runs no script in an <img>: the page may be taken apart by hand
_ACTIVE_SVG = re.compile(
    rb"""<\s*(?:script|foreignObject|iframe)|<[a-z][^>]*\s(?:on\w+\s*=|(?:xlink:)?(?:href|src)\s*=\s*["'](?!\#|data:image/))""",
    re.IGNORECASE,
)


def _filter(tag: str, attribute: str, value: str) -> str | None:
    if (tag, attribute) in (("img", "src"), ("source", "srcset")):
        return value if _is_picture(value) else None
    if attribute == "href":
        return value if value.startswith(("#", "https://", "http://", "mailto:")) else None
    return value


def _is_picture(url: str) -> bool:
    if not _PICTURE_DATA.fullmatch(url):
        return False
    if url.startswith("data:image/png"):
        return True
    try:
        return not _ACTIVE_SVG.search(base64.b64decode(url.split(",", 1)[1], validate=True))
    except binascii.Error:
        return False


def clean(html: str, *, math: bool = False) -> str:
    """Return `html` with what is on the allow-list: no script, no style, no handler, no picture but embedded SVG or PNG.

    `math` lets MathML through; it is for what the library itself wrote.
    """
    attributes = _ATTRIBUTES | (dict.fromkeys(_MATH, _MATH_ATTRIBUTES) if math else {})
    return nh3.clean(
        html,
        tags=_TEXT | _TABLES | _PICTURES | (_MATH if math else set()),
        attributes=attributes,
        attribute_filter=_filter,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer",
    )


@dataclass
class Prose:
    """Turns the markdown cells of one page into HTML, and collects its sections.

    Attributes
    ----------
    lang : language of the page.
    sections : ``(id, heading as HTML)`` of every heading of level 2, in order; the contents list is made of them.
    """

    lang: str
    sections: list[tuple[str, str]] = field(default_factory=list)

    def html(self, source: str) -> str:
        """Return a markdown text as HTML.

        Formulas between ``$`` become MathML, which a browser draws without a script. A heading of level 1 is left
        out: on the page the title block stands in its place.
        """
        rendered = MarkdownWithMath(renderer=_Renderer(self)).render(source)
        return re.sub(r"<p>\s*</p>", "", clean(rendered, math=True))

    def section(self, heading: str) -> str:
        """Enter a heading of level 2 into the contents and return its id."""
        self.sections.append((f"s{len(self.sections) + 1}", clean(heading, math=True)))
        return self.sections[-1][0]


class _Renderer(IPythonRenderer):
    def __init__(self, prose: Prose):
        super().__init__(escape=False, exclude_anchor_links=True)
        self.prose = prose

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        if level == 1:
            return ""
        name = f' id="{self.prose.section(text)}"' if level == 2 else ""
        return f"<h{min(level, 5)}{name}>{text}</h{min(level, 5)}>\n"

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        tag, scope = ("th", ' scope="col"') if head else ("td", "")
        number = ' class="num"' if align == "right" else ""
        return f"<{tag}{scope}{number}>{text}</{tag}>\n"

    def block_math(self, body: str) -> str:
        return f'<div class="csr-formula">{_mathml(body, "block")}</div>'

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")

    def inline_math(self, body: str) -> str:
        return _mathml(body, "inline")


def _mathml(body: str, display: str) -> str:
    latex = body.strip().replace("{aligned}", "{align*}")  # the one is drawn as the other, and only the other is known
    try:
        mathml = str(to_mathml(latex, display=display))
        reason = "it holds a command that is not known" if "\\" in mathml else ""
    except Exception as error:  # the converter has a family of errors without a common base
        reason = f"{type(error).__name__} {error}"
    if reason:
        raise ReportError(f"the formula cannot be read: {latex}", where="prose cell", mend=reason)
    return mathml.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")


_NUMBERED = re.compile(r'<(figcaption|caption)((?:\s[^>]*)?)>\s*(<span class="csr-caption">)?<span class="csr-number"></span>')


def numbered(html: str, lang: str) -> str:
    """Fill in the numbers of figures and tables, each counted from 1 in the order of the page."""
    count = {"figcaption": 0, "caption": 0}

    def fill(match: re.Match[str]) -> str:
        tag = match.group(1)
        count[tag] += 1
        label = text("report.figure_number" if tag == "figcaption" else "report.table_number", lang, number=count[tag])
        return f'<{tag}{match.group(2)}>{match.group(3) or ""}<span class="csr-number">{escape(label)}</span> '

    return _NUMBERED.sub(fill, html)
