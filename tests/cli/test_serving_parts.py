"""A served assistant in this process: replaced while it answers, for many people, with a clock."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from assisted import CLERK as SPEC
from tooling import MONDAY_NOON, SetClock, wait_until

from penjing.app.assistants import Together, load_spec
from penjing.app.rings import rings
from penjing.app.serving import server as serving
from penjing.app.serving.assistant import Around, ServedAssistant, served
from penjing.app.serving.clock import Teller
from penjing.cli.app import main
from penjing.core.dialogue import Acted, Cited, Passage, Said
from penjing.core.errors import NotFound, NotPermitted
from penjing.core.messages import Message, Note
from penjing.knowledge import retriever
from penjing.knowledge.desk import KnowledgeDesk
from penjing.knowledge.library import Library
from penjing.serve.app import build_app
from penjing.serve.door.accounts import Known, OneOwner, UnlockedPerson
from penjing.serve.door.stores import Stores
from penjing.serve.people import Alone
from penjing.serve.present import Present
from penjing.serve.services import Model
from penjing.testing.embedder import FakeEmbedder
from penjing.testing.scheduler import FakeScheduler
from penjing.tools.entries import Due
from penjing.vault.memory import MemoryStore


@dataclass
class Desk:
    """What a server has, and what it serves."""

    path: Path
    present: Present
    clock: SetClock
    assistant: ServedAssistant

    def heard(self, store: MemoryStore, session: str, text: str) -> str:
        events = list(self.assistant.reply("anna", store, session, text, role="owner"))
        return "".join(one.text for one in events if isinstance(one, Said))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    path = tmp_path / "assistant.yaml"
    path.write_text(SPEC, "utf-8")
    present, clock, scheduler = Present(), SetClock(), FakeScheduler()
    around = Around(scheduler, Alone(MemoryStore()), present, clock=clock)
    with served(str(path), load_spec(str(path)), around) as assistant:
        yield Desk(path, present, clock, assistant)
    scheduler.close()


def came(desk: Desk) -> tuple[MemoryStore, str]:
    """Anna, whose store is open."""
    store = MemoryStore()
    desk.present.came("anna", store)
    return store, store.history.begin().id


def texts(store: MemoryStore, session: str) -> list[str]:
    return [turn.message.text for turn in store.history.turns(session)]


def test_a_timer_is_kept_with_its_person_and_rings_in_their_session(desk: Desk) -> None:
    store, session = came(desk)
    assert desk.heard(store, session, "set a timer for ten minutes") == "It runs for 10 minutes."
    assert str(MONDAY_NOON + 600) in (store.settings.get("tools.agenda") or "")
    desk.clock.now += 601
    wait_until(lambda: "The timer has run out." in texts(store, session))
    desk.clock.now += 3601  # it rings no more
    wait_until(lambda: store.settings.get("tools.schedule") == "[]")
    assert texts(store, session).count("The timer has run out.") == 1


def test_what_was_missed_is_told_to_who_comes_back(desk: Desk) -> None:
    store, session = came(desk)
    desk.heard(store, session, "计时十分钟")
    desk.present.leaves("anna")
    desk.clock.now += 3600
    time.sleep(0.1)
    assert len(texts(store, session)) == 2
    desk.present.came("anna", store)
    desk.present.on_came("anna")
    last = texts(store, session)[-1]
    assert last.startswith("计时结束。（应在")
    desk.present.on_came("anna")
    assert texts(store, session)[-2:] == ["开始计时10分钟。", last]


def test_nothing_is_kept_for_who_is_not_there(desk: Desk) -> None:
    store = MemoryStore()
    session = store.history.begin().id
    events = list(desk.assistant.reply("ben", store, session, "计时十分钟", role="owner"))
    (outcome,) = [one.outcome for one in events if isinstance(one, Acted)]
    assert (outcome.ok, outcome.data["reason"]) == (False, "not_kept")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("call: timers", "call: timer"), "unknown tool 'timer'"),
        (lambda text: text + "  :", "assistant.yaml:"),
        (lambda text: text + "model: another\n", "names another model"),
        (
            lambda text: text.replace(
                "clock: ", "lights: {settings: {mqtt: {host: lamp.example}, devices: []}}"
            ),
            "nothing new can be reached",
        ),
        (lambda _: "\0", "assistant.yaml"),
    ],
)
def test_a_spec_that_cannot_be_is_one_line_and_the_old_one_goes_on(
    desk: Desk,
    change: Callable[[str], str],
    says: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, session = came(desk)
    desk.path.write_text(change(SPEC), "utf-8")
    with caplog.at_level(logging.INFO, "penjing.serve"):
        desk.assistant.reload()
    (line,) = caplog.messages
    assert says in line
    assert "\n" not in line
    assert desk.heard(store, session, "set a timer for a minute") == "It runs for 1 minute."


def test_a_spec_is_replaced_for_the_next_turn_and_not_within_one(desk: Desk) -> None:
    store, session = came(desk)
    running = desk.assistant.reply("anna", store, session, "set a timer for a minute", role="owner")
    first = [next(running)]
    desk.path.write_text(SPEC.replace("It runs for", "Go:").replace("Clerk", "Smith"), "utf-8")
    desk.assistant.reload()
    words = [one.text for one in [*first, *running] if isinstance(one, Said)]
    assert words == ["It runs for 1 minute."]
    assert desk.assistant.name == "Smith"
    assert desk.heard(store, session, "set a timer for a minute") == "Go: 1 minute."


def test_who_may_not_use_a_tool_is_told_so_as_the_accounts_have_it_then(tmp_path: Path) -> None:
    refused: set[tuple[str, str, str]] = {("ben", "tool", "timers")}

    class Strict(Alone):
        def require(self, person: str, kind: str, name: str) -> None:
            if (person, kind, name) in refused:
                raise NotPermitted(f"{person} may not use the {kind} '{name}': ask an owner")

    (tmp_path / "assistant.yaml").write_text(SPEC, "utf-8")
    path, scheduler, present = str(tmp_path / "assistant.yaml"), FakeScheduler(), Present()
    stores = {name: MemoryStore() for name in ("anna", "ben")}
    sessions = {name: store.history.begin().id for name, store in stores.items()}
    for name, store in stores.items():
        present.came(name, store)
    with served(
        path, load_spec(path), Around(scheduler, Strict(MemoryStore()), present)
    ) as assistant:

        def outcome(person: str) -> tuple[bool, str]:
            events = assistant.reply(
                person, stores[person], sessions[person], "set a timer for a minute", role="owner"
            )
            (acted,) = [one.outcome for one in events if isinstance(one, Acted)]
            return acted.ok, str(acted.data.get("reason", ""))

        assert outcome("anna") == (True, "")
        assert outcome("ben") == (False, "refused")
        refused.clear()
        assert outcome("ben") == (True, "")
    scheduler.close()


def test_whoever_may_not_use_a_source_is_answered_without_it(tmp_path: Path) -> None:
    class Strict(Alone):
        def require(self, person: str, kind: str, name: str) -> None:
            if (person, kind, name) == ("ben", "source", "wages.md"):
                raise NotPermitted(f"{person} may not use the source '{name}': ask an owner")

    spec = (
        SPEC + "knowledge: {sources: [manual.md, wages.md], wording: quote}\nunknown: [knowledge]\n"
    )
    (tmp_path / "assistant.yaml").write_text(spec, "utf-8")
    (tmp_path / "manual.md").write_text("# Filter\n\nRinse the filter each month.\n", "utf-8")
    (tmp_path / "wages.md").write_text("# Wages\n\nThe gardener earns ninety crowns.\n", "utf-8")
    path, scheduler = str(tmp_path / "assistant.yaml"), FakeScheduler()
    store = MemoryStore()
    session = store.history.begin().id
    with served(path, load_spec(path), Around(scheduler, Strict(store), Present())) as assistant:

        def said(person: str, text: str) -> str:
            events = assistant.reply(person, store, session, text, role="member")
            return "".join(one.text for one in events if isinstance(one, Said))

        asked = "What does the gardener earn?"
        assert "ninety" in said("anna", asked)
        (cited,) = [
            passage
            for turn in store.history.turns(session)
            for note in turn.message.parts
            if isinstance(note, Note) and note.name == "cited"
            for passage in [note.data["passage"]]
        ]
        place = cited["document"], cited["start"], cited["end"]
        assert assistant.text("anna", *place) == cited["text"]
        with pytest.raises(NotPermitted):
            assistant.text("ben", *place)
        assert assistant.text("anna", "manual.md", 0, 10) is None
        assert "ninety" not in said("ben", asked)
        assert "Rinse" in said("ben", "How often must the filter be rinsed?")
    scheduler.close()


class Listed:
    """Finds what it was given."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def search(self, query: str, *, limit: int = 5) -> list[Passage]:
        return [Passage(query, name, name, "", 0, 1, 0.0) for name in self._names[:limit]]


