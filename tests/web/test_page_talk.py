"""A conversation: streaming, stopping, what cannot be sent, and the list of conversations."""

from __future__ import annotations

import re
import time

from garden import Garden, garden
from page import composer, conversations, say
from playwright.sync_api import expect
from watching import Visit

from penjing.core.errors import EngineError
from penjing.core.messages import Message


def rest(place: Garden) -> None:
    """Wait until the engine writes nothing."""
    deadline = time.monotonic() + 60
    while place.scheduler.health().running and time.monotonic() < deadline:
        time.sleep(0.02)
    assert place.scheduler.health().running == 0


LONG = " ".join(f"word{number}" for number in range(400))


def test_an_answer_grows_while_it_is_written(visit: Visit) -> None:
    with garden(answers=[LONG], delay=0.01) as place:
        page = visit(place)
        answer = say(page, "tell me", wait=False)
        expect(answer).to_contain_text("word3 ")
        first = len(answer.inner_text())
        assert answer.get_attribute("aria-busy") == "true"
        expect(answer).to_contain_text("word60 ")
        assert len(answer.inner_text()) > first


def test_an_answer_that_is_stopped_ends_and_is_kept(visit: Visit) -> None:
    with garden(answers=[LONG], delay=0.01) as place:
        page = visit(place)
        answer = say(page, "tell me", wait=False)
        expect(answer).to_contain_text("word5 ")
        page.get_by_role("button", name="Stop").click()
        expect(answer).to_have_attribute("aria-busy", "false")
        expect(answer).to_contain_text("Stopped")
        assert "word399" not in answer.inner_text()
        rest(place)
        page.reload()
        expect(page.locator(".turn.assistant")).to_contain_text("word5 ")
        expect(page.get_by_role("button", name="Send")).to_be_visible()


