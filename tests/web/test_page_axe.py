"""WCAG A and AA by axe on every view, in both languages, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from belfry import Belfry, belfry
from inmemory_house import HOUSE_SPEC, MemoryHouse
from page import say
from playwright.sync_api import Page
from watching import Visit

WORDS = {
    "en-GB": {"lamp": "turn on the desk lamp", "how": "How answers are written here"},
    "zh-CN": {"lamp": "打开desk lamp", "how": "这里的回答方式"},
}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
VIEWS = ("", "house", "documents", "model", "people", "settings")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Belfry]:
    made = MemoryHouse({"desk lamp": {"on": False, "brightness": 20}, "garage door": {}})
    monkeypatch.setattr("penjing.tools.home.houses._built", lambda _place: made)
    with belfry(tmp_path, spec=HOUSE_SPEC) as one:
        yield one


def sound(page: Page, what: str) -> None:
    """Nothing is wrong there in either scheme."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(250)  # colours fade
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, f"{what}, {scheme}: {found.generate_report()}"


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_every_view_is_accessible(place: Belfry, visit: Visit, locale: str) -> None:
    stranger = visit(place, enter=False, locale=locale, bypass_csp=True)
    stranger.goto(place.url)
    stranger.locator("input[name=name]").wait_for()
    sound(stranger, "login")
    page = visit(place, "Anna", locale=locale, bypass_csp=True)
    for view in VIEWS:
        page.goto(f"{place.url}#/{view}")
        page.locator("h1").first.wait_for(state="attached")
        page.wait_for_load_state("networkidle")
        sound(page, view or "an empty page")
    page.goto(f"{place.url}#/")
    say(page, WORDS[locale]["lamp"])
    page.locator(".action.done").wait_for()
    sound(page, "a conversation with a card")
    page.get_by_role("button", name=WORDS[locale]["how"]).click()
    page.locator("dialog").wait_for()
    sound(page, "a dialog")
