"""The scree plot fills the marks of what is kept and shows what chance data reach."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from csr_lib.core.errors import OptionError
from csr_lib.show.figure import Figure
from csr_lib.show.scree import scree

EIGENVALUES = pd.DataFrame(
    {"number": [1, 2, 3, 4, 5], "eigenvalue": [2.6, 1.2, 0.6, 0.4, 0.2], "chance_high": [1.4, 1.2, 1.0, 0.9, 0.7]}
)


def axes(narrow: bool = False, frame: pd.DataFrame = EIGENVALUES, **options: object) -> Axes:
    drawing = scree(frame, lang="en", retained=2, **options)  # type: ignore[arg-type]
    return Figure.of(drawing, "scree", "caption", "alt").matplotlib(narrow).axes[0]


@pytest.mark.parametrize("narrow", [False, True])
def test_what_is_kept_has_filled_marks_and_chance_is_drawn(narrow: bool) -> None:
    ax = axes(narrow)
    drawn = [np.asarray(line.get_ydata(), dtype=float).tolist() for line in ax.lines]
    assert [2.6, 1.2] in drawn
    assert [0.6, 0.4, 0.2] in drawn
    assert EIGENVALUES["chance_high"].tolist() in drawn
    labels = [t.get_text() for legend in ax.figure.legends for t in legend.get_texts()]
    assert "2 kept" in labels
    assert any("95%" in label for label in labels)


def test_the_line_at_one_is_for_components_only() -> None:
    def at_one(ax: Axes) -> bool:
        return any(np.asarray(line.get_ydata(), dtype=float).tolist() == [1.0, 1.0] for line in ax.lines)

    assert at_one(axes())
    assert not at_one(axes(one=False))


def test_negative_eigenvalues_of_common_factors_stay_in_sight() -> None:
    assert axes(frame=EIGENVALUES.assign(eigenvalue=[2.0, 0.5, 0.0, -0.2, -0.4]), one=False).get_ylim()[0] < -0.4


def test_a_missing_column_is_named() -> None:
    with pytest.raises(OptionError, match="chance_high"):
        axes(frame=EIGENVALUES.drop(columns="chance_high"))
