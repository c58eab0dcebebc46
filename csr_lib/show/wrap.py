"""Breaking labels into lines: Chinese between characters, English between words, never a bracket or comma astray."""

from __future__ import annotations

import re
import unicodedata

_CJK = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_WORD = re.compile(rf"\s+|[^\s{_CJK}]+|.", re.DOTALL)
_HAS_CJK = re.compile(f"[{_CJK}]")
#: Noto Sans SC draws these as wide as a Chinese character, which tears English words apart.
_STRAIGHT = str.maketrans("’‘“”", "''\"\"")
_CLOSING = "，。、；：！？）》】」』”’％%,.;:!?)]}"
_OPENING = "（《【「『“‘([{"


def width(label: str) -> float:
    """Return the width of `label` in half ems: 2 for a Chinese character, about 1 for a Latin one."""
    return sum(_char_width(ch) for ch in label)


def _char_width(ch: str) -> float:
    if unicodedata.east_asian_width(ch) in "WF":
        return 2.0
    if ch in "iljI.,;:'|!()[] ft":
        return 0.65
    return 1.3 if ch.isupper() or ch in "mw%—@" else 1.12


def wrap(label: str, most: float) -> str:
    """Break `label` into lines of at most `most` half ems, as even in length as the number of lines allows."""
    label = plain_quotes(" ".join(label.split()))
    if width(label) <= most:
        return label
    bracket = label.find("（")
    if bracket > 0 and max(width(label[:bracket]), width(label[bracket:])) <= most:
        return f"{label[:bracket]}\n{label[bracket:]}"
    longest = max(width(piece) for piece in _WORD.findall(label))
    most = max(most, min(1.5 * most, longest))  # rather wider than a word cut
    wanted = len(_greedy(label, most))
    low, high = min(most, max(width(label) / wanted, longest)), most
    for _ in range(12):  # the narrowest width that takes no more lines
        middle = (low + high) / 2
        low, high = (low, middle) if len(_greedy(label, middle)) <= wanted else (middle, high)
    return "\n".join(_greedy(label, high))


def plain_quotes(label: str) -> str:
    """Return `label` with straight quotation marks where it has no Chinese in it."""
    return label if _HAS_CJK.search(label) else label.translate(_STRAIGHT)


def lines(label: str, most: float) -> int:
    """Return into how many lines `wrap` breaks `label`."""
    return wrap(label, most).count("\n") + 1


def _greedy(label: str, most: float) -> list[str]:
    out, line = [], ""
    for token in _tokens(label, most):
        if line and width((line + token).rstrip()) > most:
            out.append(line.rstrip())
            line = token.lstrip()
        else:
            line += token
    return [*out, line.rstrip()] if line.strip() else out


def _tokens(label: str, most: float) -> list[str]:
    """Cut `label` where a line may end; a word wider than a line is cut by force."""
    pieces: list[str] = []
    for piece in _WORD.findall(label):
        while width(piece) > most and len(piece) > 1:
            cut = max(1, next((i for i in range(len(piece), 0, -1) if width(piece[:i]) <= most), 1))
            pieces.append(piece[:cut])
            piece = piece[cut:]
        pieces.append(piece)
    tokens: list[str] = []
    for piece in pieces:
        if tokens and (piece[0] in _CLOSING or tokens[-1][-1] in _OPENING) and width(tokens[-1] + piece) <= most:
            tokens[-1] += piece
        else:
            tokens.append(piece)
    return tokens
