"""Makes matplotlib's SVG a third of its size without a visible difference: Chinese glyphs are what fills it."""

from __future__ import annotations

import re
from functools import cache

_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\n?", re.DOTALL)
_GLYPH = re.compile(r' d="([^"]*)" transform="scale\(0\.015625\)"')
_PATH = re.compile(r' d="([^"]*)"')
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_COARSER = 8  # glyph outlines keep 1/800 of an em, a hundredth of a point in body text


def compact(svg: bytes) -> bytes:
    """Return `svg` with glyph outlines on a coarser grid and in relative steps, other coordinates to 1/100 point."""
    content = _METADATA.sub("", _COMMENT.sub("", svg.decode("utf-8")))
    content = _PATH.sub(lambda m: f' d="{_LONG_NUMBER.sub(_short, " ".join(m[1].split()))}"', content)
    content = _GLYPH.sub(lambda m: f' d="{_relative(m[1])}" transform="scale({0.015625 * _COARSER})"', content)
    content = content.replace("NotoSansSC-Regular-", "n")
    return ("\n".join(line.strip() for line in content.splitlines() if line.strip()) + "\n").encode()


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


@cache  # the same characters come again in every figure of a report
def _relative(path: str) -> str:
    """Write an outline of absolute M, L, Q, C and z as relative steps on the coarser grid."""
    out: list[str] = []
    x = y = 0  # where the pen is, and where the outline began
    start = (0, 0)
    tokens = iter(path.split())
    for command in tokens:
        if command in "zZ":
            out.append("z")
            x, y = start
            continue
        count = {"M": 1, "L": 1, "Q": 2, "C": 3}[command]
        points = [(round(float(next(tokens)) / _COARSER), round(float(next(tokens)) / _COARSER)) for _ in range(count)]
        steps = [(px - x, py - y) for px, py in points]
        x, y = points[-1]
        if command == "M":
            start = (x, y)
        if command == "L" and 0 in steps[0]:
            out.append(f"v{steps[0][1]}" if steps[0][0] == 0 else f"h{steps[0][0]}")
        else:
            out.append(command.lower() + " ".join(f"{a} {b}" for a, b in steps).replace(" -", "-"))
    return "".join(out)
