"""For everybody: axe finds nothing in any view, the keyboard alone is enough, a phone is enough.

Axe's own script is put into the page from outside, which the policy rightly refuses: it is bypassed
where axe looks, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from garden import QUOTED, Garden
from household import WORDS
from page import composer, conversations, room, say
from playwright.sync_api import Page, expect
from watching import Visit

ELM = f"## Watering\n\n{QUOTED['en']}.\n\n{QUOTED['zh']}。\n"
WORDS_AND_TABLES = (
    "## Title\n\nSome `code` and a [link](https://example.org).\n\n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    "```py\nprint(1)\n```\n\n> quoted"
)


def talking(page: Page) -> None:
    say(page, WORDS_AND_TABLES)
    say(page, "how often should I water it?")
    say(page, "switch on the lamp")


def passage(page: Page) -> None:
    say(page, "how often should I water it?")
    page.locator(".sources button").click()
    expect(page.locator(".passage mark")).to_be_visible()


def searching(page: Page) -> None:
    say(page, "an apple a day")
    page.locator("#search").fill("apple")
    expect(page.locator(".hits a").first).to_be_visible()


def asking(page: Page) -> None:
    say(page, "an apple a day")
    conversations(page).first.hover()
    page.locator(".acts button").last.click()
    expect(page.get_by_role("dialog")).to_be_visible()


def at(path: str, what: str) -> Callable[[Page], None]:
    def go(page: Page) -> None:
        page.locator(f'.rooms a[href="#/{path}"]').click()
        expect(page.locator(what).first).to_be_visible()

    return go


def choosing(page: Page) -> None:
    page.get_by_role("button", name="How answers are written here").click()
    expect(page.get_by_role("dialog").get_by_label("Top k")).to_be_visible()


def saying_it_differently(page: Page) -> None:
    say(page, "an apple a day")
    page.get_by_role("button", name="Say it differently").click()
    expect(page.locator(".edit textarea")).to_be_focused()


def keys(page: Page) -> None:
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog")).to_be_visible()


VIEWS: dict[str, Callable[[Page], None]] = {
    "empty": lambda page: expect(page.locator(".hello")).to_be_visible(),
    "talking": talking,
    "passage": passage,
    "searching": searching,
    "asking": asking,
    "choosing": choosing,
    "saying it differently": saying_it_differently,
    "documents": at("documents", ".files li"),
    "passport": at("model", ".plot"),
    "people": at("people", ".people li"),
    "settings": at("settings", ".panel"),
    "keys": keys,
}


def violations(page: Page) -> list[str]:
    """What axe finds, one line each."""
    page.wait_for_timeout(200)  # colours move for a moment
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found
        for node in one["nodes"]
    ]


def in_both_lights(page: Page) -> list[str]:
    """What axe finds in light and in dark."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {one}" for one in violations(page)]
    return found


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(alone: Garden, visit: Visit, view: str) -> None:
    alone.store.documents.add("elm.md", "text/markdown", ELM.encode())
    page = visit(alone, bypass_csp=True)
    VIEWS[view](page)
    assert in_both_lights(page) == []


def test_axe_finds_nothing_among_people_of_a_vault(home: Garden, visit: Visit) -> None:
    page = visit(home, enter=False, bypass_csp=True)
    page.goto(home.link())
    page.get_by_role("button", name="Anna").click()
    assert in_both_lights(page) == []
    page.get_by_label("Passphrase").fill(WORDS["Anna"])
    page.keyboard.press("Enter")
    room(page, "People")
    page.locator(".may summary").last.click()
    assert in_both_lights(page) == []
    room(page, "Settings")
    page.locator(".panel").first.wait_for()
    for box in page.get_by_role("checkbox").all():  # admin asks for a passphrase
        box.check()
    assert in_both_lights(page) == []


def test_axe_finds_nothing_on_a_phone_in_chinese(alone: Garden, visit: Visit) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    page = visit(alone, bypass_csp=True, locale="zh-CN", **phone)
    say(page, "你好")
    assert in_both_lights(page) == []
    page.get_by_role("button", name="菜单").click()
    expect(page.locator(".side")).to_be_visible()
    assert in_both_lights(page) == []


def test_axe_finds_what_is_wrong(alone: Garden, visit: Visit) -> None:
    page = visit(alone, bypass_csp=True)
    page.evaluate("document.querySelector('.composer textarea').removeAttribute('aria-label')")
    page.evaluate("document.querySelector('.composer textarea').removeAttribute('placeholder')")
    assert any(one.startswith("label") for one in violations(page))


# -- the keyboard alone


