"""A day in a household, driven through a real browser: what the page promises happens.

`SHOTS=folder` keeps a picture of each step, to be looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from belfry import SPEC, Belfry, belfry
from page import room, say
from papers import pdf
from playwright.sync_api import Locator, Page, expect
from watching import Visit

from penjing.knowledge import retriever
from penjing.knowledge.desk import KnowledgeDesk
from penjing.testing.embedder import FakeEmbedder

SOON = 60_000
DAY_SPEC = SPEC + "unknown: [knowledge, model]\n"
LEASE = [
    "Lease of the flat in Garden Street.\nThe monthly rent is 900 euros.",
    "The notice period is three months.\nSmall dogs are allowed in the flat.",
]
ANSWERED = {
    "How much is the monthly rent?": ("900 euros", "page 1"),
    "How long is the notice period?": ("three months", "page 2"),
    "Are small dogs allowed in the flat?": ("Small dogs are allowed", "page 2"),
}
UNANSWERED = ["Who wrote Hamlet?", "Why is the sky blue?"]
STORY = " ".join(f"word{number}" for number in range(35))
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture(autouse=True)
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set is noticed at once; the fake embedder is believed."""
    monkeypatch.setattr("penjing.tools.schedule._LONGEST_SLEEP", 0.02)
    # the weights are those of the real model's cosines; the fake's are lower
    monkeypatch.setattr(retriever, "relevance", lambda _words, _excerpt, cosine: cosine * 2)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Belfry]:
    desk = KnowledgeDesk(FakeEmbedder())
    with belfry(tmp_path, spec=DAY_SPEC, desk=desk, answers=[STORY], delay=0.03) as one:
        yield one


def picture(page: Page, step: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{step}.png")


def ring(page: Page) -> Locator:
    return page.locator(".ringing section")


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("input[name=passphrase]")).to_be_visible()


def log_in(page: Page, name: str, words: str) -> None:
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=passphrase]").fill(words)
    page.keyboard.press("Enter")
    page.locator(".frame").wait_for()


def test_a_day(place: Belfry, visit: Visit) -> None:
    page = visit(place, "Anna", bypass_csp=True)
    the_alarm_of_tomorrow(place, page)
    the_lease_is_asked(page)
    the_page_is_closed_in_the_middle(page)
    the_answer_is_given_anew(page)
    a_guest_is_let_in(page, visit(place, "Gil", locale="zh-CN", color_scheme="dark"))
    phone = visit(place, "Anna", color_scheme="dark", bypass_csp=True, **PHONE)
    on_a_phone(phone)
    for one in (page, phone):
        found = Axe().run(one)
        assert found.violations_count == 0, found.generate_report()


def the_alarm_of_tomorrow(place: Belfry, page: Page) -> None:
    """Set and forgotten: nobody is logged in when it rings, and it is told on return."""
    picture(page, "1-morning")
    expect(say(page, "wake me at 7 am")).to_contain_text("I will.")
    expect(page.locator(".action.done strong")).to_have_text("Wake you at 07:00")
    picture(page, "2-alarm-set")
    log_out(page)
    place.clock.now += 19 * 3600 + 1
    expect(ring(page)).to_contain_text("Alarm", timeout=SOON)
    picture(page, "3-it-rings")
    with page.expect_response(lambda answer: "/api/ringing/" in answer.url):
        ring(page).get_by_role("button", name="Stop").click()
    expect(ring(page)).to_have_count(0)
    log_in(page, "Anna", "anna knows these words")
    told = page.locator(".turn.assistant", has_text="your alarm: dentist")
    page.locator(".sessions li > a").first.click()
    expect(told).to_have_count(1, timeout=SOON)


def the_lease_is_asked(page: Page) -> None:
    """What lies in a document is quoted with its page; what does not is not."""
    room(page, "Documents")
    lease = {"name": "lease.pdf", "mimeType": "application/pdf", "buffer": pdf(LEASE)}
    page.locator("input[type=file]").set_input_files(lease)  # type: ignore[arg-type]
    expect(page.locator(".files li")).to_contain_text("Ready", timeout=SOON)
    picture(page, "4-lease")
    page.get_by_role("button", name="New conversation").click()
    for question, (words, where) in ANSWERED.items():
        answer = say(page, question)
        expect(answer.locator(".prose")).to_contain_text(words)
        expect(answer.locator(".sources").first).to_contain_text("lease.pdf")
        expect(answer.locator(".sources").first).to_contain_text(where)
    picture(page, "5-quoted")
    for question in UNANSWERED:
        expect(say(page, question).locator(".sources")).to_have_count(0)


def the_page_is_closed_in_the_middle(page: Page) -> None:
    """The answer goes on, and is whole when its person comes back."""
    page.get_by_role("button", name="New conversation").click()
    expect(say(page, "tell me a story", wait=False)).to_contain_text("word2 ")
    url = page.url
    page.goto("about:blank")
    page.goto(url)
    answer = page.locator(".turn.assistant")
    expect(answer).to_have_attribute("aria-busy", "false", timeout=SOON)
    expect(answer.locator(".prose")).to_have_text(STORY)
    picture(page, "6-went-on")


def the_answer_is_given_anew(page: Page) -> None:
    page.get_by_role("button", name="Answer again").click()
    answer = page.locator(".turn.assistant")
    expect(answer).to_have_attribute("aria-busy", "true")
    expect(answer).to_contain_text("word2 ")
    page.get_by_role("button", name="Stop").click()
    expect(answer).to_contain_text("Stopped")
    page.reload()
    expect(answer).to_contain_text("Stopped")
    picture(page, "7-stopped")
    page.get_by_role("button", name="Continue").click()
    expect(answer).to_have_attribute("aria-busy", "false", timeout=SOON)
    expect(answer).not_to_contain_text("Stopped")


def a_guest_is_let_in(owner: Page, guest: Page) -> None:
    """By an owner, in the page; the guest speaks Chinese."""
    guest.locator(".composer textarea").fill("讲个故事")
    guest.keyboard.press("Enter")
    expect(guest.get_by_role("alert").first).to_contain_text("您是这里的访客")
    picture(guest, "8-guest-waits")
    room(owner, "People")
    row = owner.locator(".people > li").filter(has_text="Gil")
    row.locator("summary").click()
    row.get_by_label("Bell").check()
    expect(row).to_contain_text("May use 1 of 3")
    picture(owner, "9-people")
    guest.get_by_role("button", name="重试").click()
    answer = guest.locator(".turn.assistant")
    expect(answer).to_have_attribute("aria-busy", "false", timeout=SOON)
    expect(answer.locator(".prose")).to_have_text(STORY)
    expect(say(guest, "晚上八点叫我")).to_contain_text("没有这个权限")
    picture(guest, "10-guest-speaks")


def on_a_phone(page: Page) -> None:
    """All of it is there, and nothing is wider than the screen."""
    page.get_by_role("button", name="Menu").click()
    page.locator(".sessions li > a", has_text="monthly rent").click()
    expect(page.locator(".sources").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    picture(page, "11-phone")
