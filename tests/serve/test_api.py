"""Penjing's own API with one person and a store in memory; the vault's people are elsewhere."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from serving import Running, serving
from tooling import wait_until

from penjing.core.assistants import PressRequest, ShownThing
from penjing.core.dialogue import (
    Acted,
    Action,
    Cited,
    Confirm,
    Event,
    Finished,
    Outcome,
    Passage,
    Recognition,
    Said,
    Slot,
    Standing,
    Understood,
    Undone,
)
from penjing.core.errors import BadInput, NotFound
from penjing.core.history import Document, Excerpt
from penjing.core.messages import Message, Note, Text
from penjing.core.protocols import Store
from penjing.core.showing import Press, Thing
from penjing.serve.indexing import Indexing
from penjing.serve.limits import Limits
from penjing.testing.scheduler import FakeScheduler
from penjing.vault.memory import MemoryStore

LAMP = Action("a1", "light", {"room": "kitchen", "levels": [1, 2]}, "Dim the kitchen lights")


class Butler:
    """An assistant that does everything there is an event for."""

    name = "butler"

    def suggestions(self, role: Standing, language: str) -> list[str]:
        return [f"dim it ({role}, {language})"]

    def uses(self) -> dict[str, list[str]]:
        return {"tool": ["lamp"], "source": ["book"]}

    def reply(
        self,
        person: str,
        store: Store,
        session: str,
        text: str,
        *,
        role: Standing = "guest",
        instead: int | None = None,
        vary: bool = False,
    ) -> Iterator[Event]:
        assert role == "owner"
        if text == "crash":
            raise ZeroDivisionError("secret")
        if text == "refuse":
            raise BadInput("not today: ask tomorrow")
        passage = Passage("words", "d1", "book", "page 3", 4, 9, 0.5)
        slot = Slot("room", "kitchen", "the kitchen", 0, 11)
        yield Understood(Recognition("light.dim", (slot,), 0.9, "templates"))
        yield Said("Yes [1]", "spec")
        yield Cited(1, passage)
        yield Confirm(LAMP)
        store.history.append_turn(session, Message.of("user", text))
        note = Note("confirm", {"id": "a1", "arguments": {"levels": (1, 2)}})
        store.history.append_turn(session, Message("assistant", (Text("Yes [1]"), note)))
        yield Finished("stop")

    def more(
        self, person: str, store: Store, session: str, *, role: Standing = "guest"
    ) -> Iterator[Event]:
        raise BadInput("the butler never breaks off")

    def confirm(
        self,
        person: str,
        store: Store,
        session: str,
        action: str,
        *,
        yes: bool,
        role: Standing = "guest",
    ) -> Iterator[Event]:
        if action != "a1":
            raise NotFound("action", action)
        if yes:
            yield Acted(LAMP, Outcome(True, {"state": ("on",)}), {"was": {}, "made": {}})
        yield Finished("stop")

    def undo(
        self, person: str, store: Store, session: str, action: str, *, role: Standing = "guest"
    ) -> Iterator[Event]:
        if action != "a1":
            raise NotFound("action", action)
        yield Undone(LAMP, Outcome(True, {"devices": ("lamp",)}))
        yield Finished("stop")

    def shown(self, person: str, role: Standing) -> Sequence[ShownThing]:
        return [ShownThing("light", Thing("light", "lamp", presses={"on": Press({"on": True})}))]

    def press(self, person: str, role: Standing, pressed: PressRequest) -> Outcome:
        return Outcome(pressed.key == "lamp", {"told": "confirmed"})

    def close(self) -> None:
        pass


@pytest.fixture
def running() -> Iterator[Running]:
    with FakeScheduler() as scheduler, serving(scheduler) as running:
        yield running


@pytest.fixture
def client(running: Running) -> Iterator[httpx.Client]:
    with running.client() as client:
        yield client


def events(answer: httpx.Response) -> list[Mapping[str, Any]]:
    assert answer.headers["content-type"].startswith("text/event-stream"), answer.text
    lines = answer.text.split("\n\n")
    return [json.loads(one.removeprefix("data: ")) for one in lines if one.startswith("data: ")]


def begin(client: httpx.Client, **body: Any) -> str:
    identity: str = client.post("/api/sessions", json=body).json()["id"]
    return identity


# -- sessions and turns


def test_sessions(client: httpx.Client) -> None:
    assert client.get("/api/sessions").json() == []
    first = begin(client, title="one")
    second = begin(client)
    listed = client.get("/api/sessions").json()
    assert [one["id"] for one in listed] == [second, first]
    assert set(listed[0]) == {"id", "title", "began", "spoke"}
    renamed = client.patch(f"/api/sessions/{first}", json={"title": "uno"})
    assert renamed.json()["title"] == "uno"
    assert client.delete(f"/api/sessions/{second}").status_code == 204
    assert [one["id"] for one in client.get("/api/sessions").json()] == [first]


@pytest.mark.parametrize("who", ["owner", "ben"])
def test_what_is_not_yours_is_not_there(running: Running, who: str) -> None:
    with running.client("anna") as anna, running.client(who) as client:
        session = begin(anna)
        anna.post("/api/documents", params={"name": "x"}, content=b"x")
        document = anna.get("/api/documents").json()[0]["id"]
        for answer in (
            client.get(f"/api/sessions/{session}/turns"),
            client.patch(f"/api/sessions/{session}", json={"title": "x"}),
            client.delete(f"/api/sessions/{session}"),
            client.post(f"/api/sessions/{session}/turns", json={"text": "x"}),
            client.get(f"/api/documents/{document}/text"),
            client.delete(f"/api/documents/{document}"),
        ):
            assert answer.status_code == 404
            assert answer.json().keys() == {"error"}
        assert client.post("/api/search", json={"words": "x"}).json() == []


def test_a_turn_is_said_heard_and_kept(client: httpx.Client) -> None:
    session = begin(client)
    answer = client.post(f"/api/sessions/{session}/turns", json={"text": "good day 你好"})
    heard = events(answer)
    assert "".join(one["text"] for one in heard[:-1]) == "good day 你好"
    assert {one["type"] for one in heard[:-1]} == {"said"}
    assert heard[-1]["type"] == "finished"
    assert heard[-1]["usage"]["completion_tokens"] == 15
    turns = client.get(f"/api/sessions/{session}/turns").json()
    assert [(one["number"], one["role"], one["text"]) for one in turns] == [
        (1, "user", "good day 你好"),
        (2, "assistant", "good day 你好"),
    ]
    assert client.get("/api/sessions").json()[0]["title"] == ""  # a greeting
    found = client.post("/api/search", json={"words": "你好"}).json()
    assert [one["turn"]["number"] for one in found] == [2, 1]
    assert found[0]["session"]["id"] == session


def test_a_title_is_short_and_one_line(client: httpx.Client) -> None:
    session = begin(client)
    client.post(f"/api/sessions/{session}/turns", json={"text": "many\n words " * 30})
    title = client.get("/api/sessions").json()[0]["title"]
    assert 30 < len(title) <= 49
    assert title.startswith("many words many")


@pytest.mark.parametrize(
    "title", ["two\nlines", "two\r", "a\0b", "a\u202eb", "a\u2066b", "a\u2028b", "\x1b[31m"]
)
def test_a_title_is_one_line_and_turns_no_other(client: httpx.Client, title: str) -> None:
    session = begin(client, title="mine")
    for reply in (
        client.post("/api/sessions", json={"title": title}),
        client.patch(f"/api/sessions/{session}", json={"title": title}),
    ):
        assert reply.status_code == 422
        assert "one line" in reply.json()["error"]
    assert [one["title"] for one in client.get("/api/sessions").json()] == ["mine"]
    for fine in ("", "花园 🌱👩\u200d🌾\u3000的", "déjà vu"):
        renamed = client.patch(f"/api/sessions/{session}", json={"title": fine})
        assert renamed.json()["title"] == fine


def test_first_words_make_a_title_of_one_line(client: httpx.Client) -> None:
    session = begin(client)
    client.post(f"/api/sessions/{session}/turns", json={"text": "a\u202eb\n\0 c"})
    assert client.get("/api/sessions").json()[0]["title"] == "a b c"


@pytest.mark.parametrize("text", [" ", "\n\t", "\0", " \0\u3000", "\u200b\ufeff"])
def test_nothing_said_is_no_turn(client: httpx.Client, text: str) -> None:
    session = begin(client)
    reply = client.post(f"/api/sessions/{session}/turns", json={"text": text})
    assert reply.status_code == 422
    assert "nothing was said" in reply.json()["error"]
    assert client.get(f"/api/sessions/{session}/turns").json() == []


def test_a_title_that_was_given_stays(client: httpx.Client) -> None:
    session = begin(client, title="mine")
    client.post(f"/api/sessions/{session}/turns", json={"text": "x"})
    assert client.get("/api/sessions").json()[0]["title"] == "mine"


def test_stopping_keeps_what_was_said() -> None:
    with FakeScheduler(delay=0.01) as scheduler, serving(scheduler) as running:
        with running.client() as client:
            session = begin(client)
            said = {"text": "z" * 2000}
            with client.stream("POST", f"/api/sessions/{session}/turns", json=said) as answer:
                lines = answer.iter_lines()
                next(lines)
                busy = client.post(f"/api/sessions/{session}/turns", json={"text": "x"})
                assert busy.status_code == 409
            assert client.delete(f"/api/sessions/{session}/answer").status_code == 204
            turns = client.get(f"/api/sessions/{session}/turns").json()
        assert [one["role"] for one in turns] == ["user", "assistant"]
        assert 0 < len(turns[1]["text"]) < 2000
        assert turns[1]["notes"] == [{"name": "cut", "data": {"why": "stopped"}}]


def test_an_engine_that_fails_ends_the_stream_with_an_error() -> None:
    with FakeScheduler() as scheduler, serving(scheduler) as running, running.client() as client:
        scheduler.failure = BadInput("the engine is gone: ask again")
        session = begin(client)
        heard = events(client.post(f"/api/sessions/{session}/turns", json={"text": "x"}))
        assert heard == [{"type": "error", "error": "the engine is gone: ask again"}]
        scheduler.failure = None
        client.post(f"/api/sessions/{session}/turns", json={"text": "again"})
        request = scheduler.requests[-1]
        assert [message.text for message in request.messages[1:]] == ["again"]


def test_every_event_of_an_assistant() -> None:
    with (
        FakeScheduler() as scheduler,
        serving(scheduler, assistant=Butler()) as running,
        running.client() as client,
    ):
        assert client.get("/api/me").json()["assistant"] == "butler"
        session = begin(client)
        turns = f"/api/sessions/{session}/turns"
        heard = events(client.post(turns, json={"text": "dim it"}))
        assert [one["type"] for one in heard] == [
            *("understood", "said", "cited", "confirm", "finished"),
        ]
        assert heard[0]["slots"] == [{"name": "room", "value": "kitchen", "text": "the kitchen"}]
        assert heard[2]["passage"] == {
            **{"text": "words", "document": "d1", "source": "book", "location": "page 3"},
            **{"start": 4, "end": 9},
        }
        assert heard[3]["action"]["arguments"] == {"room": "kitchen", "levels": [1, 2]}
        notes = client.get(turns).json()[1]["notes"]
        assert notes == [{"name": "confirm", "data": {"id": "a1", "arguments": {"levels": [1, 2]}}}]
        actions = f"/api/sessions/{session}/actions"
        heard = events(client.post(f"{actions}/a1", json={"yes": True}))
        assert heard[0]["outcome"] == {"ok": True, "data": {"state": ["on"]}, "error": ""}
        assert heard[0]["undoable"] is True
        heard = events(client.post(f"{actions}/a1/undo", json={}))
        assert (heard[0]["type"], heard[0]["outcome"]["data"]) == ("undone", {"devices": ["lamp"]})
        assert events(client.post(f"{actions}/a2/undo", json={}))[0]["type"] == "error"
        heard = events(client.post(f"{actions}/a2", json={"yes": True}))
        assert heard[0]["type"] == "error"
        assert client.post(f"{actions}/a1", json={"yes": "yes"}).status_code == 422
        heard = events(client.post(turns, json={"text": "refuse"}))
        assert heard == [{"type": "error", "error": "not today: ask tomorrow"}]
        heard = events(client.post(turns, json={"text": "crash"}))
        assert "secret" not in heard[0]["error"]


# -- documents


def test_documents_without_an_index(client: httpx.Client) -> None:
    words = "Erste Zeile. 第二行。"
    added = client.post(
        "/api/documents",
        params={"name": "../../notes.txt"},
        content=words.encode(),
        headers={"Content-Type": "text/plain; charset=utf-8"},
    ).json()
    assert (added["name"], added["media"]) == ("../../notes.txt", "text/plain")
    assert (added["state"], added["passages"]) == ("kept", 0)
    piece = client.get(f"/api/documents/{added['id']}/text", params={"start": 6, "end": 11}).json()
    assert piece == {"text": "Zeile", "start": 6, "end": 11}
    piece = client.get(f"/api/documents/{added['id']}/text", params={"start": 10**9}).json()
    assert (piece["text"], piece["start"]) == ("", piece["end"])
    assert client.delete(f"/api/documents/{added['id']}").status_code == 204
    assert client.get("/api/documents").json() == []


def test_documents_are_indexed_after_they_are_kept() -> None:
    go = threading.Event()

    def index(store: Store, document: Document) -> None:
        go.wait(5)
        if document.name == "bad.pdf":
            raise BadInput("it is encrypted: save it without a password")
        store.documents.put_excerpts(document.id, [Excerpt("a", "1"), Excerpt("b", "2")])
        store.passages.finish(document.id)

    with (
        FakeScheduler() as scheduler,
        serving(scheduler, index=index) as running,
        running.client() as client,
    ):
        for name in ("good.txt", "bad.pdf"):
            client.post("/api/documents", params={"name": name}, content=b"x")
        states = [one["state"] for one in client.get("/api/documents").json()]
        assert states == ["indexing", "indexing"]
        go.set()
        ends = time.monotonic() + 5
        while "indexing" in states and time.monotonic() < ends:
            listed = client.get("/api/documents").json()
            states = [one["state"] for one in listed]
        assert states == ["failed", "ready"]
        assert [one["passages"] for one in listed] == [0, 2]
        assert "encrypted" in listed[0]["problem"]


def test_two_of_one_name_are_kept_and_what_was_not_read_is_said() -> None:
    @dataclass(frozen=True)
    class Read:
        remark: str = "1 of 2 pages hold no text"

    def index(store: Store, document: Document) -> Read:
        _indexed(store, document)
        return Read()

    with (
        FakeScheduler() as scheduler,
        serving(scheduler, index=index) as running,
        running.client() as client,
    ):
        for data in (b"one", b"two", b"two"):
            client.post("/api/documents", params={"name": "notes.txt"}, content=data)
        ends = time.monotonic() + 5
        listed = client.get("/api/documents").json()
        while len(listed) != 2 or any(one["state"] != "ready" for one in listed):
            assert time.monotonic() < ends
            listed = client.get("/api/documents").json()
    assert [one["name"] for one in listed] == ["notes (2).txt", "notes.txt"]
    assert [one["problem"] for one in listed] == ["1 of 2 pages hold no text"] * 2


def _indexed(store: Store, document: Document) -> None:
    store.documents.put_excerpts(document.id, [Excerpt("a", "1")])
    store.passages.finish(document.id)


def test_nobodys_documents_hold_up_anothers() -> None:
    go, order = threading.Event(), []

    def index(store: Store, document: Document) -> None:
        order.append(document.name)
        if document.name.startswith("long"):
            assert go.wait(5)
        _indexed(store, document)

    mia, gus, ann = MemoryStore(), MemoryStore(), MemoryStore()
    indexing = Indexing()
    for n in range(3):
        indexing.begin(index, mia, mia.documents.add(f"long {n}", "text/plain", b"x"))
    line = gus.documents.add("a line", "text/plain", b"x")
    indexing.begin(index, gus, line)
    indexing.begin(index, ann, ann.documents.add("another", "text/plain", b"x"))
    wait_until(lambda: indexing.state(gus, line.id)["state"] == "ready")
    wait_until(lambda: "another" in order)
    assert order[0] == "long 0"
    assert "long 1" not in order
    go.set()
    wait_until(lambda: len(mia.passages.indexed()) == 3)
    assert order == ["long 0", "a line", "another", "long 1", "long 2"]


def test_what_an_ended_server_left_unread_is_read_on() -> None:
    store = MemoryStore()
    read, unread = (store.documents.add(n, "text/plain", b"x") for n in ("read", "unread"))
    _indexed(store, read)
    seen = []

    def index(store: Store, document: Document) -> None:
        seen.append(document.name)
        _indexed(store, document)

    indexing = Indexing()
    indexing.resume(index, store)
    indexing.resume(index, store)
    wait_until(lambda: indexing.state(store, unread.id)["state"] == "ready")
    assert seen == ["unread"]


def test_a_document_has_a_limit_of_its_own() -> None:
    limits = Limits(document=3 * 2**20, grace_seconds=1)
    with (
        FakeScheduler() as scheduler,
        serving(scheduler, limits=limits) as running,
        running.client() as client,
    ):
        put = lambda data: client.post("/api/documents", params={"name": "x"}, content=data)  # noqa: E731
        assert put(b"x" * 3 * 2**20).status_code == 200
        assert put(b"x" * (3 * 2**20 + 1)).status_code == 413
        assert put(iter([b"x" * 2**20] * 4)).status_code == 413
        assert len(client.get("/api/documents").json()) == 1


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", "a\x1b[2J"])
def test_a_document_has_a_sane_name(client: httpx.Client, name: str) -> None:
    answer = client.post("/api/documents", params={"name": name}, content=b"x")
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]


# -- the rest


def test_news_are_where_something_was_said_last(client: httpx.Client) -> None:
    session = client.post("/api/sessions", json={}).json()
    news = client.get("/api/news").json()
    assert news == {"session": session["id"], "spoke": session["spoke"]}


def test_settings_are_kept_and_dropped(client: httpx.Client) -> None:
    nothing = {"language": None, "theme": None, "keep_days": None}
    assert client.get("/api/settings").json() == nothing
    chosen = {"language": "zh", "theme": "dark", "keep_days": 30}
    assert client.put("/api/settings", json=chosen).json() == chosen
    assert client.get("/api/me").json()["language"] == "zh"
    assert client.put("/api/settings", json={}).json() == nothing
    for bad in ({"language": "xx"}, {"keep_days": 0}, {"keep_days": -1}, {"colour": "red"}):
        assert client.put("/api/settings", json=bad).status_code == 422


def test_who_i_am_and_what_answers(client: httpx.Client) -> None:
    me = client.get("/api/me").json()
    assert (me["person"], me["role"], me["kept"], me["model"]) == ("owner", "owner", False, "fake")
    model = client.get("/api/model").json()
    assert model == {
        "name": "fake",
        "manifest": {"name": "fake"},
        "passport": None,
        "device": "a test",
    }


def test_without_a_vault_there_is_one_person(client: httpx.Client) -> None:
    assert [one["name"] for one in client.get("/api/people").json()] == ["owner"]
    new = {"name": "ben", "role": "member", "passphrase": "long enough words"}
    assert client.post("/api/people", json=new).status_code == 409
    answer = client.post("/api/me/passphrase", json={"old": "a", "new": "long enough words"})
    assert answer.status_code == 409
    assert "penjing vault init" in answer.json()["error"]


def test_everything_about_me_and_then_nothing(client: httpx.Client) -> None:
    session = begin(client)
    client.post(f"/api/sessions/{session}/turns", json={"text": "remember me"})
    client.post("/api/documents", params={"name": "n"}, content=b"bytes")
    client.put("/api/settings", json={"theme": "dark"})
    answer = client.post("/api/me/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="about-me.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        about = json.loads(archive.read("about-me.json"))
        assert archive.read("documents/0001") == b"bytes"
    assert [one["text"] for one in about["sessions"][0]["turns"]] == ["remember me"] * 2
    assert client.post("/api/me/wipe", json={"passphrase": ""}).status_code == 204
    assert client.get("/api/sessions").json() == []
    assert client.get("/api/documents").json() == []
    assert client.get("/api/settings").json()["theme"] is None


def test_a_failed_export_is_no_zip() -> None:
    with FakeScheduler() as scheduler, serving(scheduler) as running, running.client() as client:

        def export(person: str, store: Store, file: Any) -> None:
            file.write(b"PK half")
            raise BadInput("damaged")

        object.__setattr__(running.app.desk.services.people, "export", export)
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/api/me/export")
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/sessions", {"title": "x" * 201}),
        ("POST", "/api/sessions", {"title": 5}),
        ("POST", "/api/sessions", []),
        ("POST", "/api/search", {"words": ""}),
        ("POST", "/api/search", {"words": "x", "limit": -1}),
        ("POST", "/api/search", {"words": "x", "limit": 10**9}),
        ("POST", "/api/sessions/x/turns", {"text": ""}),
        ("POST", "/api/sessions/x/turns", {"text": "x" * 300_000}),
        ("GET", f"/api/sessions/{'x' * 65}/turns", None),
        ("GET", "/api/documents/x/text?start=-1", None),
        ("GET", "/api/documents/x/text?end=1e9", None),
        ("PATCH", "/api/people/x", {"role": "king"}),
        ("DELETE", "/api/people/owner", {}),
    ],
)
def test_a_value_that_cannot_be_is_a_422_in_one_line(
    client: httpx.Client, method: str, path: str, body: Any
) -> None:
    answer = client.request(method, path, json=body)
    assert answer.status_code == 422
    assert answer.json().keys() == {"error"}
    assert "\n" not in answer.json()["error"]
