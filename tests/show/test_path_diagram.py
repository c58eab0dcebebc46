"""Path diagrams of the templates: arrows run forward and through no box; words lie on no box and not on one another."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from show_samples import MODELS, model_frames, path_drawing

from csr_lib.show.figure import Figure
from csr_lib.show.path_layout import Grid, path_layout

CASES = list(itertools.product(MODELS, ("zh", "en"), (False, True)))


@cache
def drawn(name: str, lang: str, narrow: bool):
    return Figure.of(path_drawing(name, lang), "m", "c", "a").matplotlib(narrow).axes[0]


IDS = [f"{n}-{lang}-{'narrow' if s else 'wide'}" for n, lang, s in CASES]


@pytest.mark.parametrize(("name", "lang", "narrow"), CASES, ids=IDS)
def test_words_lie_on_no_box_and_not_on_one_another(name: str, lang: str, narrow: bool) -> None:
    ax = drawn(name, lang, narrow)
    boxes = [p.get_window_extent() for p in ax.patches if (p.get_gid() or "").startswith("construct_")]
    words = [t.get_window_extent() for t in ax.texts if (t.get_gid() or "").startswith("coefficient_")]
    inside = [t.get_window_extent() for t in ax.texts if not (t.get_gid() or "")]
    paths, constructs, _ = model_frames(name)
    assert (len(boxes), len(words)) == (len(constructs), len(paths))
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert not any(a.overlaps(b) for a, b in itertools.product(words, boxes))
    assert not any(a.overlaps(b) for a, b in itertools.combinations(words, 2))
    for text in inside:  # every name lies wholly in a box
        assert any(b.x0 <= text.x0 and text.x1 <= b.x1 and b.y0 <= text.y0 and text.y1 <= b.y1 for b in boxes)


@pytest.mark.parametrize(("name", "lang", "narrow"), CASES, ids=IDS)
def test_arrows_run_through_no_box(name: str, lang: str, narrow: bool) -> None:
    ax = drawn(name, lang, narrow)
    boxes = {p.get_gid().removeprefix("construct_"): p for p in ax.patches if (p.get_gid() or "").startswith("construct_")}
    paths, _, _ = model_frames(name)
    for i, (source, target) in enumerate(zip(paths.source, paths.target, strict=True)):
        arrow = next(p for p in ax.patches if p.get_gid() == f"path_{i}")
        line = np.asarray(arrow._path_original.vertices)
        for construct, box in boxes.items():
            if construct not in (source, target):
                x, y, w, h = box.get_x(), box.get_y(), box.get_width(), box.get_height()
                hit = (line[:, 0] > x) & (line[:, 0] < x + w) & (line[:, 1] > y) & (line[:, 1] < y + h)
                assert not hit.any(), f"{source} → {target} runs through {construct}"


@pytest.mark.parametrize("downwards", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_no_effect_stands_before_its_cause(name: str, downwards: bool) -> None:
    paths, constructs, _ = model_frames(name)
    place = {c: i for i, c in enumerate(constructs.construct)}
    edges = tuple((place[s], place[t]) for s, t in zip(paths.source, paths.target, strict=True))
    layout = path_layout(len(place), edges, grid(downwards))
    along = layout.centres[:, 1 if downwards else 0]
    assert all(along[s] <= along[t] + 1e-9 for s, t in edges)


@settings(max_examples=6)
@given(st.integers(3, 8), st.integers(0, 2**16))
def test_boxes_of_any_recursive_model_stand_apart(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = [(i, j) for i in range(n) for j in range(i + 1, n) if rng.random() < 0.4]
    edges += [(i, i + 1) for i in range(n - 1) if not any(i in e for e in edges)]
    edges += [(n - 2, n - 1)] if not any(n - 1 in e for e in edges) else []
    layout = path_layout(n, tuple(sorted(set(edges))), grid(False))
    apart = np.abs(layout.centres[:, None] - layout.centres[None])
    clear = (apart[..., 0] >= 1.28 - 1e-6) | (apart[..., 1] >= 0.69 - 1e-6)
    assert clear[~np.eye(n, dtype=bool)].all()
    assert (layout.routes.words >= 0).all()


def test_the_same_model_is_laid_out_the_same_way() -> None:
    one, other = (path_layout(4, ((0, 1), (1, 2), (0, 2), (2, 3)), grid(False)) for _ in range(2))
    assert (one.centres == other.centres).all()
    assert (one.routes.words == other.routes.words).all()


def test_a_path_that_is_not_significant_is_dashed() -> None:
    paths, _, _ = model_frames("acsi")
    ax = drawn("acsi", "en", False)
    for i, p in enumerate(paths.p_value):
        arrow = next(a for a in ax.patches if a.get_gid() == f"path_{i}")
        assert (arrow.get_linestyle() not in ("-", "solid")) == (p >= 0.05)


def grid(downwards: bool) -> Grid:
    if downwards:
        return Grid(6, 5, 1.2, 0.73, (1.14, 0.69), (0.5, 0.17), True)
    return Grid(4, 7, 1.93, 0.6, (1.28, 0.69), (0.5, 0.17), False)
