"""Heat maps show the numbers where they can be read, and names or numbers for every row and column."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from csr_lib.core.errors import OptionError
from csr_lib.show.figure import Figure
from csr_lib.show.heatmap import heatmap

LOADINGS = pd.DataFrame({"item": ["a", "b", "c"], "F1": [0.81, 0.12, np.nan], "F2": [-0.3, 0.7, 0.66], "of": ["F1", "F2", "F2"]})
LABELS = {"a": {"zh": "速度", "en": "Speed"}, "F1": {"zh": "服务", "en": "Service"}, "F2": {"zh": "形象", "en": "Image"}}


def figure(frame: pd.DataFrame, **options: object) -> Figure:
    return Figure.of(heatmap(frame, labels=LABELS, lang="en", **options), "heat", "caption", "alt")  # type: ignore[arg-type]


def written(frame: pd.DataFrame, narrow: bool = False, **options: object) -> list[str]:
    return [t.get_text() for t in figure(frame, **options).matplotlib(narrow).axes[0].texts]


def cells(frame: pd.DataFrame, **options: object) -> int:
    return sum(isinstance(p, Rectangle) for p in figure(frame, **options).matplotlib().axes[0].patches)


@pytest.mark.parametrize("narrow", [False, True])
def test_every_number_is_written_and_a_missing_one_stays_blank(narrow: bool) -> None:
    texts = written(LOADINGS, narrow, columns=["F1", "F2"], group_by="of")
    assert {"0.81", "−0.30", "0.12", "0.70", "0.66"} <= set(texts)
    assert {"Speed", "Service", "Image", "b", "c"} <= set(texts)
    assert cells(LOADINGS, columns=["F1", "F2"]) == 5


def test_of_a_triangle_only_the_pairs_are_drawn() -> None:
    names = list("abcd")
    frame = pd.DataFrame(np.full((4, 4), 0.2), columns=names).assign(item=names)
    assert cells(frame, columns=names, triangle=True) == 6
    assert {"1", "2", "3", "4", "1 Speed"} <= set(written(frame, columns=names, triangle=True))


def test_of_many_columns_numbers_stand_only_where_there_is_room() -> None:
    names = [f"v{i}" for i in range(40)]
    frame = pd.DataFrame(np.full((40, 40), 0.5), columns=names).assign(item=names)
    texts = written(frame, True, columns=names)
    assert "0.50" not in texts
    assert {"1", "10", "40"} <= set(texts)
    assert "7" not in texts


def test_names_that_do_not_fit_above_the_columns_stand_at_the_foot() -> None:
    frame = pd.DataFrame({"item": ["a", "b"], **{f"incomprehensibility{i}": [0.1, 0.9] for i in range(6)}})
    assert any("3 incomprehensibility2" in t.replace("\n", " ") for t in written(frame, True))


@pytest.mark.parametrize("narrow", [False, True])
def test_nothing_leaves_the_figure(narrow: bool) -> None:
    names = [f"an item with a long name {i}" for i in range(12)]
    frame = pd.DataFrame(np.full((12, 12), -0.123), columns=names).assign(item=names)
    live = figure(frame, columns=names, scale_label="correlation").matplotlib(narrow)
    for t in live.axes[0].texts:
        box = t.get_window_extent()
        assert box.x0 >= -1
        assert box.x1 <= live.bbox.width + 1
        assert box.y0 >= -1
        assert box.y1 <= live.bbox.height + 1


def test_an_empty_frame_and_an_unknown_column_are_refused() -> None:
    with pytest.raises(OptionError, match="no rows"):
        heatmap(LOADINGS.head(0), labels={}, lang="en")
    with pytest.raises(OptionError, match="F9"):
        heatmap(LOADINGS, labels={}, lang="en", columns=["F9"])
