"""Sources, actions, documents, the passport, people and settings, each as a person uses it."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

from garden import QUOTED, REMARK, Garden
from household import WORDS
from page import composer, conversations, room, say
from playwright.sync_api import Page, expect
from watching import Visit

ELM = f"# Elm 🌳🌳\n\nA pot of 18 cm.\n\n## Watering\n\n{QUOTED['en']}, then until it runs out.\n"


def add(page: Page, path: Path) -> None:
    room(page, "Documents")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="choose files").click()
    chooser.value.set_files(path)


# -- what an answer stands on, and what it asks


def test_a_citation_opens_the_passage_and_marks_the_very_words(home: Garden, visit: Visit) -> None:
    page = visit(home, "Anna")
    path = home.folder / "elm.md"
    path.write_text(ELM, "utf-8")
    add(page, path)
    expect(page.locator(".files")).to_contain_text("elm.md")
    page.get_by_role("button", name="New conversation").click()
    answer = say(page, "how often should I water it?")
    answer.get_by_role("button", name="Source 1: elm.md").click()
    passage = page.locator(".passage")
    expect(passage.locator("mark")).to_have_text(QUOTED["en"])
    expect(passage.get_by_role("heading", name="elm.md")).to_be_focused()
    expect(passage.get_by_text("The words that were cited are marked.")).to_be_visible()
    assert passage.locator(".text").inner_text().strip() == ELM.strip()
    page.keyboard.press("Escape")
    expect(passage).to_have_count(0)
    expect(answer.get_by_role("button", name="Source 1: elm.md")).to_be_focused()
    page.reload()
    page.locator(".sources button").click()
    expect(page.locator(".passage mark")).to_have_text(QUOTED["en"])


def test_a_passage_whose_document_is_gone_says_so(alone: Garden, visit: Visit) -> None:
    document = alone.store.documents.add("elm.md", "text/markdown", ELM.encode())
    page = visit(alone)
    say(page, "how often should I water it?")
    alone.store.documents.delete(document.id)
    page.locator(".sources button").click()
    expect(page.get_by_text("The document is not here any more")).to_be_visible()
    expect(page.locator(".passage mark")).to_have_text(QUOTED["en"])


def test_how_it_was_understood_can_be_unfolded(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    answer = say(page, "switch on the lamp")
    answer.get_by_text("How this was understood").click()
    expect(answer.locator(".taken dl")).to_contain_text("templates")
    expect(answer.locator(".taken dl")).to_contain_text("98%")


def test_an_action_is_shown_plainly_and_done_only_when_confirmed(
    alone: Garden, visit: Visit
) -> None:
    page = visit(alone)
    answer = say(page, "switch on the lamp")
    for part in ("switch_lamp", "elm shelf", "brightness", "40", "Switch on the lamp over the elm"):
        expect(answer.locator(".action")).to_contain_text(part)
    assert alone.gardener.done == []
    answer.get_by_role("button", name="Yes, do it").click()
    expect(page.locator(".action")).to_have_count(1)
    expect(page.locator(".action.done")).to_contain_text("Sent, the device has not answered")
    expect(page.locator(".action.done dl")).to_be_hidden()
    page.locator(".exactly summary").click()
    expect(page.locator(".action.done dl")).to_contain_text("brightness")
    assert [one.tool for one in alone.gardener.done] == ["switch_lamp"]
    expect(page.get_by_role("button", name="Yes, do it")).to_have_count(0)
    page.reload()
    expect(page.locator(".action.done").last).to_contain_text("switch_lamp")
    expect(page.get_by_role("button", name="Yes, do it")).to_have_count(0)


def test_what_is_remarked_is_shown_beside_the_answer(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    answer = say(page, "switch on the lamp")
    expect(answer.locator("footer")).to_contain_text(REMARK)
    page.reload()
    expect(page.locator(".turn.assistant footer")).to_contain_text(REMARK)


def test_an_action_that_is_refused_is_not_done(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    answer = say(page, "switch on the lamp")
    answer.get_by_role("button", name="No", exact=True).click()
    expect(answer.locator(".action")).to_contain_text("You said no")
    expect(page.locator(".turn.assistant").last).to_contain_text("I left it as it is")
    page.wait_for_load_state("networkidle")
    expect(answer.locator(".action")).to_contain_text("You said no")  # read again, it says so still
    assert alone.gardener.done == []


def test_an_old_action_cannot_be_confirmed(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    say(page, "switch on the lamp")
    say(page, "something else")
    expect(page.locator(".action")).to_contain_text("No longer waiting")
    expect(page.get_by_role("button", name="Yes, do it")).to_have_count(0)


# -- documents


def test_documents_are_dropped_read_and_removed(home: Garden, visit: Visit) -> None:
    page = visit(home, "Anna")
    drop = """() => {
        const data = new DataTransfer();
        data.items.add(new File(["one\\n\\ntwo\\n\\nthree"], "notes.txt", {type: "text/plain"}));
        data.items.add(new File([new Uint8Array([255, 254, 0])], "odd.bin"));
        for (const name of ["dragenter", "dragover", "drop"])
            dispatchEvent(new DragEvent(name, {dataTransfer: data, cancelable: true}));
    }"""
    page.evaluate(drop)
    rows = page.locator(".files li")
    expect(rows).to_have_count(2)
    notes = rows.filter(has_text="notes.txt")
    expect(notes).to_contain_text("Ready")
    expect(notes).to_contain_text("3 passages")
    odd = rows.filter(has_text="odd.bin")
    expect(odd).to_contain_text("Could not be read")
    expect(odd).to_contain_text("save it as .txt or .md")
    page.get_by_role("button", name="Delete “odd.bin”").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(rows).to_have_count(1)


def test_an_upload_shows_its_progress_and_can_be_stopped(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    slow = page.context.new_cdp_session(page)
    slow.send("Network.enable")
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1}
    slow.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": 400_000})
    path = alone.folder / "large.txt"
    path.write_bytes(b"word " * 400_000)
    add(page, path)
    bar = page.get_by_role("progressbar")
    expect(bar).to_be_visible()
    shares: list[float] = []
    while len(set(shares)) < 3:
        shares.append(bar.evaluate("bar => bar.value"))
    assert shares == sorted(shares)
    assert shares[-1] < 1
    page.get_by_role("button", name="Stop uploading large.txt").click()
    expect(bar).to_have_count(0)
    assert alone.store.documents.all() == []


def test_a_document_that_is_refused_says_why(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    page.route("**/api/documents?*", lambda route: route.fulfill(
        status=413, json={"error": "a document holds 64 MiB at most: split it"}))  # fmt: skip
    path = alone.folder / "huge.txt"
    path.write_text("huge")
    add(page, path)
    expect(page.get_by_text("64 MiB at most")).to_be_visible()


# -- the passport


def test_the_passport_shows_what_was_measured(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    room(page, "Passport")
    tiles = page.locator(".tiles")
    for part in ("70.0 MB", "77.5%", "0.198", "66"):
        expect(tiles).to_contain_text(part)
    expect(page.locator(".plot circle")).to_have_count(4)
    where = page.locator(".plot circle").evaluate_all("all => all.map(one => one.cx.baseVal.value)")
    assert where == sorted(where)
    expect(page.locator("table tbody tr")).to_have_count(4)
    expect(page.locator("tr.ours")).to_contain_text("this file")


def test_a_model_that_nobody_measured_says_so(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    bare: dict[str, Any] = {"name": "some.gguf", "manifest": {}, "passport": None, "device": ""}
    page.route("**/api/model", lambda route: route.fulfill(json=bare))
    room(page, "Passport")
    expect(page.get_by_text("Nobody has measured this file.")).to_be_visible()


# -- people


def test_an_owner_adds_changes_and_removes_people(home: Garden, visit: Visit) -> None:
    page = visit(home, "Anna")
    room(page, "People")
    page.get_by_label("Name", exact=True).fill("Cleo")
    page.locator(".panel").get_by_role("combobox").select_option("guest")
    page.get_by_label("Their first passphrase").fill("cleo has words of her own")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Role of Cleo")).to_have_value("guest")
    page.get_by_label("Role of Cleo").select_option("member")
    expect(page.get_by_text("Saved")).to_be_visible()
    assert home.vault.accounts.actor(home.vault.accounts.require("Cleo").id).role == "member"
    page.get_by_role("button", name="Remove Cleo").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Remove")).to_be_disabled()
    dialog.get_by_label("Type Cleo to confirm").fill("Cleo")
    dialog.get_by_role("button", name="Remove").click()
    expect(page.get_by_label("Role of Cleo")).to_have_count(0)
    assert "Cleo" not in [one.name for one in home.vault.accounts.people()]


def test_a_weak_passphrase_is_refused_in_one_line(home: Garden, visit: Visit) -> None:
    page = visit(home, "Anna")
    room(page, "People")
    page.get_by_label("Name", exact=True).fill("Cleo")
    page.get_by_label("Their first passphrase").fill("123")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text=re.compile("passphrase"))).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Cleo")


def test_without_a_vault_the_page_says_that_nothing_is_kept(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    expect(page.get_by_text("Nothing is kept.")).to_be_visible()
    room(page, "People")
    expect(page.get_by_text("Without a vault there is one person here")).to_be_visible()
    expect(page.get_by_role("button", name="Add", exact=True)).to_have_count(0)


def test_with_a_vault_there_is_no_banner(home: Garden, visit: Visit) -> None:
    expect(visit(home, "Anna").locator(".banner")).to_have_count(0)


# -- settings and privacy


def test_language_and_theme_are_kept_with_the_person(home: Garden, visit: Visit) -> None:
    page = visit(home, "Ben")
    room(page, "Settings")
    page.get_by_label("Dark").check()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_label("中文").check()
    expect(page.get_by_role("heading", name="设置")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    other = visit(home, "Ben")
    expect(other.locator("html")).to_have_attribute("data-theme", "dark")
    expect(other.get_by_placeholder("写点什么")).to_be_visible()


def test_how_long_turns_are_kept(home: Garden, visit: Visit) -> None:
    page = visit(home, "Ben")
    room(page, "Settings")
    page.get_by_label("Delete conversations after").fill("30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Delete conversations after")).to_have_value("30")
    page.get_by_label("Delete conversations after").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Delete conversations after")).to_have_value("")


def test_everything_about_a_person_comes_as_one_zip(home: Garden, visit: Visit) -> None:
    page = visit(home, "Ben")
    say(page, "something about the harbour")
    room(page, "Settings")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download my data").click()
    path = home.folder / "mine.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        held = b"".join(archive.read(name) for name in archive.namelist())
    assert "the harbour" in held.decode("utf-8", "replace")


def test_a_program_gets_a_token_that_is_shown_once(home: Garden, visit: Visit) -> None:
    page = visit(home, "Ben")
    room(page, "Settings")
    page.get_by_label("What the token is for").fill("my editor")
    page.get_by_role("button", name="Make a token").click()
    token = page.locator(".made code").inner_text()
    caller = home.way.caller()
    headers = {"Authorization": f"Bearer {token}"}
    assert caller.ask("GET", "/v1/models", headers=headers).status == 200
    assert caller.ask("GET", "/api/me", headers=headers).json["scopes"] == ["read"]
    refused = caller.ask("POST", "/api/sessions", {}, headers)
    assert (refused.status, "'chat'" in refused.json["error"]) == (403, True)
    page.reload()
    expect(page.get_by_text("my editor")).to_be_visible()
    expect(page.locator(".files li")).to_contain_text("May: read")
    assert token not in page.content()
    page.get_by_role("button", name="Remove the token for my editor").click()
    expect(page.get_by_text("my editor")).to_have_count(0)
    assert caller.ask("GET", "/v1/models", headers=headers).status == 401


def test_a_token_may_what_was_chosen_for_it_and_the_least_is_chosen_already(
    home: Garden, visit: Visit
) -> None:
    page = visit(home, "Ben")
    room(page, "Settings")
    boxes = page.get_by_role("group", name="What it may do").get_by_role("checkbox")
    assert [box.is_checked() for box in boxes.all()] == [True, False, False, False, False]
    make = page.get_by_role("button", name="Make a token")
    boxes.nth(0).uncheck()
    expect(make).to_be_disabled()
    page.get_by_role("checkbox", name=re.compile("^documents ")).check()
    page.get_by_role("checkbox", name=re.compile("^chat ")).check()
    page.get_by_label("What the token is for").fill("my editor")
    make.click()
    expect(page.locator(".files li")).to_contain_text("May: chat, documents")
    assert [box.is_checked() for box in boxes.all()] == [True, False, False, False, False]
    headers = {"Authorization": f"Bearer {page.locator('.made code').inner_text()}"}
    caller = home.way.caller()
    assert caller.ask("GET", "/api/documents", headers=headers).status == 200
    assert caller.ask("GET", "/api/sessions", headers=headers).status == 403
    page.get_by_label("中文").check()
    expect(page.locator(".files li")).to_contain_text("允许：chat, documents")
    expect(page.get_by_role("group", name="允许它做什么")).to_contain_text("读取您的对话")


def test_a_token_that_may_all_takes_the_passphrase_at_that_moment(
    home: Garden, visit: Visit
) -> None:
    page = visit(home, "Anna")
    room(page, "Settings")
    asked = page.get_by_label("Your passphrase, to allow admin")
    expect(asked).to_have_count(0)
    page.get_by_label("What the token is for").fill("a nightly job")
    admin = page.get_by_role("checkbox", name=re.compile("^admin "))
    admin.check()
    asked.fill("not these words")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_text("that passphrase is wrong")).to_be_visible()
    expect(page.locator(".files li")).to_have_count(0)
    expect(asked).to_have_value("")
    asked.fill(WORDS["Anna"])
    page.get_by_role("button", name="Make a token").click()
    expect(page.locator(".files li")).to_contain_text("May: read, admin")
    headers = {"Authorization": f"Bearer {page.locator('.made code').inner_text()}"}
    assert len(home.way.caller().ask("GET", "/api/people", headers=headers).json) == 3


def test_a_token_from_before_scopes_is_shown_as_what_it_is(home: Garden, visit: Visit) -> None:
    page = visit(home, "Ben")
    page.route("**/api/me/tokens", lambda route: route.fulfill(
        json=[{"id": "0" * 32, "label": "old one", "made": 1.0, "scopes": ["read"],
               "note": "made before tokens had scopes"}]))  # fmt: skip
    room(page, "Settings")
    expect(page.locator(".files li")).to_contain_text("it may only read")


def test_a_passphrase_is_changed(home: Garden, visit: Visit) -> None:
    page = visit(home, "Ben")
    room(page, "Settings")
    page.get_by_label("Present passphrase").first.fill(WORDS["Ben"])
    page.get_by_label("New passphrase", exact=True).fill("entirely new words of ben")
    page.get_by_label("New passphrase, again").fill("entirely other words of ben")
    page.get_by_role("button", name="Change passphrase").click()
    expect(page.get_by_text("are not the same")).to_be_visible()
    page.get_by_label("New passphrase, again").fill("entirely new words of ben")
    page.get_by_role("button", name="Change passphrase").click()
    expect(page.get_by_text("The passphrase was changed")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Ben")
    page.get_by_label("Passphrase").fill("entirely new words of ben")
    page.keyboard.press("Enter")
    expect(composer(page)).to_be_visible()


def test_a_person_wipes_themselves_by_name_and_passphrase(home: Garden, visit: Visit) -> None:
    page = visit(home, "Ben")
    say(page, "soon gone")
    room(page, "Settings")
    wipe = page.locator(".panel.last")
    wipe.get_by_label("Present passphrase").fill(WORDS["Ben"])
    wipe.get_by_role("button", name="Wipe me").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type Ben to confirm").fill("ben")
    expect(dialog.get_by_role("button", name="Wipe me")).to_be_disabled()
    dialog.get_by_label("Type Ben to confirm").fill("Ben")
    dialog.get_by_role("button", name="Wipe me").click()
    expect(page.get_by_text("All that was yours is gone.")).to_be_visible()
    assert [one.name for one in home.vault.accounts.people()] == ["Anna", "Gil"]


def test_without_a_vault_wiping_forgets_what_is_in_memory(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    say(page, "soon gone")
    expect(conversations(page)).to_have_count(1)
    room(page, "Settings")
    page.get_by_role("button", name="Wipe me").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("owner")
    page.get_by_role("dialog").get_by_role("button", name="Wipe me").click()
    expect(page.get_by_text("All that was yours is gone.")).to_be_visible()
    assert alone.store.history.sessions() == []
    assert json.dumps(alone.store.settings.all()) == "{}"
