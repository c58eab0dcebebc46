"""The Chinese font of a page: only the characters that it uses, embedded, so that it reads on a machine without one."""

from __future__ import annotations

import base64
import html
import io
import logging
import re

from csr_lib.show.theme import font_file

#: Dash, quotation marks and ellipsis, which Noto Sans SC draws as wide as a Chinese character.
_WIDE = frozenset("—‘’“”…")
_TAGS = re.compile(r"<style>.*?</style>|<[^>]*>", re.DOTALL)


def shown_characters(page: str) -> str:
    """Return the characters that a reader of the HTML `page` sees, each once, sorted."""
    return "".join(sorted(set(html.unescape(_TAGS.sub("", page))) - set("\n\r\t")))


def font_face(page: str, lang: str) -> str:
    """Return the ``@font-face`` rule with a woff2 subset for `page`.

    Every page carries the characters that it shows, English ones too: words look like those in the figures, and tables
    are as wide on every machine. Left to the reader's fonts is what Noto Sans SC lacks and, on an English page, the
    punctuation that it sets for Chinese. The same page gives the same bytes.
    """
    used = "".join(c for c in shown_characters(page) if lang == "zh" or c not in _WIDE)
    data = base64.b64encode(_subset(used)).decode("ascii")
    return f'@font-face{{font-family:"CSR Sans";src:url(data:font/woff2;base64,{data}) format("woff2");font-display:block}}'


def _subset(characters: str) -> bytes:
    from fontTools import subset

    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)  # it counts every table it leaves out
    options = subset.Options(flavor="woff2", hinting=False, layout_features=[], recalc_timestamp=False, notdef_outline=True)
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "STAT", "vhea", "vmtx"]  # slow, and not needed
    font = subset.load_font(str(font_file()), options)
    chosen = subset.Subsetter(options)
    chosen.populate(text=characters)
    chosen.subset(font)
    out = io.BytesIO()
    subset.save_font(font, out, options)
    return out.getvalue()
