"""Overview: open answers counted, their keywords, and – only where asked for – quoted."""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.overview.scores import Scores
from csr_lib.analyses.overview.tables import estimate_row

if TYPE_CHECKING:
    from csr_lib.analyses.overview.analysis import Options

_TAG = re.compile(r"<[^<>]{0,200}>")
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_ENGLISH = re.compile(r"[a-z]+(?:['’-][a-z]+)*")
#: What could tell who somebody is: addresses and long numbers.
_PRIVATE = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+|(?:\d[\s-]?){6,}\d")
#: Longest quotation, in characters.
LONGEST = 160

_STOP_ZH = """
我们 你们 他们 她们 自己 这个 那个 这些 那些 这样 那样 这里 那里 什么 怎么 怎样 为什么 多少 几个 一个 一些 一下
一点 一次 一直 一样 有点 有些 有的 没有 不是 不能 不会 不要 不太 不够 还是 还有 而且 但是 可是 不过 因为 所以
如果 虽然 或者 以及 就是 只是 也是 都是 可以 可能 应该 需要 能够 能 希望 建议 觉得 感觉 认为 比较 非常 特别
真的 十分 太 很 更 最 都 也 就 还 再 又 才 只 请 给 让 把 被 对 对于 关于
通过 根据 时候 现在 以后 以前 之前 之后 目前 经常 总是 有时 每次 每天 方面 情况 东西 事情 问题 进行 多一点 好一点
大家 人员 意见 谢谢 其他 其它 已经 能否 是否 来说 一包 两条 谁 哪里 几次 起来 出来
"""
_STOP_EN = """
a about after again all also always am an and any are as at be because been before being but by can cannot can't could did do
does doesn't doing don't down
else even ever every few for from get gets getting give got had has have having he her here him his how i i'm if in into is
isn't it it's its just like
make many maybe me more most much my never no none not nothing now of off often on once one only or other our out over own
please quite rather really same
she should so some something still such than thank thanks that that's the their them then there these they this those though
through to too under until up
us use very want was wasn't way we well were what when where which while who why will with without won't would yes yet you your
"""


def keywords_of(answer: str) -> set[str]:
    """Return the keywords of one answer, each once: Chinese words of two characters and more (cut by jieba), English words of
    three.

    Words without a meaning of their own are left out by a short list per language. Tags are no words. Nothing is guessed about
    whether a word is praise or blame.
    """
    plain = _TAG.sub(" ", answer)
    stop = _stop()
    words = {w for run in _CHINESE.findall(plain) for w in _cutter().lcut(run) if len(w) > 1 and w not in stop}
    return words | {w for w in _ENGLISH.findall(plain.lower()) if len(w) > 2 and w not in stop}


@cache
def _stop() -> frozenset[str]:
    return frozenset(_STOP_ZH.split()) | frozenset(_STOP_EN.split())


@cache
def _cutter() -> Any:
    """Return jieba's tokenizer; its dictionary is read once per process, and it does not tell so on the screen."""
    import jieba

    jieba.setLogLevel(logging.WARNING)
    return jieba


def masked(answer: str) -> str:
    """Return an answer to quote: on one line, cut to `LONGEST`, telephone numbers and addresses replaced by dots."""
    line = _PRIVATE.sub("…", " ".join(answer.split()))
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def verbatim_tables(scores: Scores, withheld: dict[str, set[str]], options: Options) -> dict[str, pd.DataFrame]:
    """Return ``verbatims`` (how many wrote), ``keywords`` and, with ``verbatims="quotes"``, ``quotes``; {} where not asked for.

    A keyword is shown from `min_cell` respondents on, with the mean index of those who use it. Quotations are drawn with the
    report's seed; nobody is quoted who belongs to a group that is withheld, under whatever segment.
    """
    survey = scores.survey
    if options.verbatims == "none" or not survey.study.verbatims:
        return {}
    written = survey.verbatims()
    protected = _protected(survey, withheld)
    counts: list[dict[str, Any]] = []
    words: list[dict[str, Any]] = []
    quotes: list[dict[str, Any]] = []
    for column in written.columns:
        texts = written[column].where(written[column].map(lambda v: isinstance(v, str) and bool(v.strip())))
        given = texts.notna().to_numpy()
        share = estimate_row(given.astype(float), scores, options.confidence, "share", share=True)
        known = int(given.sum())
        length = float(texts[given].map(len).median()) if known else float("nan")
        counts.append({"question": column, "n": known, **share, "distinct": int(texts.nunique()), "length": length})
        words += _keywords(column, texts, given, scores, options)
        if options.verbatims == "quotes":
            quotes += _quotes(column, texts[given & ~protected], options)
    found = {"verbatims": counts, "keywords": words, "quotes": quotes}
    return {name: pd.DataFrame(rows) for name, rows in found.items() if rows}


def _protected(survey: Any, withheld: dict[str, set[str]]) -> np.ndarray:
    """Tell who belongs to a withheld group, by any segment of the study, whether it is reported or not."""
    out = np.zeros(len(survey.rows), dtype=bool)
    for by in [*survey.segments, *(b for b in ("wave", "role") if b in survey.codes)]:
        hidden = withheld.get(by)
        if hidden is None:
            shown = {g.value for g in survey.groups(by, total_shown=True)}
            hidden = set(survey.values(by)) - shown
        out |= survey.codes[by].isin(list(hidden)).to_numpy()
    return out


def _keywords(column: str, texts: pd.Series, given: np.ndarray, scores: Scores, options: Options) -> list[dict[str, Any]]:
    found: dict[str, list[int]] = {}
    for place in np.flatnonzero(given):
        for word in keywords_of(texts.iloc[place]):
            found.setdefault(word, []).append(int(place))
    least = max(2, scores.survey.study.min_cell)
    often = sorted(((w, at) for w, at in found.items() if len(at) >= least), key=lambda item: (-len(item[1]), item[0]))
    rows: list[dict[str, Any]] = []
    for word, at in often[: options.keywords]:
        uses = np.where(given, 0.0, np.nan)
        uses[at] = 1.0
        row: dict[str, Any] = {"question": column, "keyword": word, "n": len(at)}
        row |= estimate_row(uses, scores, options.confidence, "share", share=True)
        index = np.where(uses == 1, scores.index, np.nan)
        shown = (~np.isnan(index)).sum() >= least
        values = (
            estimate_row(index, scores, options.confidence) if shown else dict.fromkeys(("estimate", "ci_low", "ci_high"), np.nan)
        )
        rows.append(row | {k: values[k] for k in ("estimate", "ci_low", "ci_high")})
    return rows


def _quotes(column: str, texts: pd.Series, options: Options) -> list[dict[str, Any]]:
    """Draw distinct answers of four characters and more, in the order in which they came."""
    distinct = [t for t in dict.fromkeys(masked(t) for t in texts) if len(t) >= 4]
    rng = np.random.default_rng(options.seed)
    chosen = sorted(rng.permutation(len(distinct))[: options.quotes])
    return [{"question": column, "quote": distinct[i]} for i in chosen]
