"""It rings on every open page: with the login form too, and while an answer is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from belfry import Belfry, belfry
from page import say
from playwright.sync_api import Locator, Page, expect
from watching import Visit

SOON = 60_000
"""Milliseconds: a page looks every five seconds, on a machine with nothing else to do."""
LONG = " ".join(f"word{number}" for number in range(4000))


@pytest.fixture(autouse=True)
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set is noticed at once."""
    monkeypatch.setattr("penjing.tools.schedule._LONGEST_SLEEP", 0.02)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Belfry]:
    with belfry(tmp_path, answers=[LONG], delay=0.08) as one:
        yield one


def ring(page: Page) -> Locator:
    return page.locator(".ringing section")


def press(page: Page, name: str, status: int = 204) -> None:
    """The page hides what rang at once; the server is done when it has answered."""
    with page.expect_response(lambda answer: "/api/ringing/" in answer.url) as done:
        page.locator(".ringing").get_by_role("button", name=name).first.click()
    assert done.value.status == status


def look(page: Page) -> None:
    """Until the page has shown once more what rings: it asks again only when that is done."""
    for _ in range(2):
        with page.expect_response("**/api/ringing", timeout=SOON):
            pass


def wake_at_one(page: Page) -> None:
    expect(say(page, "wake me at 1 pm")).to_contain_text("I will")


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("input[name=passphrase]")).to_be_visible()


def test_it_rings_over_the_login_form_and_is_stopped_there(place: Belfry, visit: Visit) -> None:
    page, other = visit(place, "Anna"), visit(place, enter=False)
    wake_at_one(page)
    log_out(page)
    other.goto(place.url)
    place.clock.now += 3601
    for one in (page, other):
        expect(ring(one)).to_contain_text("Alarm", timeout=SOON)
        expect(ring(one)).not_to_contain_text("dentist")
    press(page, "Stop")
    expect(ring(page)).to_have_count(0)
    expect(ring(other)).to_have_count(0, timeout=SOON)
    assert place.vault.accounts.people()


def test_with_words_for_its_person_and_snoozed(place: Belfry, visit: Visit) -> None:
    page = visit(place, "Anna")
    wake_at_one(page)
    place.clock.now += 3601
    expect(ring(page)).to_contain_text("dentist", timeout=SOON)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    press(page, "Snooze")
    expect(ring(page)).to_have_count(0)
    place.clock.now += 9 * 60 + 1
    expect(ring(page)).to_contain_text("dentist", timeout=SOON)
    press(page, "Stop")
    expect(ring(page)).to_have_count(0)
    expect(page.locator(".turn.assistant", has_text="your alarm: dentist")).to_have_count(2)


def test_it_rings_while_an_answer_is_written_and_is_in_the_conversation(
    place: Belfry, visit: Visit
) -> None:
    page = visit(place, "Anna")
    wake_at_one(page)
    answer = say(page, "tell me a story", wait=False)
    expect(answer).to_have_attribute("aria-busy", "true")
    place.clock.now += 3601
    expect(ring(page)).to_contain_text("dentist", timeout=SOON)
    expect(answer).to_have_attribute("aria-busy", "true")
    press(page, "Stop")
    page.locator(".composer").get_by_role("button", name="Stop").click()
    expect(page.locator(".turn.assistant", has_text="your alarm")).to_be_visible(timeout=SOON)


def test_what_was_missed_is_shown_on_return(place: Belfry, visit: Visit) -> None:
    page = visit(place, "Anna")
    wake_at_one(page)
    log_out(page)
    place.clock.now += 86_400
    page.locator("input[name=passphrase]").fill("anna knows these words")
    page.locator("input[name=name]").fill("Anna")
    page.keyboard.press("Enter")
    expect(ring(page)).to_contain_text("Missed", timeout=SOON)
    expect(ring(page)).to_contain_text("dentist")
    press(page, "Dismiss")
    expect(ring(page)).to_have_count(0)
    page.reload()
    page.locator(".frame").wait_for()
    look(page)
    expect(ring(page)).to_have_count(0)


def test_it_notifies_where_that_was_allowed(place: Belfry, visit: Visit) -> None:
    page = visit(place, "Anna", permissions=["notifications"])
    page.evaluate(
        "() => { window.told = []; window.Notification = class { static permission = 'granted';"
        " constructor(title) { told.push(title) } close() { told.push('closed') } } }"
    )
    wake_at_one(page)
    place.clock.now += 3601
    expect(ring(page)).to_be_visible(timeout=SOON)
    assert page.evaluate("told.length") == 1
    assert "dentist" in page.evaluate("told[0]")
    press(page, "Stop")
    expect(ring(page)).to_have_count(0)
    assert page.evaluate("told[1]") == "closed"


def test_who_was_never_let_in_silences_their_own_page(place: Belfry, visit: Visit) -> None:
    page, stranger = visit(place, "Anna"), visit(place, enter=False)
    wake_at_one(page)
    stranger.goto(place.url)
    place.clock.now += 3601
    expect(ring(stranger)).to_contain_text("Alarm", timeout=SOON)
    press(stranger, "Stop", 401)
    expect(ring(stranger)).to_have_count(0)
    expect(ring(page)).to_contain_text("dentist", timeout=SOON)
    look(stranger)
    expect(ring(stranger)).to_have_count(0)
