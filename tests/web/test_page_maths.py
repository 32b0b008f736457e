"""Formulas, the colours of code, wide tables, and text from right to left."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from garden import garden
from page import say
from playwright.sync_api import expect
from watching import Visit

WRITTEN = r"""Its area is $A = \pi r^2$, and \(e^{i\pi} + 1 = 0\).

$$
\int_0^1 x^2 \, dx = \frac{1}{3}
$$

\[ \sqrt{2} \]

It costs $5 and $10, `$HOME` is a path, \$3 too; this is none:
$\frac{1$ and $\href{javascript:alert(1)}{x}$.

```python
# a comment
def half(x):
    return x / 2.5 if x else "none"
```

مرحبا بالعالم

| one | two | three | four | five | six |
|---|---|---|---|---|---|
| wwwwwwwwwwwwwwww | wwwwwwwwwwwwwwww | wwwwwwwwwwwwwwww | wwwwwwwwwwwwwwww | wwwwwwwwww | wwwww |
"""
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def test_what_is_written_is_set(visit: Visit) -> None:
    with garden(answers=[WRITTEN], piece=256) as place:
        page = visit(place, bypass_csp=True, **PHONE)
        answer = say(page, "go on")
        expect(answer.locator("math")).to_have_count(4)
        expect(answer.locator(".maths.block math")).to_have_count(2)
        expect(answer.locator("math mfrac")).to_have_count(1)
        expect(answer).to_contain_text("It costs $5 and $10")
        expect(answer).to_contain_text("$3 too")
        assert answer.locator("a[href^=javascript], script, img").count() == 0
        kinds = {"comment": "# a comment", "keyword": "def", "number": "2.5", "string": '"none"'}
        for kind, text in kinds.items():
            expect(answer.locator(f".code-{kind}").first).to_have_text(text)
        arabic = answer.locator("p", has_text="مرحبا")
        assert arabic.evaluate("one => getComputedStyle(one).direction") == "rtl"
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_a_page_without_formulas_fetches_no_library(visit: Visit) -> None:
    with garden(answers=["Just words, for $5."], piece=64) as place:
        page = visit(place)
        seen: list[str] = []
        page.on("request", lambda request: seen.append(request.url))
        say(page, "go on")
        assert [url for url in seen if "temml" in url or "colours" in url] == []