def test_what_rings_is_shown_without_being_asked_for(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    say(page, "set a timer")
    expect(page.locator(".turn.assistant").last).to_contain_text("tokens", timeout=60_000)
    history = alone.store.history
    session = history.sessions()[0].id
    history.append_turn(session, Message.of("assistant", "The timer has run out."))
    rung = page.locator(".turn.assistant").last
    expect(rung).to_contain_text("The timer has run out.", timeout=60_000)
    page.goto(f"{alone.url}#/settings")
    history.append_turn(session, Message.of("assistant", "A reminder: water the elm."))
    expect(page.get_by_role("status")).to_contain_text("water the elm", timeout=15_000)


def test_escape_stops_too(visit: Visit) -> None:
    with garden(answers=[LONG], delay=0.01) as place:
        page = visit(place)
        answer = say(page, "tell me", wait=False)
        expect(answer).to_contain_text("word5 ")
        page.keyboard.press("Escape")
        expect(answer).to_contain_text("Stopped")


def test_what_was_said_is_there_after_a_reload(home: Garden, visit: Visit) -> None:
    page = visit(home, "Anna")
    say(page, "what is a penjing?")
    assert re.search(r"#/s/\w+$", page.url)
    expect(conversations(page)).to_have_text(["A penjing"])
    page.reload()
    expect(page.locator(".turn.user")).to_have_text("what is a penjing?")
    expect(page.locator(".turn.assistant .prose")).to_have_text("what is a penjing?")


def test_shift_enter_is_a_new_line_and_enter_sends(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    composer(page).focus()
    page.keyboard.type("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    expect(page.locator(".turn")).to_have_count(0)
    page.keyboard.press("Enter")
    assert page.locator(".turn.user .words").inner_text() == "one\ntwo"


def test_enter_that_ends_a_composition_does_not_send(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    composer(page).focus()
    ime = page.context.new_cdp_session(page)
    ime.send("Input.imeSetComposition", {"text": "ni", "selectionStart": 2, "selectionEnd": 2})
    # what a browser sends for the Enter that takes what was composed, in both of its dialects
    composer(page).dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    composer(page).dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    ime.send("Input.insertText", {"text": "你"})
    expect(composer(page)).to_have_value("你")
    expect(page.locator(".turn")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".turn.user")).to_have_text("你")


def test_a_full_server_gives_the_words_back_and_says_when(visit: Visit) -> None:
    with garden(places=1, queue=0, wait=2, answers=[LONG], delay=0.02) as place:
        first, second = visit(place), visit(place)
        answer = say(first, "tell me", wait=False)
        expect(answer).to_contain_text("word2 ")
        composer(second).fill("me too")
        composer(second).press("Enter")
        expect(second.get_by_role("alert").first).not_to_be_empty()
        expect(composer(second)).to_have_value("me too")
        first.get_by_role("button", name="Stop").click()
        rest(place)
        second.locator(".trouble").get_by_role("button", name="Try again", exact=True).click()
        expect(second.locator(".turn.assistant")).to_contain_text("word2 ")


def test_a_503_with_a_time_is_waited_for(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    page.route(
        "**/turns",
        lambda route: (
            route.fulfill(status=503, headers={"Retry-After": "2"}, json={"error": "all is full"})
            if route.request.method == "POST"
            else route.continue_()
        ),
    )
    composer(page).fill("hello")
    composer(page).press("Enter")
    expect(page.get_by_text("all is full")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Try again in"))).to_be_disabled()
    page.unroute("**/turns")
    page.get_by_role("button", name="Try again", exact=True).click()
    expect(page.locator(".turn.assistant .prose")).to_have_text("hello")


def test_without_a_connection_nothing_is_lost(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    say(page, "hello")
    page.context.set_offline(True)
    composer(page).fill("are you there?")
    composer(page).press("Enter")
    expect(page.get_by_text("The server cannot be reached")).to_be_visible()
    expect(composer(page)).to_have_value("are you there?")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".turn.assistant .prose").last).to_have_text("are you there?")


def test_a_crash_in_the_middle_is_one_line(visit: Visit) -> None:
    with garden(answers=[LONG], delay=0.01) as place:
        page = visit(place)
        answer = say(page, "tell me", wait=False)
        expect(answer).to_contain_text("word5 ")
        place.scheduler.failure = EngineError("the engine stopped: say it again")
        expect(answer).to_contain_text("the engine stopped: say it again")
        place.scheduler.failure = None
        page.get_by_role("button", name="Reload the conversation").click()
        expect(page.locator(".turn.assistant")).to_contain_text("word5 ")


def test_conversations_are_renamed_and_deleted(home: Garden, visit: Visit) -> None:
    page = visit(home, "Anna")
    say(page, "apples")
    page.get_by_role("button", name="New conversation").click()
    say(page, "pears")
    expect(conversations(page)).to_have_text(["pears", "apples"])
    conversations(page).nth(1).hover()
    page.get_by_role("button", name="Rename “apples”").click()
    page.get_by_label("Title").fill("fruit")
    page.keyboard.press("Enter")
    expect(conversations(page)).to_have_text(["pears", "fruit"])
    page.get_by_role("button", name="Delete “pears”").click()
    page.get_by_role("button", name="Cancel").click()
    expect(conversations(page)).to_have_count(2)
    page.get_by_role("button", name="Delete “pears”").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(conversations(page)).to_have_text(["fruit"])
    expect(page.locator(".turn")).to_have_count(0)


def test_a_search_opens_the_turn_it_found(alone: Garden, visit: Visit) -> None:
    history = alone.store.history
    old = history.begin("gardening")
    for number in range(40):
        history.append_turn(old.id, Message.of("user", f"about thing {number}"))
    history.append_turn(old.id, Message.of("user", "the juniper wants gravel"))
    for number in range(40):
        history.append_turn(old.id, Message.of("user", f"again thing {number}"))
    page = visit(alone)
    page.keyboard.press("Control+k")
    page.keyboard.type("juniper gravel")
    hit = page.locator(".hits a")
    expect(hit).to_contain_text("the juniper wants gravel")
    expect(hit.locator("mark")).to_have_text(["juniper", "gravel"])
    hit.click()
    found = page.locator("#turn-41")
    expect(found).to_be_in_viewport()
    expect(found).to_be_focused()
    page.get_by_label("Search all").fill("nothing like that")
    expect(page.get_by_text("Nothing holds “nothing like that”.")).to_be_visible()


def test_an_answer_can_be_copied(alone: Garden, visit: Visit) -> None:
    page = visit(alone, permissions=["clipboard-read", "clipboard-write"])
    answer = say(page, "**bold** words")
    answer.get_by_role("button", name="Copy").click()
    expect(answer.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "**bold** words"


def test_left_out_turns_are_told(visit: Visit) -> None:
    with garden(context=300) as place:
        page = visit(place)
        for number in range(3):
            answer = say(page, f"{number} " + "x" * 60)
        expect(answer).to_contain_text("left out")
        page.reload()
        expect(page.locator(".turn.assistant").last).to_contain_text("left out")
