"""Every figure, in both languages, wide and narrow: drawn whole, nothing cut at the frame, no glyph missing."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.text import Annotation, Text
from show_samples import DIMENSIONS, DRAWINGS, INDICATORS, LABELS, indicators, many

from csr_lib.core.errors import OptionError
from csr_lib.core.text import words
from csr_lib.show.figure import Figure
from csr_lib.show.quadrant import quadrant
from csr_lib.show.theme import theme

CASES = list(itertools.product(DRAWINGS, ("zh", "en"), (False, True)))


@cache
def live(name: str, lang: str, narrow: bool):
    figure = Figure.of(DRAWINGS[name](lang), name, "caption", "alt")
    return figure.matplotlib(narrow)


@pytest.mark.parametrize(
    ("name", "lang", "narrow"), CASES, ids=[f"{n}-{lang}-{'narrow' if s else 'wide'}" for n, lang, s in CASES]
)
def test_nothing_is_cut_at_the_frame(name: str, lang: str, narrow: bool) -> None:
    with theme() as missing:
        fig = live(name, lang, narrow)
        box = fig.get_tightbbox()  # inches
        loose = [a.get_window_extent() for a in fig.findobj(Annotation) if not a.get_in_layout() and a.get_text()]
    width, height = fig.get_size_inches()
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01
    for extent in loose:
        assert 0 <= extent.x0 <= extent.x1 <= fig.bbox.x1
        assert 0 <= extent.y0 <= extent.y1 <= fig.bbox.y1
    assert not missing


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_zero_line_of_a_narrow_distribution_runs_through_no_label(lang: str) -> None:
    ax = live("diverging", lang, True).axes[0]
    (lines,) = [
        c for c in ax.collections if isinstance(c, LineCollection) and all((s[:, 0] == 0).all() for s in c.get_segments())
    ]
    spans = [ax.transData.transform(s)[:, 1] for s in lines.get_segments()]
    assert len(spans) == len(INDICATORS)
    named = {words(LABELS[i], lang) for i in INDICATORS}
    boxes = [t.get_window_extent() for t in ax.texts if "".join(t.get_text().split()) in {"".join(n.split()) for n in named}]
    assert boxes
    for (low, high), box in itertools.product(spans, boxes):
        assert high <= box.y0 + 1 or low >= box.y1 - 1


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_labels_of_the_quadrant_cover_neither_points_nor_one_another(lang: str, narrow: bool) -> None:
    fig = live("quadrant", lang, narrow)
    ax = fig.axes[0]
    texts = [t for t in ax.texts if isinstance(t, Annotation) and t.get_text()]
    assert len(texts) == 4 + len(INDICATORS)
    boxes = [t.get_window_extent() for t in texts]
    for a, b in itertools.combinations(boxes, 2):
        assert not a.padded(-1).overlaps(b.padded(-1))
    points = ax.transData.transform(indicators()[["performance", "importance"]].to_numpy())
    for box, point in itertools.product(boxes, points):
        assert not box.padded(-1).contains(*point)


def test_many_indicators_get_numbers_and_a_key() -> None:
    long = {f"q{i}": f"Indicator {i} of many" for i in range(34)}
    fig = Figure.of(quadrant(many(), labels=long, lang="en", cut=(0.3, 86.0)), "q", "c", "a").matplotlib()
    written = [t.get_text() for t in fig.findobj(Text)]
    for i in range(34):
        assert f"Indicator {i} of many" in written  # in the key, once
        assert written.count(str(i + 1)) >= 2  # at the point and in the key


def test_weakly_placed_indicators_are_hollow() -> None:
    frame = indicators().assign(share=[0.5, *[0.9] * 7])
    fig = Figure.of(quadrant(frame, labels=LABELS, lang="en", cut=(4.1, 4.0)), "q", "c", "a").matplotlib()
    faces = [line.get_markerfacecolor() for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert faces.count("#ffffff") == 1


def test_a_gap_that_was_not_computed_says_what_is_missing() -> None:
    fig = live("five_gaps", "en", False)
    written = " ".join(t.get_text().replace("\n", " ") for t in fig.findobj(Text))
    assert "missing: answers of front-line staff and service standards" in written
    assert "−0.62 [−0.72, −0.52]" in written


def test_ranks_that_are_shared_do_not_cover_one_another() -> None:
    fig = live("rank_slopes", "en", False)
    boxes = [t.get_window_extent() for t in fig.axes[0].texts]
    assert len(boxes) == 2 * len(DIMENSIONS) + 2
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_contributions_lead_from_start_to_end() -> None:
    fig = live("waterfall", "en", False)
    ax = fig.axes[0]
    bars = [p for p in ax.patches if p.get_height() < 0.5]
    last = bars[-1]
    assert last.get_x() + last.get_width() == pytest.approx(72.1 + 3.2)


def test_a_missing_column_is_named() -> None:
    from csr_lib.show.profile import gap_profile

    with pytest.raises(OptionError, match="perception"):
        gap_profile(pd.DataFrame({"indicator": ["a"], "expectation": [1.0]}), labels={}, lang="en")


def test_a_radar_of_two_dimensions_is_refused() -> None:
    from csr_lib.show.profile import radar

    frame = pd.DataFrame({"construct": ["a", "b"], "expectation": [1.0, 2], "perception": [1.0, 2]})
    with pytest.raises(OptionError, match="three"):
        radar(frame, labels={}, lang="en")


def test_a_quadrant_without_points_is_refused() -> None:
    frame = pd.DataFrame({"indicator": ["a"], "importance": [np.nan], "performance": [1.0]})
    with pytest.raises(OptionError, match="no indicator"):
        quadrant(frame, labels={}, lang="en", cut=None)


@pytest.mark.parametrize("one", [1, 2])
def test_one_or_two_points_can_be_drawn(one: int) -> None:
    frame = indicators().head(one)
    assert Figure.of(quadrant(frame, labels=LABELS, lang="zh", cut=(4.0, 4.0)), "q", "c", "a").svg()
