"""Sentences to begin with, what people may use, and the link that lets them in."""

from __future__ import annotations

import pytest
from garden import Garden
from household import WORDS
from page import room, say
from playwright.sync_api import expect
from watching import Visit


@pytest.mark.parametrize(("locale", "said"), [("en-GB", "switch on the lamp"), ("zh-CN", "开灯")])
def test_an_empty_page_suggests_what_works(
    alone: Garden, visit: Visit, locale: str, said: str
) -> None:
    page = visit(alone, locale=locale)
    page.locator(".suggestions").get_by_role("button", name=said).click()
    expect(page.locator(".action.waiting")).to_be_visible()
    expect(page.locator(".suggestions")).to_have_count(0)


def test_a_card_reads_like_a_sentence_in_chinese(alone: Garden, visit: Visit) -> None:
    page = visit(alone, locale="zh-CN")
    answer = say(page, "打开灯")
    card = page.locator(".action")
    expect(card.locator("strong")).to_have_text("打开榆树上方的灯，亮度 40%")
    expect(card).to_contain_text("可以执行吗")
    answer.locator(".strong").click()
    expect(page.locator(".action.done small")).to_have_text("已发出，设备没有回应")
    seen = page.locator(".action").inner_text()
    assert not [word for word in ("lamp", "brightness", "state", "id") if word in seen]


def test_what_was_done_is_undone_from_its_card(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    say(page, "switch on the lamp")
    page.get_by_role("button", name="Yes, do it").click()
    card = page.locator(".action")
    expect(card.locator("small")).to_contain_text("the device has not answered")
    undo = card.get_by_role("button", name="Undo: Switch on the lamp")
    undo.click()
    page.locator("dialog").get_by_role("button", name="Cancel").click()  # it was asked about
    assert len(alone.gardener.done) == 1
    undo.click()
    page.locator("dialog").get_by_role("button", name="Undo").click()
    expect(card).to_have_count(1)
    expect(card.locator("small")).to_have_text("Undone")
    expect(undo).to_have_count(0)
    assert alone.gardener.done == []
    page.reload()
    expect(card.locator("small")).to_have_text("Undone")
    expect(page.locator(".turn.assistant").last).to_contain_text("Undone.")


def test_an_owner_says_in_the_page_what_a_guest_may_use(home: Garden, visit: Visit) -> None:
    owner, guest = visit(home, "Anna"), visit(home, "Gil", locale="zh-CN")
    expect(guest.locator(".suggestions")).to_have_count(0)
    guest.locator(".composer textarea").fill("你好")
    guest.keyboard.press("Enter")
    expect(guest.get_by_role("alert").first).to_contain_text("您是这里的访客")
    room(owner, "People")
    row = owner.locator(".people > li").filter(has_text="Gil")
    row.locator("summary").click()
    expect(row).to_contain_text("May use nothing yet")
    row.get_by_label("Penjing").check()
    expect(row).to_contain_text("May use 1 of 2")
    row.get_by_label("switch_lamp").check()
    expect(row).to_contain_text("May use everything")
    guest.get_by_role("button", name="重试").click()
    expect(guest.locator(".turn.assistant .prose")).to_have_text("你好")
    row.get_by_label("Penjing").uncheck()
    expect(row).to_contain_text("May use 1 of 2")
    (gil,) = [one for one in home.vault.accounts.people() if one.name == "Gil"]
    assert dict(home.vault.accounts.actor(gil.id).permissions) == {
        ("assistant", "Penjing"): False, ("tool", "switch_lamp"): True,
    }  # fmt: skip


def test_a_guest_is_added_who_may_talk(home: Garden, visit: Visit) -> None:
    owner = visit(home, "Anna")
    room(owner, "People")
    owner.get_by_label("Name", exact=True).fill("Uma")
    owner.locator(".panel select").select_option("guest")
    owner.get_by_label("Their first passphrase").fill("uma has her own words")
    expect(owner.get_by_label("May talk with Penjing")).to_be_checked()
    owner.get_by_role("button", name="Add", exact=True).click()
    row = owner.locator(".people > li").filter(has_text="Uma")
    expect(row).to_contain_text("May use 1 of 2")


def test_a_link_is_taken_by_a_page_that_is_open(alone: Garden, visit: Visit) -> None:
    page = visit(alone, enter=False)
    page.goto(alone.url)
    page.locator("input[name=name]").wait_for()
    page.evaluate("link => { location.href = link }", alone.link())
    page.locator(".frame").wait_for()
    assert "login" not in page.url


def test_a_link_is_pasted_into_the_login(home: Garden, visit: Visit) -> None:
    page = visit(home, enter=False)
    page.goto(home.url)
    page.locator("input[name=name]").focus()
    page.evaluate(
        """link => {
            const data = new DataTransfer();
            data.setData("text", link + "\\n");
            const how = {clipboardData: data, bubbles: true, cancelable: true};
            document.activeElement.dispatchEvent(new ClipboardEvent("paste", how));
        }""",
        home.link(),
    )
    page.get_by_role("button", name="Ben").click()
    page.get_by_label("Passphrase").fill(WORDS["Ben"])
    page.keyboard.press("Enter")
    page.locator(".frame").wait_for()


def test_a_link_to_who_is_in_already_changes_nothing(home: Garden, visit: Visit) -> None:
    page = visit(home, "Anna")
    say(page, "hello")
    page.evaluate("link => { location.href = link }", home.link())
    expect(page.locator(".composer textarea")).to_be_visible()
    page.wait_for_url(lambda url: "login" not in url)
    expect(page.locator(".login")).to_have_count(0)