def test_two_collections_are_read_rank_by_rank() -> None:
    both = Together((Listed("a", "b", "c"), Listed("x")))
    assert [one.source for one in both.search("q")] == ["a", "x", "b", "c"]
    assert [one.source for one in both.search("q", limit=2)] == ["a", "x"]


@pytest.mark.parametrize(
    ("kind", "label", "late", "language", "text"),
    [
        ("timer", "tea", 0, "en", "The timer has run out: tea."),
        ("reminder", "call Ben!", 2, "en", "A reminder: call Ben!"),
        ("reminder", "给妈妈打电话", 0, "zh", "提醒：给妈妈打电话。"),
        ("timer", "", 0, "zh", "计时结束。"),
    ],
)
def test_words_for_what_rings(kind: str, label: str, late: float, language: str, text: str) -> None:
    due = Due("anna", kind, "1", label, 1_795_600_000.0, late)  # type: ignore[arg-type]
    assert rings(due, language) == text


def test_it_rings_in_the_newest_session_or_a_new_one_in_the_persons_language() -> None:
    present, store = Present(), MemoryStore(SetClock())
    teller = Teller(present, "en")
    one, two, three = (Due("anna", "timer", id_, "", 1_795_600_000.0, 0.0) for id_ in "123")
    assert teller.tell(one) is False
    present.came("anna", store)
    assert teller.tell(one) is True
    assert teller.tell(one) is True  # who was killed before writing that it was told
    (session,) = store.history.sessions()
    store.history.append_turn(session.id, Message.of("user", "你好"))
    assert teller.tell(two) is True
    store.settings.put("language", "en")
    assert teller.tell(three) is True
    rang = ["The timer has run out.", "你好", "计时结束。", "The timer has run out."]
    assert texts(store, session.id) == rang


