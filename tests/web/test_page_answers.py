"""Answers that live on the server: left and found again, gone on with, given anew, branched off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from garden import Garden, garden
from page import composer, conversations, say
from playwright.sync_api import Page, expect
from tooling import wait_until
from watching import Visit

LONG = " ".join(f"word{number}" for number in range(70))
SHORT = ["one", "two", "three", "four"]


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Garden]:
    with garden(tmp_path, answers=[LONG], delay=0.05) as place:
        yield place


@pytest.fixture
def quick() -> Iterator[Garden]:
    with garden(answers=SHORT) as place:
        yield place


def words(page: Page) -> list[str]:
    """What was said, in order."""
    return page.locator(".turn .words, .turn .prose").all_inner_texts()


def begun(page: Page, text: str = "tell me") -> str:
    """Ask something, and leave once the answer has begun; where that was."""
    expect(say(page, text, wait=False)).to_contain_text("word2 ")
    url = page.url
    page.goto("about:blank")
    return url


def test_a_page_that_was_closed_finds_the_answer_going_on_and_whole(
    slow: Garden, visit: Visit
) -> None:
    page = visit(slow, "Anna")
    page.goto(begun(page))
    answer = page.locator(".turn.assistant")
    expect(answer).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(answer).to_have_attribute("aria-busy", "false")
    assert words(page) == ["tell me", LONG]
    expect(page.get_by_role("button", name="Continue")).to_have_count(0)


def test_an_answer_nobody_waited_for_is_there_on_return(slow: Garden, visit: Visit) -> None:
    page = visit(slow, "Anna")
    url = begun(page)
    wait_until(lambda: slow.scheduler.health().running == 0, 60)
    page.goto(url)
    expect(page.locator(".turn.assistant .prose")).to_have_text(LONG)
    expect(page.locator(".turn.assistant")).not_to_contain_text("Stopped")


def test_it_is_stopped_from_another_page_and_gone_on_with(slow: Garden, visit: Visit) -> None:
    page = visit(slow, "Anna")
    page.goto(begun(page))
    page.get_by_role("button", name="Stop").click()
    answer = page.locator(".turn.assistant")
    expect(answer).to_contain_text("Stopped")
    page.reload()
    expect(answer).to_contain_text("Stopped")
    first = page.locator(".turn.assistant .prose").inner_text()
    assert LONG.startswith(first.strip())
    page.get_by_role("button", name="Continue").click()
    expect(answer).to_have_attribute("aria-busy", "false")
    expect(answer).not_to_contain_text("Stopped")
    assert page.locator(".turn.assistant .prose").inner_text().startswith(first.strip())
    expect(answer).to_have_count(1)
    page.reload()
    expect(answer).not_to_contain_text("Stopped")


def test_who_logs_out_stops_what_is_written_for_them(slow: Garden, visit: Visit) -> None:
    page = visit(slow, "Anna")
    expect(say(page, "tell me", wait=False)).to_contain_text("word2 ")
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("input[name=passphrase]")).to_be_visible()
    assert slow.scheduler.health().running == 0


def test_an_answer_is_given_anew_in_its_place(quick: Garden, visit: Visit) -> None:
    page = visit(quick)
    answer = say(page, "tell me")
    expect(answer.locator(".prose")).to_have_text("one")
    answer.get_by_role("button", name="Answer again").click()
    expect(page.locator(".turn.assistant .prose")).to_have_text(["two"])
    page.reload()
    expect(page.locator(".turn .words, .turn .prose")).to_have_text(["tell me", "two"])


def test_the_last_thing_said_is_said_differently_in_its_place(quick: Garden, visit: Visit) -> None:
    page = visit(quick)
    say(page, "first")
    page.get_by_role("button", name="Say it differently").click()
    page.locator(".edit textarea").fill("other")
    page.locator(".edit").get_by_role("button", name="Send").click()
    expect(page.locator(".turn .words, .turn .prose")).to_have_text(["other", "two"])
    expect(conversations(page)).to_have_count(1)


def test_an_earlier_one_is_said_differently_in_a_branch_and_nothing_is_lost(
    quick: Garden, visit: Visit
) -> None:
    page = visit(quick)
    say(page, "about elms")
    say(page, "second")
    first = page.url
    page.locator(".turn.user").first.hover()
    page.get_by_role("button", name="Say it differently").first.click()
    page.locator(".edit textarea").fill("about pines")
    page.locator(".edit").get_by_role("button", name="Send").click()
    expect(page.locator(".turn .words, .turn .prose")).to_have_text(["about pines", "three"])
    expect(conversations(page)).to_have_text(["about elms (2)", "about elms"])
    page.goto(first)
    expect(page.locator(".turn .words, .turn .prose")).to_have_text(
        ["about elms", "one", "second", "two"]
    )
    page.locator(".turn.assistant").first.get_by_role("button", name="Branch here").click()
    expect(page.locator(".turn .words, .turn .prose")).to_have_text(["about elms", "one"])


def test_a_deed_is_not_done_again_by_these(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    answer = say(page, "switch on the lamp")
    expect(answer.get_by_role("button", name="Branch here")).to_be_visible()
    expect(answer.get_by_role("button", name="Answer again")).to_have_count(0)


def test_how_answers_are_written_is_chosen_for_one_conversation(
    quick: Garden, visit: Visit
) -> None:
    page = visit(quick)
    page.get_by_role("button", name="How answers are written here").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What the model is told first").fill("You are a gardener.")
    dialog.get_by_label("Temperature").fill("0.5")
    dialog.get_by_label("Top k").fill("7")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    say(page, "hello, about elms")
    request = quick.scheduler.requests[-1]
    assert request.messages[0].text == "You are a gardener."
    assert (request.settings.temperature, request.settings.top_k) == (0.5, 7)
    page.reload()
    page.get_by_role("button", name="How answers are written here").click()
    expect(dialog.get_by_label("Top k")).to_have_value("7")
    dialog.get_by_role("button", name="As usual").click()
    dialog.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="New conversation").click()
    say(page, "pines")
    assert quick.scheduler.requests[-1].settings.temperature == 0.0


def test_a_conversation_is_downloaded_and_printed(quick: Garden, visit: Visit) -> None:
    page = visit(quick)
    say(page, "what is an elm?")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download this conversation").click()
    assert download.value.suggested_filename == "An elm.md"
    text = Path(download.value.path()).read_text("utf-8")
    assert text.startswith("# An elm\n")
    assert re.search(r"\*\*You\*\* · .*\n\nwhat is an elm\?\n", text)
    page.evaluate("window.print = () => { window.printed = true }")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed")
    page.emulate_media(media="print")
    for hidden in (".tools", ".composer", ".said-acts", ".turn > footer"):
        expect(page.locator(hidden).first).to_be_hidden()


def test_what_was_never_answered_says_so_and_can_be(quick: Garden, visit: Visit) -> None:
    from penjing.core.messages import Message

    history = quick.store.history
    session = history.begin("lost").id
    history.append_turn(session, Message.of("user", "are you there?"))
    page = visit(quick)
    page.goto(f"{quick.url}#/s/{session}")
    expect(page.get_by_text("This was not answered.")).to_be_visible()
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator(".turn .words, .turn .prose")).to_have_text(["are you there?", "one"])
    expect(composer(page)).to_have_value("")
