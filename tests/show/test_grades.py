"""Grids of grades and dots of weights say what they are handed, in both shapes."""

import matplotlib.colors as mc
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as LiveFigure

from csr_lib.core.errors import OptionError
from csr_lib.show.grades import grade_colours, winner_grid
from csr_lib.show.weights import weight_dots

LABELS = {"g1": "poor", "g2": "good", "tie": "tie", "equal": "Equal weights", "ahp": "Judgements in pairs (AHP)"}
GRID = pd.DataFrame(
    {
        "weights": ["equal", "equal", "ahp", "ahp"],
        "operator": ["one", "two"] * 2,
        "grade": ["g2", "tie", "g1", "g2"],
        "score": [71.2, 65.0, 40.0, 70.0],
        "grade_share": [0.98, np.nan, 0.6, 1.0],
    }
)
DOTS = pd.DataFrame(
    {
        "item": ["a", "b"] * 3,
        "weights": ["equal"] * 2 + ["ahp"] * 2 + ["entropy"] * 2,
        "weight": [0.5, 0.5, 0.7, 0.3, 0.4, 0.6],
        "ci_low": [np.nan] * 4 + [0.3, 0.5],
        "ci_high": [np.nan] * 4 + [0.5, 0.7],
    }
)


def drawn(drawing, narrow):
    fig = LiveFigure(figsize=drawing.narrow if narrow else drawing.wide, layout="constrained")
    drawing(fig, narrow)
    fig.draw_without_rendering()
    return fig


@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_colours_of_grades_are_all_different_and_carry_light_letters(count):
    colours = grade_colours(count)
    assert len(set(colours)) == count
    assert grade_colours(count, rising=False) == colours[::-1]
    for colour in colours:
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in mc.to_rgb(colour))
        assert 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05) > 4.2  # contrast against white


@pytest.mark.parametrize("narrow", [False, True])
def test_the_grid_says_grade_score_and_share_of_every_cell(narrow):
    drawing = winner_grid(
        GRID, labels=LABELS, lang="en", grades=["g1", "g2"], columns={"one": "Weighted average", "two": "Sum of minima"},
        chosen=("ahp", "one"),
    )  # fmt: skip
    fig = drawn(drawing, narrow)
    said = [t.get_text() for t in fig.axes[0].texts]
    for words in ("good", "tie", "poor", "71.2 · 98%", "65.0", "40.0 · 60%"):
        assert words in said
    boxes = [t.get_window_extent() for t in fig.axes[0].texts if t.get_text() in ("good", "poor", "tie") or "%" in t.get_text()]
    assert not [1 for i, a in enumerate(boxes) for b in boxes[i + 1 :] if a.overlaps(b)]
    assert [t.get_text() for t in fig.legends[0].get_texts()] == ["poor", "good", "tie", "used in this report"]


@pytest.mark.parametrize("narrow", [False, True])
def test_dots_of_weights_stand_at_their_weights(narrow):
    fig = drawn(weight_dots(DOTS, labels=LABELS, lang="en", chosen="ahp"), narrow)
    ax = fig.axes[0]
    lines = {
        line.get_label(): line for line in ax.lines if len(line.get_xdata()) == 2 and line.get_marker() not in ("None", None)
    }
    assert list(lines["Judgements in pairs (AHP) (used in this report)"].get_xdata()) == [0.7, 0.3]
    assert list(lines["entropy"].get_xdata()) == [0.4, 0.6]
    assert all(round(100 * tick, 6) % 1 == 0 for tick in ax.get_xticks())  # the axis is written in whole per cents


def test_a_frame_that_lacks_columns_is_refused():
    with pytest.raises(OptionError, match="score"):
        winner_grid(GRID.drop(columns="score"), labels={}, lang="en", grades=["g1"], columns={"one": "1"})
    with pytest.raises(OptionError, match="weight"):
        weight_dots(DOTS.drop(columns="weight"), labels={}, lang="en")