def test_a_store_in_memory_stays_when_its_person_leaves() -> None:
    store = MemoryStore()
    present = Present({"owner": store})
    present.came("owner", store)
    present.leaves("owner")
    assert present.store("owner") is store
    with pytest.raises(NotFound):
        present.store("anna")


def test_the_door_says_who_is_there_until_their_last_session_ends() -> None:
    present, seen = Present(), []
    present.on_came = lambda person: seen.append(f"{person} came")
    present.on_leaves = lambda person: seen.append(f"{person} leaves")

    async def visit() -> None:
        stores, store = Stores(present), MemoryStore()
        opened = UnlockedPerson(Known("1", "anna", "owner"), store)
        held, again = stores.take(opened), stores.take(opened)
        await stores.settled()
        assert present.store("1") is store
        stores.release(held)
        assert present.store("1") is store
        stores.release(again)
        with pytest.raises(NotFound):
            present.store("1")
        await stores.settled()

    asyncio.run(visit())
    assert seen == ["1 came", "1 leaves"]


def test_penjing_chat_quotes_the_documents_beside_a_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    spec = tmp_path / "assistant.yaml"
    known = "knowledge: {sources: [manual.md]}\nunknown: [knowledge]\n"
    spec.write_text(f"{SPEC}{known}", "utf-8")
    (tmp_path / "manual.md").write_text("# Lamps\n\nThe orange lamp blinks when it is empty.\n")
    question = "When does the orange lamp blink?"
    assert main(["chat", str(spec), "--once", question, "--json", "--online"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["source"] for one in document["cited"]] == ["manual.md"]
    assert "when it is empty" in document["answer"]


def test_a_plain_server_is_given_the_search_over_its_person_s_documents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the weights are those of the real model's cosines; the fake's are lower
    monkeypatch.setattr(retriever, "relevance", lambda _words, _excerpt, cosine: cosine * 2)
    store = MemoryStore()
    with FakeScheduler() as scheduler:
        embedder = FakeEmbedder()
        known = serving._Knowledge(embedder, KnowledgeDesk(embedder))
        Library(store, embedder).add("lease.md", b"# Lease\n\nThe deposit is 900 euros.\n")
        people = serving._Household(OneOwner(store), Alone(store), None, Present())  # type: ignore[arg-type]
        parts = serving._Parts(None, people, scheduler, Model("fake"), known)  # type: ignore[arg-type]
        plain = build_app(serving._services(parts)).desk.assistant
        session = store.history.begin().id
        events = list(plain.reply("owner", store, session, "How much is the deposit?"))
        assert [one.passage.source for one in events if isinstance(one, Cited)] == ["lease.md"]
