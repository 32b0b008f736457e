"""Takes the README's pictures of the page: docs/screenshots/*.png.

    python scripts/screenshots.py [FOLDER]

A real Chromium looks at the real server; the engine and what it says are made up (tests/support).
Needs `pip install '.[dev]'`, Chromium, and a Chinese font.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browsing import ARGUMENTS, chromium  # noqa: E402 - tests/support is no package
from garden import Garden, garden  # noqa: E402

ELM = """# The elm on the kitchen shelf

A Chinese elm from 2019, in a glazed oval pot of 18 cm.

## Watering

Water a Chinese elm when the top centimetre of soil is dry to the touch, and then until it runs \
out of the holes below. Never by the calendar: a warm day in April dries the pot faster than a \
grey one in July. Rain water is best; tap water after a night in the can will do.

## Light

Bright, with morning sun. In winter a lamp over the shelf for ten hours.

## Pruning

Let a shoot grow to six leaves, then cut it back to two. Wire only in the rest, and look at it \
every fortnight: bark grows over wire quickly.
"""
YU = """# 窗台上的榆树

## 浇水

表土一厘米深处摸起来干了再浇水，一直浇到盆底流出为止。不要按日历浇：四月里暖和的一天，比七月阴沉的一天干得还快。

## 光照

明亮处，早晨有阳光。冬天每天补光十小时。
"""
TALKS = (
    "Which soil for a juniper?",
    "Letter to the landlord, second draft",
    "Names for a small cat",
    "What does this error mean?",
    "Repotting, step by step",
)


def tend(place: Garden, documents: dict[str, str], talks: tuple[str, ...]) -> None:
    """What a person has there already."""
    store = place.store
    for name, text in documents.items():
        store.documents.add(name, "text/markdown", text.encode())
    for title in reversed(talks):
        store.history.begin(title)


def say(page: Page, text: str) -> None:
    """Say something and hear it out."""
    page.get_by_role("textbox", name="message").or_(page.locator("textarea")).first.fill(text)
    page.keyboard.press("Enter")
    page.locator(".turn.assistant").last.locator("footer").wait_for()


def shoot(page: Page, path: Path) -> None:
    page.wait_for_timeout(300)
    page.screenshot(path=path)


def opened(browser: Any, place: Garden, **how: Any) -> Page:
    page = browser.new_context(**how).new_page()
    page.goto(place.link())
    page.locator(".frame").wait_for()
    return page


def main(folder: Path) -> None:
    """All of them."""
    folder.mkdir(parents=True, exist_ok=True)
    wide: dict[str, Any] = {"viewport": {"width": 1280, "height": 940}}
    with sync_playwright() as play, garden(kept_as="Anna") as place:
        place.store.settings.put("theme", "light")
        tend(place, {"elm.md": ELM}, TALKS)
        browser = play.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = opened(browser, place, **wide)
        say(page, "How often should I water the elm?")
        say(page, "Switch on its lamp at 40 percent, please")
        page.locator(".sources button").first.click()
        page.locator(".passage mark").wait_for()
        shoot(page, folder / "chat-light.png")
        place.store.settings.put("theme", "dark")
        page = opened(browser, place, **wide)
        page.goto(f"{place.url}#/model")
        page.locator(".plot").wait_for()
        shoot(page, folder / "passport-dark.png")
        browser.close()
    with sync_playwright() as play, garden(kept_as="安娜") as place:
        place.store.settings.put("language", "zh")
        place.store.settings.put("theme", "light")
        tend(place, {"榆树.md": YU}, ())
        browser = play.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        phone = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2}
        page = opened(browser, place, has_touch=True, is_mobile=True, **phone)
        say(page, "榆树多久浇一次水？")
        shoot(page, folder / "phone-chinese.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screenshots")
