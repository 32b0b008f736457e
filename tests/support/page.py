"""What a person does on the page, for tests: each by what they see, not by how it is built."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


def composer(page: Page) -> Locator:
    return page.locator(".composer textarea")


def say(page: Page, text: str, *, wait: bool = True) -> Locator:
    """Type and send; the answer's turn, written to its end unless told otherwise."""
    turns = page.locator(".turn.assistant")
    before = turns.count()
    composer(page).fill(text)
    composer(page).press("Enter")
    answer = turns.nth(before)
    if wait:
        expect(answer).to_have_attribute("aria-busy", "false")
    return answer


def conversations(page: Page) -> Locator:
    """The titles in the side bar."""
    return page.locator(".sessions li > a")


def room(page: Page, name: str) -> None:
    """Go to another part of the page."""
    page.locator(".rooms").get_by_role("link", name=name).click()
