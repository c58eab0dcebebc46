"""What cells hold becomes safe HTML; nothing that runs or loads gets through."""

import base64

import pytest

from csr_lib.report.execute import ReportError
from csr_lib.report.markup import Prose, clean, numbered


def picture(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


ONLOAD = picture("<svg onload=alert(1)></svg>")
SCRIPT = picture("<svg><script>alert(1)</script></svg>")
LOADING = picture("<svg><image href='https://example.org/x.png'/></svg>")
PLAIN = picture('<svg xmlns="http://www.w3.org/2000/svg"><!-- only = text --><use xlink:href="#a"/><path d="M0 0"/></svg>')


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<img src="https://example.org/x.png">',
        '<img src="data:text/html;base64,PHNjcmlwdD4=">',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        "<style>body{background:url(https://example.org)}</style>",
        '<p style="background:url(https://example.org)">x</p>',
        '<iframe src="https://example.org"></iframe>',
        '<form action="https://example.org"><input></form>',
        '<link rel="stylesheet" href="https://example.org/x.css">',
        '<meta http-equiv="refresh" content="0;url=https://example.org">',
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<math><annotation-xml encoding='text/html'><img src=x onerror=alert(1)></annotation-xml></math>",
        f'<img src="{ONLOAD}">',
        f'<img src="{SCRIPT}">',
        f'<source srcset="{LOADING}">',
        f'<source srcset="https://example.org/x.png, {PLAIN}">',
    ],
)
@pytest.mark.parametrize("math", [True, False])
def test_nothing_that_runs_or_loads_gets_through(hostile: str, math: bool) -> None:
    cleaned = clean(hostile, math=math)
    for forbidden in ("script", "onerror", "onload", "example.org", "iframe", "style", "data:text", "<svg", "annotation"):
        assert forbidden not in cleaned
    assert "data:image/svg" not in cleaned


def test_figures_and_tables_keep_what_they_need() -> None:
    figure = (
        f'<figure class="csr-figure" id="fig-a"><picture><source media="(max-width: 640px)" srcset="{PLAIN}">'
        f'<img src="{PLAIN}" alt="a &amp; b">'
        '</picture><figcaption><span class="csr-number"></span>Caption</figcaption></figure>'
    )
    table = (
        '<div class="csr-table" id="tab-a"><table>'
        '<caption><span class="csr-caption"><span class="csr-number"></span>Title</span></caption>'
        '<thead><tr><th scope="col" class="num">x</th></tr></thead>'
        '<tbody><tr><th scope="row" rowspan="2">a</th><td class="num">1</td></tr></tbody></table><p class="csr-note">n</p></div>'
    )
    assert clean(figure) == figure
    assert clean(table) == table


def test_formulas_become_mathml() -> None:
    html = Prose("en").html(r"With $\frac{a}{b}$ and $$\begin{aligned} x &= \sum_i w_i \\ y &= 2 \end{aligned}$$")
    assert '<math display="inline">' in html
    assert "<mfrac>" in html
    assert "<mtable" in html
    assert "&amp;" not in html
    assert "$" not in html


@pytest.mark.parametrize("formula", [r"\frac", r"\nosuchcommand{x}"])
def test_a_formula_that_cannot_be_read_is_an_error_that_shows_it(formula: str) -> None:
    with pytest.raises(ReportError) as error:
        Prose("en").html(f"${formula}$")
    assert formula in str(error.value)


def test_headings_get_the_ids_that_the_contents_list_uses() -> None:
    prose = Prose("zh")
    html = prose.html("# 标题\n\n## 方法与 `code`\n\n### 小节\n") + prose.html("## 结论 <script>x</script>")
    assert [name for name, _ in prose.sections] == ["s1", "s2"]
    for name, heading in prose.sections:
        assert f'<h2 id="{name}">{heading}</h2>' in html
    assert "标题" not in html
    assert "<h3>小节</h3>" in html
    assert "script" not in html


@pytest.mark.parametrize(("lang", "first", "table"), [("zh", "图 1", "表 1"), ("en", "Figure 1", "Table 1")])
def test_figures_and_tables_are_numbered_each_in_their_own_order(lang: str, first: str, table: str) -> None:
    empty = '<span class="csr-number"></span>'
    caption = f'<caption><span class="csr-caption">{empty}t</span></caption>'
    html = numbered(f"<figcaption>{empty}a</figcaption>{caption}<figcaption>{empty}b</figcaption>", lang)
    assert html.index(first) < html.index(table) < html.index(first.replace("1", "2"))
    assert "3" not in html