def tab_to(page: Page, name: str) -> None:
    """Press Tab until something of this name has the focus, which must be visible."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { const at = document.activeElement;"
            " return at.getAttribute('aria-label') || at.innerText || at.name || ''; }"
        )
        if name == focused.strip():
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"the focus on {name} cannot be seen"
            return
    raise AssertionError(f"Tab never came to {name}")


def test_the_keyboard_alone_is_enough(home: Garden, visit: Visit) -> None:
    page = visit(home, "Anna")
    expect(composer(page)).to_be_focused()
    page.keyboard.type("switch on the lamp")
    page.keyboard.press("Enter")
    expect(page.locator(".action.waiting")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    tab_to(page, "No")
    page.keyboard.press("Enter")
    expect(page.locator(".action")).to_contain_text("You said no")
    page.keyboard.press("Alt+n")
    expect(composer(page)).to_be_focused()
    page.keyboard.type("about apples")
    page.keyboard.press("Enter")
    expect(conversations(page)).to_have_count(2)
    expect(page.locator(".turn.assistant footer")).to_be_visible()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator(".turn.user")).to_have_text("switch on the lamp")
    page.keyboard.press("Control+k")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("apples")
    expect(page.locator(".hits a")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(conversations(page)).to_have_count(2)
    tab_to(page, "Rename “about apples”")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Rename “about apples”")).to_be_focused()
    tab_to(page, "Documents")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Documents")).to_be_focused()
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog")).to_contain_text("new conversation")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_one_can_skip_to_the_conversation(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    first = page.locator("a, button, input, textarea, [tabindex='0']").first
    expect(first).to_have_text("Skip to the conversation")
    first.focus()
    expect(first).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_screen_reader_hears_whole_sentences_once(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    say(page, "One thing is this. Another is that! And an end")
    heard = page.get_by_role("log").locator("p").all_inner_texts()
    assert heard[0] == "The answer is being written."
    assert heard[-1] == "The answer is complete."
    assert " ".join(heard[1:-1]) == "One thing is this. Another is that! And an end"


def test_less_motion_is_respected(alone: Garden, visit: Visit) -> None:
    page = visit(alone, reduced_motion="reduce")
    moving = page.evaluate(
        "() => [...document.querySelectorAll('*')].filter(one => {"
        " const style = getComputedStyle(one);"
        " return style.animationName !== 'none' || style.transitionDuration !== '0s'; }).length"
    )
    assert moving == 0


# -- other sizes, other languages, paper


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def test_a_phone_is_enough(alone: Garden, visit: Visit) -> None:
    alone.store.documents.add("elm.md", "text/markdown", ELM.encode())
    phone = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
    page = visit(alone, **phone)
    expect(page.locator(".side")).to_be_hidden()
    say(page, "how often should I water it?")
    assert overflow(page) == 0
    page.locator(".sources button").tap()
    expect(page.locator(".passage mark")).to_be_in_viewport()
    page.locator(".passage").get_by_role("button", name="Close").tap()
    for name in ("Documents", "Passport", "People", "Settings"):
        page.get_by_role("button", name="Menu").tap()
        room(page, name)
        expect(page.locator(".side")).to_be_hidden()
        expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
        assert overflow(page) == 0, name


def test_the_menu_of_a_phone_holds_the_focus_and_gives_it_back(alone: Garden, visit: Visit) -> None:
    page = visit(alone, viewport={"width": 360, "height": 640})
    page.get_by_role("button", name="Menu").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".brand")).to_be_focused()
    expect(page.locator(".stage")).to_have_attribute("inert", "")
    page.keyboard.press("Escape")
    expect(page.locator(".side")).to_be_hidden()
    expect(page.get_by_role("button", name="Menu")).to_be_focused()


def test_the_browsers_language_is_spoken(alone: Garden, visit: Visit) -> None:
    page = visit(alone, locale="zh-CN")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    answer = say(page, "榆树是什么？")
    expect(answer).to_contain_text("榆树是什么？")
    for name, title in {
        "文档": "文档",
        "模型护照": "模型护照",
        "成员": "成员",
        "设置": "设置",
    }.items():
        room(page, name)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.locator("main")).not_to_contain_text("正在载入")
        page.locator("dl.facts").evaluate_all("all => all.map(one => one.remove())")  # data
        text = page.locator("main").inner_text()
        latin = [word for word in text.split() if word.isascii() and word.isalpha()]
        assert set(latin) <= ALLOWED, name


ALLOWED = {
    "O",
    "AMD",
    "EPYC",
    "cores",
    "English",
    "KL",
    "MB",
    "init",
    "owner",
    "penjing",
    "vault",
    "zip",
}
"""Names, units and commands."""


def test_paper_shows_what_was_said_and_nothing_to_press(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    say(page, "for the file")
    page.emulate_media(media="print")
    expect(page.locator(".turn.user")).to_be_visible()
    expect(page.locator(".side")).to_be_hidden()
    expect(page.locator(".composer")).to_be_hidden()
    assert [one for one in page.locator("button").all() if one.is_visible()] == []
