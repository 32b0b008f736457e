"""Coming in and going out: the one-time link, name and passphrase, a session that ended."""

from __future__ import annotations

from garden import Garden
from household import WORDS
from page import composer, conversations, say
from playwright.sync_api import expect
from watching import Visit, Watch


def test_the_link_logs_in_and_leaves_the_address_bar(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    expect(composer(page)).to_be_visible()
    assert page.url == alone.url
    page.go_back()  # nor is it in what one goes back to
    assert "login" not in page.url


def test_a_used_link_says_so_and_asks_for_a_name(alone: Garden, visit: Visit) -> None:
    link = alone.link()
    page = visit(alone, enter=False)
    page.goto(link)
    page.locator(".frame").wait_for()
    other = visit(alone, enter=False)
    other.goto(link)
    expect(other.get_by_role("alert").first).to_contain_text("was used or is too old")
    assert "login" not in other.url


def test_a_link_to_a_vault_offers_who_there_is(home: Garden, visit: Visit) -> None:
    page = visit(home, enter=False)
    page.goto(home.link())
    page.get_by_role("button", name="Ben").click()
    page.get_by_label("Passphrase").fill(WORDS["Ben"])
    page.keyboard.press("Enter")
    expect(page.locator(".who")).to_contain_text("Ben")
    expect(page.get_by_role("link", name="People")).to_have_count(0)


def test_a_wrong_passphrase_is_one_line_and_the_name_stays(home: Garden, visit: Visit) -> None:
    page = visit(home, enter=False)
    page.goto(home.url)
    page.get_by_label("Name", exact=True).fill("Anna")
    page.get_by_label("Passphrase").fill("not at all")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).not_to_be_empty()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Anna")
    expect(page.get_by_label("Passphrase")).to_have_value("")
    expect(page.get_by_label("Passphrase")).to_be_focused()


def test_a_session_that_ended_keeps_the_draft_for_whoever_wrote_it(
    home: Garden, visit: Visit
) -> None:
    page = visit(home, "Anna")
    say(page, "first")
    composer(page).fill("half a thought")
    page.context.clear_cookies()
    composer(page).press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text("logged out")
    page.get_by_label("Name", exact=True).fill("Anna")
    page.get_by_label("Passphrase").fill(WORDS["Anna"])
    page.keyboard.press("Enter")
    expect(composer(page)).to_have_value("half a thought")


def test_nobody_sees_what_another_left_in_the_same_window(home: Garden, visit: Visit) -> None:
    page = visit(home, "Anna")
    say(page, "my secret plan")
    composer(page).fill("another secret")
    page.context.clear_cookies()
    composer(page).press("Enter")
    page.get_by_label("Name", exact=True).fill("Ben")
    page.get_by_label("Passphrase").fill(WORDS["Ben"])
    page.keyboard.press("Enter")
    page.locator(".frame").wait_for()
    expect(conversations(page)).to_have_count(0)
    expect(composer(page)).to_have_value("")
    assert "secret" not in page.content()


def test_logging_out_forgets_everything(home: Garden, visit: Visit) -> None:
    page = visit(home, "Anna")
    say(page, "my secret plan")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Passphrase")).to_be_visible()
    assert "secret" not in page.content()
    assert page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])") == "[{},{}]"
    page.reload()
    expect(page.get_by_label("Passphrase")).to_be_visible()


def test_the_browser_keeps_nothing_but_the_look(home: Garden, visit: Visit) -> None:
    page = visit(home, "Anna")
    say(page, "my secret plan")
    composer(page).fill("a draft")
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert kept == '[{"penjing.look":"{\\"language\\":null,\\"theme\\":null}"},{}]'
    assert page.evaluate("document.cookie") == ""


def test_the_watch_notices_what_it_is_for(alone: Garden, visit: Visit, watch: Watch) -> None:
    page = visit(alone)
    page.evaluate("fetch('http://127.0.0.1:9/x').catch(() => 0)")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'),"
                  " {textContent: 'window.ran = 1'}))")  # fmt: skip
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.wait_for_timeout(100)
    assert page.evaluate("window.ran") is None
    assert sum("Content Security Policy" in one for one in watch.troubles) >= 3
    watch.troubles.clear()
