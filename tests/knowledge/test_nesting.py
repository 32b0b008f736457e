"""Pages whose authors left out tags, as HTML lets them: nothing is hidden that a reader sees."""

from __future__ import annotations

import time

import pytest

from penjing.core.errors import BadInput
from penjing.knowledge.formats import html


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<ul><li>one<li hidden>two<ul><li>deep</ul><li>three</ul><p>end", "one\nthree\nend"),
        ("<ol><li hidden>one</ol>end", "end"),
        ("<p hidden>one<p>two<p style='display:none'>three<div>four</div>", "two\nfour\n"),
        ("<dl><dt hidden>a<dd>b<dt>c<dd hidden>d</dl>e", "b\nc\ne"),
        ("<table><tr hidden><td>a<tr><td>b<td hidden>c<td>d<tbody hidden><tr><td>e</table>f",
         "b d\nf"),
        ("<table><tr><td hidden>a<table><tr><td>b</table>c</table>d", "d"),
        ("<select><option>a<option>b<p>c", "c"),
        ("<select><optgroup><option>a</select>b", "b"),
        ("<head><title>t</title><meta charset=utf-8><body>a", "a"),
        ("<head><title>t</title>a", "a"),
        ("<head><script>1</script><noscript>n</noscript><p>a", "a"),
        ("<section hidden><ul><li>a</section>b", "b"),
        ("<div hidden><p>a<span>b</div>c", "c"),
        ("<b hidden>a<p>b</b>c", "c"),
        ("<p>a<ruby>漢<rp>(<rt>かん<rp>)</ruby>", "a漢かん"),
        ("<template><p>a<p>b</template>c", "c"),
        ("<dialog>a</dialog><dialog open>b</dialog>c", "b\nc"),
        ("<details><summary>a</summary>b</details>", "a\nb\n"),
        ("<p hidden=until-found>a", "a"),
        ("<pre>a  b<p>c  d</pre>e  f", "a  b\nc  d\ne f"),
        ("<h1>a<span hidden>x</h1><p>b", "a\nb"),
        ("<p>tem&shy;pera\u00adture", "temperature"),
        ("</p></li></table>a", "a"),
    ],
)  # fmt: skip
def test_what_is_seen(page: str, text: str) -> None:
    assert html.read(page.encode()).text == text


@pytest.mark.parametrize(
    "page",
    [
        "<div hidden><p>a<p>b<li>c",
        "<span hidden>a<div>b</span>c</div>",
        "<head><style>a</style><script>b",
        "<ul hidden><li>a</li></li></ul>",
        "<body hidden>a</body>",
        "<li hidden>a<ul><li>b</ul>c",
    ],
)
def test_what_is_not(page: str) -> None:
    with pytest.raises(BadInput, match="no text in it"):
        html.read(page.encode())


@pytest.mark.parametrize(
    "piece", ["<li>", "<p>", "<li><ul>", "<b><li>", "<td><b>", "</b>", "<dd><div>", "<option>"]
)
def test_depth_costs_nothing(piece: str) -> None:
    def cost(count: int) -> float:
        page = ("<ul><li>" + "<b>" * count + piece * count + "x").encode()
        began = time.process_time()
        html.read(page)
        return time.process_time() - began

    assert cost(40_000) < 12 * cost(10_000) + 0.5
