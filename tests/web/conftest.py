"""A real Chromium that looks at a real server, and notices what it must never do.

Every page that is opened is watched: a request to any other host, a breach of the Content Security
Policy, an exception or an error on the console fails the test, whatever else it is about.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import ARGUMENTS, chromium
from garden import Garden, garden
from household import WORDS
from playwright.sync_api import Browser, Page, expect, sync_playwright
from watching import Visit, Watch

PATIENCE = 30_000
"""Milliseconds that a test waits for what must come: the machine may be busy with other things."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None and "CI" in os.environ:
        pytest.fail("no Chromium here: .ci/run installs it")
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium, or set CHROMIUM to one")
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=path, args=ARGUMENTS)
        expect.set_options(timeout=PATIENCE)
        yield opened
        opened.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    kept = Watch()
    yield kept
    assert kept.troubles == []


@pytest.fixture
def visit(browser: Browser, watch: Watch) -> Iterator[Visit]:
    """Opens a page; logged in by the one-time link, or as somebody, unless told otherwise."""
    contexts = []

    def open_page(place: Garden, who: str | None = None, *, enter: bool = True, **how: Any) -> Page:
        usual = {"locale": "en-GB", "service_workers": "block"}
        settings = {"viewport": {"width": 1200, "height": 800}, **usual, **how}
        context = browser.new_context(**settings)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        watch.over(page, place.url)
        if not enter:
            return page
        if who is None:
            page.goto(place.link())
        else:
            page.goto(place.url)
            page.locator("input[name=name]").fill(who)
            page.locator("input[name=passphrase]").fill(WORDS[who])
            page.keyboard.press("Enter")
        page.locator(".frame").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def alone() -> Iterator[Garden]:
    """A server without a vault."""
    with garden() as place:
        yield place


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Garden]:
    """A server with the vault of a household."""
    with garden(tmp_path) as place:
        yield place
