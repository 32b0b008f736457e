"""The view of the house: what there is, pressed through the gate that sentences pass."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from belfry import Belfry, belfry
from inmemory_house import HOUSE_SPEC, MemoryHouse
from page import room, say
from playwright.sync_api import Locator, Page, expect
from watching import Visit

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> MemoryHouse:
    states: dict[str, dict[str, Any]] = {
        "desk lamp": {"on": False, "brightness": 20},
        "garage door": {"open": False},
    }
    made = MemoryHouse(states)
    monkeypatch.setattr("penjing.tools.home.houses._built", lambda _place: made)
    return made


@pytest.fixture
def place(tmp_path: Path, house: MemoryHouse) -> Iterator[Belfry]:
    with belfry(tmp_path, spec=HOUSE_SPEC) as one:
        yield one


def picture(page: Page, step: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{step}.png")


def row(page: Page, name: str) -> Locator:
    return page.locator(".things li").filter(has_text=name)


def test_a_house_is_seen_and_pressed(place: Belfry, house: MemoryHouse, visit: Visit) -> None:
    page = visit(place, "Anna", bypass_csp=True)
    say(page, "set a timer for 10 minutes")
    room(page, "House")
    lamp = row(page, "desk lamp")
    expect(lamp).to_contain_text("off")
    lamp.get_by_role("button", name="Switch on: desk lamp").click()
    expect(lamp).to_contain_text("Done: the device says so")
    expect(lamp.locator("small").first).to_have_text("on, brightness 20%")
    assert house.states["desk lamp"]["on"] is True
    lamp.get_by_role("slider", name="Brightness: desk lamp").fill("70")
    expect(lamp.locator("small").first).to_have_text("on, brightness 70%")
    expect(row(page, "hall light")).to_contain_text("does not say how it is")
    door = row(page, "garage door")
    door.get_by_role("button", name="Open: garage door").click()
    page.locator("dialog").get_by_role("button", name="Cancel").click()
    assert house.states["garage door"] == {"open": False}
    door.get_by_role("button", name="Open: garage door").click()
    page.locator("dialog").get_by_role("button", name="Yes, do it").click()
    expect(door.locator("small").first).to_have_text("open")
    page.get_by_label("A new note").fill("milk")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(row(page, "milk")).to_have_count(1)
    row(page, "milk").get_by_role("button", name="Remove: milk").click()
    expect(row(page, "milk")).to_have_count(0)
    row(page, "pasta").get_by_role("button", name="Cancel: pasta").click()
    expect(row(page, "pasta")).to_have_count(0)
    picture(page, "house")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_house_on_a_phone_in_chinese(place: Belfry, visit: Visit) -> None:
    how = {"locale": "zh-CN", "color_scheme": "dark", "bypass_csp": True, **PHONE}
    page = visit(place, "Anna", **how)
    page.goto(f"{place.url}#/house")
    expect(row(page, "台灯")).to_contain_text("关着")
    row(page, "台灯").get_by_role("button", name="打开：台灯").click()
    expect(row(page, "台灯")).to_contain_text("已完成")
    expect(row(page, "garage door")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    picture(page, "house-phone")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
