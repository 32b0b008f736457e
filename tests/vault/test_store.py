"""The store: what it promises, on disk and in memory; then the disk against a simple model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from members import ANNA, OWN

from penjing.core.errors import BadInput, IntegrityError, NotFound, StorageError
from penjing.core.history import Excerpt
from penjing.core.manner import Manner, keep_manner, manner_of
from penjing.core.messages import Message, Note, Text
from penjing.core.protocols import Store
from penjing.vault.accounts import Person
from penjing.vault.database import Database
from penjing.vault.envelope import Key
from penjing.vault.locks import Lock
from penjing.vault.memory import MemoryStore
from penjing.vault.migrations import PERSON, migrate
from penjing.vault.person import PersonStore
from penjing.vault.vault import Vault

WHO = Person("a" * 32, "Anna", "owner", 0.0)


def on_disk(folder: Path) -> PersonStore:
    ticks = itertools.count(1.0)
    database = Database(folder / "a.db", Key.random(), Lock(folder / "turn"), new=True)
    migrate(database, PERSON)
    return PersonStore(database, WHO, lambda: next(ticks))


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = on_disk(tmp_path) if request.param == "disk" else MemoryStore()
    yield store
    store.close()


def test_turns_come_back_in_order_with_all_their_parts(store: Store) -> None:
    session = store.history.begin("first")
    said = [
        Message.of("user", "hello"),
        Message("assistant", (Text("two "), Text("parts"))),
        Message.of("tool", ""),
        Message("user", ()),
        Message("assistant", (Text("see [1]"), Note("cited", {"number": 1, "source": "盆景"}))),
        Message.of("user", "emoji 🌱, 盆景, null \0"),
    ]
    turns = [store.history.append_turn(session.id, message) for message in said]
    assert [turn.number for turn in turns] == [1, 2, 3, 4, 5, 6]
    assert store.history.turns(session.id) == turns
    assert [turn.message for turn in store.history.turns(session.id)] == said


def test_sessions_are_listed_by_when_they_spoke_last(store: Store) -> None:
    first, second = store.history.begin("first"), store.history.begin("second")
    assert [one.id for one in store.history.sessions()] == [second.id, first.id]
    store.history.append_turn(first.id, Message.of("user", "again"))
    assert [one.id for one in store.history.sessions()] == [first.id, second.id]
    assert store.history.rename(first.id, "renamed").title == "renamed"
    store.history.delete(first.id)
    assert [one.title for one in store.history.sessions()] == ["second"]


def test_ids_of_nothing_are_not_found(store: Store) -> None:
    history, documents = store.history, store.documents
    for call in (
        lambda: history.turns("x"),
        lambda: history.append_turn("x", Message.of("user", "hi")),
        lambda: history.delete("x"),
        lambda: history.rename("x", "y"),
        lambda: documents.read("x"),
        lambda: documents.delete("x"),
        lambda: documents.excerpts("x"),
        lambda: documents.put_excerpts("x", []),
    ):
        with pytest.raises(NotFound, match="of yours"):
            call()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("bonsai", [1]),
        ("BONSAI", [1]),
        ("修剪", [3]),
        ("盆景", [3, 2]),
        ("a", [4, 2, 1]),
        ("50%", [4]),
        ("a_b", [4]),
        ('"quoted"', [4]),
        ("OR NEAR(", []),
        ("bonsai 盆景", []),
        ("养护盆景", [2]),
        ("nowhere", []),
    ],
)
def test_search_finds_words_in_every_language(store: Store, words: str, found: list[int]) -> None:
    session = store.history.begin()
    for text in ("a bonsai", "a 养护盆景 b", "修剪盆景", 'a 50% or a_b "quoted"'):
        store.history.append_turn(session.id, Message.of("user", text))
    assert [one.turn.number for one in store.history.search(words)] == found
    assert len(store.history.search("a", limit=1)) == 1


def test_search_for_nothing_is_refused(store: Store) -> None:
    with pytest.raises(BadInput, match="nothing to look for"):
        store.history.search("  ")


def test_a_search_has_an_end(store: Store) -> None:
    assert store.history.search("a " * 500) == []
    with pytest.raises(BadInput, match="at most 1000"):
        store.history.search("a" * 1001)


def test_what_is_deleted_is_not_found_any_more(store: Store) -> None:
    session = store.history.begin()
    store.history.append_turn(session.id, Message.of("user", "forget this"))
    store.history.delete(session.id)
    assert store.history.search("forget") == []


def test_a_turn_takes_the_place_of_another_and_of_all_after_it(store: Store) -> None:
    history = store.history
    session, other = history.begin("a"), history.begin("b")
    for text in ("one", "two", "three"):
        history.append_turn(session.id, Message.of("user", text))
        history.append_turn(other.id, Message.of("user", text))
    store.snapshots.put("cached", b"one two three")
    new = history.append_turn(session.id, Message.of("user", "deux"), instead=2)
    assert new.number == 2
    assert [one.message.text for one in history.turns(session.id)] == ["one", "deux"]
    assert [one.turn.session for one in history.search("three")] == [other.id]
    for wrong in (0, 3, 9):
        with pytest.raises(NotFound):
            history.append_turn(session.id, Message.of("user", "x"), instead=wrong)
    assert len(history.turns(session.id)) == 2
    assert len(history.turns(other.id)) == 3


def test_a_branch_is_a_session_of_its_own(store: Store) -> None:
    history = store.history
    session = history.begin("a")
    said = [Message.of("user", "one"), Message("assistant", (Text("two"), Note("n", {"a": 1})))]
    kept = [history.append_turn(session.id, one) for one in (*said, Message.of("user", "three"))]
    fresh = history.branch(session.id, 2, "a (2)")
    assert (fresh.title, history.sessions()[0]) == ("a (2)", fresh)
    assert [one.message for one in history.turns(fresh.id)] == said
    assert [one.at for one in history.turns(fresh.id)] == [one.at for one in kept[:2]]
    history.append_turn(fresh.id, Message.of("user", "drei"))
    history.delete(session.id)
    assert [one.message.text for one in history.turns(fresh.id)] == ["one", "two", "drei"]
    assert [one.turn.session for one in history.search("two")] == [fresh.id]
    assert history.turns(history.branch(fresh.id, 0, "").id) == []
    with pytest.raises(NotFound):
        history.branch(session.id, 1, "")


def test_the_manner_of_a_session_goes_with_it(store: Store) -> None:
    session, other = store.history.begin("a").id, store.history.begin("b").id
    keep_manner(store, session, Manner("Be brief.", top_k=5))
    keep_manner(store, other, Manner(temperature=0.5))
    assert manner_of(store, session) == Manner("Be brief.", top_k=5)
    store.history.delete(session)
    assert manner_of(store, session) == Manner()
    assert manner_of(store, other) == Manner(temperature=0.5)
    keep_manner(store, other, Manner())
    assert store.settings.all() == {}


def test_documents_come_back_byte_for_byte(store: Store) -> None:
    data = bytes(range(256)) * 3000
    small = store.documents.add("empty.bin", "application/octet-stream", b"")
    large = store.documents.add("../../etc/large.bin", "application/octet-stream", data)
    assert [one.id for one in store.documents.all()] == [large.id, small.id]
    assert store.documents.read(large.id) == data
    assert store.documents.read(small.id) == b""
    excerpts = [Excerpt("one", "page 1", b"\1\2"), Excerpt("two", "page 2")]
    store.documents.put_excerpts(large.id, excerpts)
    store.documents.put_excerpts(large.id, excerpts)
    assert store.documents.excerpts(large.id) == excerpts
    store.documents.delete(large.id)
    assert [one.id for one in store.documents.all()] == [small.id]


def test_turns_of_two_threads_at_once_have_numbers_of_their_own(store: Store) -> None:
    session = store.history.begin().id

    def talk(_: int) -> list[int]:
        said = Message.of("user", "hello")
        return [store.history.append_turn(session, said).number for _ in range(20)]

    with ThreadPoolExecutor(4) as threads:
        numbers = [number for one in threads.map(talk, range(4)) for number in one]
    assert sorted(numbers) == list(range(1, 81))


def test_what_was_cached_goes_with_a_session(store: Store) -> None:
    session = store.history.begin().id
    store.snapshots.put("a", b"its words")
    store.history.delete(session)
    assert store.snapshots.names() == []


def test_snapshots_and_settings_are_replaced_and_forgotten(store: Store) -> None:
    store.snapshots.put("a", b"1" * 600_000)
    store.snapshots.put("a", b"2")
    store.snapshots.put("b", b"")
    assert (store.snapshots.get("a"), store.snapshots.get("b")) == (b"2", b"")
    assert store.snapshots.get("c") is None
    assert store.snapshots.names() == ["a", "b"]
    store.snapshots.drop()
    assert store.snapshots.names() == []
    store.settings.put("language", "zh")
    store.settings.put("language", "en")
    store.settings.put("theme", "dark")
    assert store.settings.all() == {"language": "en", "theme": "dark"}
    store.settings.drop("theme")
    store.settings.drop("theme")
    assert store.settings.get("theme") is None


def test_a_document_that_lost_a_piece_says_so(tmp_path: Path) -> None:
    store = on_disk(tmp_path)
    document = store.documents.add("a", "text/plain", b"x" * 600_000)
    store.snapshots.put("kv", b"y" * 600_000)
    with store.database.writing() as connection:
        connection.execute("DELETE FROM piece WHERE place = 1")
    with pytest.raises(IntegrityError, match="add it again"):
        store.documents.read(document.id)
    assert store.snapshots.get("kv") is None
    store.close()


def test_cached_prompts_go_with_what_was_said(tmp_path: Path) -> None:
    store = on_disk(tmp_path)
    session = store.history.begin()
    store.snapshots.put("kv", b"what was said")
    store.history.delete(session.id)
    assert store.snapshots.names() == []
    store.close()


def test_what_failed_half_way_was_never_there(vault: Vault) -> None:
    with vault.unlock("Anna", ANNA).database.writing() as connection:
        connection.execute("SELECT 1")
    store = vault.unlock("Anna", ANNA)
    session = store.history.begin()
    with pytest.raises(KeyboardInterrupt):
        _stopped_half_way(store)
    assert store.history.sessions() == [session]
    store.close()
    with pytest.raises(StorageError, match="unlock it again"):
        store.history.sessions()


def _stopped_half_way(store: PersonStore) -> None:
    with store.database.writing() as connection:
        connection.execute("DELETE FROM session")
        raise KeyboardInterrupt


def test_half_a_character_is_refused_and_nothing_kept(tmp_path: Path) -> None:
    store = on_disk(tmp_path)
    session = store.history.begin()
    with pytest.raises(BadInput, match="whole Unicode"):
        store.history.append_turn(session.id, Message.of("user", "half \ud83c"))
    assert store.history.turns(session.id) == []
    store.close()


class Model(RuleBasedStateMachine):
    """Whatever is done to both, disk and memory say the same, after reopening too."""

    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        ticks, same = itertools.count(1.0), itertools.count(1.0)
        self.key = Key.random().raw()
        self.now = lambda: next(ticks)
        self.real = self.opened()
        self.fake = MemoryStore(lambda: next(same))
        self.names: dict[str, str] = {}

    def opened(self) -> PersonStore:
        path = Path(self.folder.name) / "a.db"
        turn = Lock(path.with_name("turn"))
        database = Database(path, Key(self.key), turn, new=not path.exists())
        migrate(database, PERSON)
        return PersonStore(database, WHO, self.now)

    @rule(target=sessions, title=st.text(max_size=5))
    def begin(self, title: str) -> str:
        real, fake = self.real.history.begin(title), self.fake.history.begin(title)
        self.names[real.id] = fake.id
        return real.id

    @rule(session=sessions, text=st.text(alphabet="ab 盆景%_\"'\0", max_size=12))
    def say(self, session: str, text: str) -> None:
        message = Message.of("user", text)
        if session in self.names:
            self.real.history.append_turn(session, message)
            self.fake.history.append_turn(self.names[session], message)

    @rule(session=sessions)
    def delete(self, session: str) -> None:
        if session in self.names:
            self.real.history.delete(session)
            self.fake.history.delete(self.names.pop(session))
        else:
            with pytest.raises(NotFound):
                self.real.history.delete(session)

    @rule(words=st.text(alphabet="ab盆景%_\"'", min_size=1, max_size=4))
    def search(self, words: str) -> None:
        real, fake = self.real.history.search(words), self.fake.history.search(words)
        assert [one.turn.message for one in real] == [one.turn.message for one in fake]

    @rule()
    def reopen(self) -> None:
        self.real.close()
        self.real = self.opened()

    @invariant()
    def the_same(self) -> None:
        real, fake = self.real.history, self.fake.history
        assert [self.names[one.id] for one in real.sessions()] == [
            one.id for one in fake.sessions()
        ]
        for mine, theirs in self.names.items():
            assert [turn.message for turn in real.turns(mine)] == [
                turn.message for turn in fake.turns(theirs)
            ]

    def teardown(self) -> None:
        self.real.close()
        self.folder.cleanup()


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


def test_the_vault_opens_again_with_everything_in_it(vault: Vault) -> None:
    store = vault.unlock("anna", ANNA)
    session = store.history.begin("kept")
    store.history.append_turn(session.id, Message.of("user", "still here"))
    store.close()
    vault.close()
    with Vault.open(vault.place, OWN) as again:
        store = again.unlock("ANNA", ANNA)
        assert store.history.turns(session.id)[0].message.text == "still here"
        store.close()
