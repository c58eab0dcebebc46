"""Figure: one picture for wide and narrow screens, escaped, the same bytes every time, the user's settings untouched."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from csr_lib.core.errors import OptionError
from csr_lib.show.figure import Figure
from csr_lib.show.theme import register_fonts, theme


def draw(fig, narrow: bool) -> None:
    ax = fig.add_subplot()
    ax.plot([1, -2, 3], marker="o")
    ax.set_title("供电安全性 −5 $ é" if not narrow else "窄")


def figure(**values: str) -> Figure:
    return Figure(draw, **{"name": "sample", "caption": "Caption", "alt": "Alt", **values})


def test_the_page_gets_a_wide_and_a_narrow_picture() -> None:
    html = figure()._repr_html_()
    found = re.fullmatch(
        r'<figure class="csr-figure" id="fig-sample"><picture>'
        r'<source media="\(max-width: 640px\)" srcset="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)">'
        r'<img src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)" alt="Alt"></picture>'
        r'<figcaption><span class="csr-number"></span>Caption</figcaption></figure>',
        html,
    )
    assert found
    narrow, wide = (base64.b64decode(part) for part in found.groups())
    assert b'width="302.4pt"' in narrow  # 4.2 inches
    assert b'width="518.4pt"' in wide


def test_caption_and_alternative_text_are_escaped() -> None:
    html = figure(caption="<script>a</script>", alt='"><script>b</script>')._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;a" in html
    assert 'alt="&quot;&gt;&lt;script&gt;b' in html


@pytest.mark.parametrize("name", ["", "a b", 'x"y', "<b>"])
def test_a_name_must_fit_an_id(name: str) -> None:
    with pytest.raises(OptionError, match="letters"):
        figure(name=name)


def test_the_same_drawing_gives_the_same_bytes_in_another_process() -> None:
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import matplotlib as mpl; mpl.rcParams["font.size"] = 22
from test_figure import figure; import hashlib; print(hashlib.sha256(figure().svg()).hexdigest())"""
    env = {"PYTHONHASHSEED": "1", "PATH": ""}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert found.stdout.strip() == hashlib.sha256(figure().svg()).hexdigest()


def test_the_svg_holds_no_date_no_font_and_no_foreign_address() -> None:
    svg = figure().svg().decode()
    assert "<text" not in svg
    assert "<dc:date" not in svg
    addresses = set(re.findall(r'(?:href|src)="([^"#]+)"', svg))
    assert not addresses


def test_the_users_settings_are_left_alone() -> None:
    before = dict(mpl.rcParams)
    figure().svg()
    figure().matplotlib()
    assert dict(mpl.rcParams) == before


def test_a_glyph_that_no_font_has_is_told() -> None:
    def strange(fig, narrow: bool) -> None:
        fig.add_subplot().set_title("\U00020000")

    assert "Glyph 131072" in Figure(strange, "x", "c", "a").warnings[0]
    assert figure().warnings == ()


def test_other_warnings_go_their_way() -> None:
    import warnings

    with pytest.warns(UserWarning, match="something else"), theme() as missing:
        warnings.warn("something else", UserWarning, stacklevel=1)
    assert missing == []


def test_the_font_is_found_without_importing_its_package() -> None:
    assert register_fonts().name == "NotoSansSC-Regular.ttf"
    code = "import csr_lib.show.theme as t, sys; t.register_fonts(); assert 'zhplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_layer_does_not_import_matplotlib() -> None:
    modules = "csr_lib.show, csr_lib.show.quadrant, csr_lib.show.path_diagram, csr_lib.show.estimates, csr_lib.show.cards"
    subprocess.run([sys.executable, "-c", f"import {modules}, sys; assert 'matplotlib' not in sys.modules"], check=True)


def test_a_live_figure_shows_itself_without_pyplot() -> None:
    assert figure().matplotlib()._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize(("ending", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_a_figure_can_be_saved(tmp_path: Path, ending: str, start: bytes) -> None:
    one, other = figure().save(tmp_path / f"a.{ending}"), figure().save(tmp_path / f"b.{ending}")
    assert one.read_bytes().startswith(start)
    assert one.read_bytes() == other.read_bytes()


def test_an_unknown_file_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="svg, png, pdf"):
        figure().save(tmp_path / "a.bmp")


def test_a_character_that_no_font_has_is_told_to_the_reader() -> None:
    figure = Figure(lambda fig, narrow: fig.text(0.1, 0.5, "\U00012000"), "cuneiform", "A sign", "A sign")
    with pytest.warns(UserWarning, match="Glyph"):
        figure._repr_html_()
