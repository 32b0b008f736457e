"""The search over documents: the same promises on disk and in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from members import ANNA
from test_store import on_disk

from penjing.core.errors import NotFound
from penjing.core.history import Excerpt
from penjing.core.protocols import Store
from penjing.vault.memory import MemoryStore
from penjing.vault.person import PersonStore
from penjing.vault.stemmer import TOKENIZER, forms
from penjing.vault.tokenizer import asked, segmented
from penjing.vault.vault import Vault

TEXTS = (
    "Packages are installed with apt.\n",
    "The clock of the kernel is set by ntp.\n",
    "使用 apt 命令安装软件包。",
    "系统时钟由内核维护。",
)


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = on_disk(tmp_path) if request.param == "disk" else MemoryStore()
    yield store
    store.close()


def excerpts(*texts: str, location: str = "here") -> list[Excerpt]:
    made, start = [], 0
    for text in texts:
        made.append(Excerpt(text, location, b"", start))
        start += len(text)
    return made


def added(store: Store, name: str = "a.txt", *texts: str) -> str:
    document = store.documents.add(name, "text/plain", b"x")
    store.documents.put_excerpts(document.id, excerpts(*(texts or TEXTS)))
    return document.id


def found(store: Store, question: str) -> list[str]:
    numbers = [number for one in store.passages.places(asked(question), most=100) for number in one]
    return [one.excerpt.text for one in store.passages.get(list(dict.fromkeys(numbers)))]


@pytest.mark.parametrize(
    ("question", "best", "count"),
    [
        ("How do I install with APT?", TEXTS[0], 2),
        ("the kernel", TEXTS[1], 1),
        ("installing a package", TEXTS[0], 1),
        ("怎么安装软件包？", TEXTS[2], 1),
        ("时钟", TEXTS[3], 1),
        ('"apt" OR NEAR(clock) *', TEXTS[1], 3),
        ("树", None, 0),
        ("系", None, 1),
        ("nothing of that", None, 0),
    ],
)
def test_words_find_excerpts_in_every_language(
    store: Store, question: str, best: str | None, count: int
) -> None:
    store.passages.finish(added(store))
    texts = found(store, question)
    assert len(texts) == count
    assert best is None or best in texts


def test_nothing_is_found_before_it_is_finished(store: Store) -> None:
    document = added(store)
    assert found(store, "apt") == []
    assert store.passages.indexed() == []
    store.passages.finish(document)
    assert len(found(store, "apt")) == 2
    assert [(one.document.id, one.excerpts) for one in store.passages.indexed()] == [(document, 4)]
    store.documents.put_excerpts(document, excerpts("apt once more"))
    assert found(store, "apt") == []
    store.passages.finish(document)
    assert found(store, "apt") == ["apt once more"]


def test_finishing_removes_the_older_of_that_name_and_nothing_else(store: Store) -> None:
    older = added(store, "a.txt", "an older apt")
    other = added(store, "b.txt", "another apt")
    for document in (older, other):
        store.passages.finish(document)
    newer = added(store, "a.txt", "a newer apt")
    assert set(found(store, "apt")) == {"an older apt", "another apt"}
    store.passages.finish(newer)
    assert set(found(store, "apt")) == {"a newer apt", "another apt"}
    assert {one.id for one in store.documents.all()} == {newer, other}


def test_vectors_come_back_by_number_and_are_no_part_of_what_is_got(store: Store) -> None:
    document = added(store)
    store.passages.put_vectors(document, {1: b"one", 3: b"three"})
    store.passages.finish(document)
    marks = store.passages.marks(document)
    assert [one.vector for one in marks] == [b"", b"one", b"", b"three"]
    assert [one.length > 20 for one in marks] == [True] * 4
    numbers = [one.number for one in marks]
    got = store.passages.get([numbers[3], numbers[0], 10**6])
    assert [(one.number, one.document) for one in got] == [
        (numbers[3], document),
        (numbers[0], document),
    ]
    assert [one.excerpt for one in got] == [excerpts(*TEXTS)[3], excerpts(*TEXTS)[0]]
    assert [one.vector for one in store.documents.excerpts(document)][1] == b"one"
    with pytest.raises(NotFound):
        store.passages.put_vectors(document, {4: b"x"})


def test_words_stand_once_for_each_time_the_rarest_first(store: Store) -> None:
    document = added(store, "a.txt", "apt apt one", "apt two two", "apt three")
    store.passages.finish(document)
    first, second, third = (one.number for one in store.passages.marks(document))
    words = ["apt", "two", "three", "nowhere"]
    assert store.passages.places(words, most=100) == [
        [third],
        [second, second],
        [first, first, second, third],
    ]
    assert store.passages.places(words, most=4) == [[third], [second, second]]
    assert store.passages.places(["apt"], most=2) == [[first, first]]
    assert store.passages.places([], most=9) == []


def test_forms_are_the_indexs_own(tmp_path: Path) -> None:
    store = on_disk(tmp_path)
    with store.database.reading() as connection:
        made = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'terms'").fetchone()
    assert f"tokenize='{TOKENIZER}'" in made[0]
    store.close()
    assert forms("Installing") == forms("installed") == ("instal",)
    assert forms("apt-get") == ("apt", "get")
    assert forms("Café") == ("cafe",)
    assert forms("软件") == ("软件",)
    assert forms("-") == ()


@given(start=st.integers(-5, 150), end=st.integers(-5, 150))
def test_any_span_of_the_text_can_be_read(start: int, end: int) -> None:
    whole = "".join(TEXTS)
    store = MemoryStore()
    assert store.passages.text(added(store), start, end) == whole[max(start, 0) : max(end, 0)]


def test_a_span_of_the_text_is_read_from_the_disk(tmp_path: Path) -> None:
    store = on_disk(tmp_path)
    document, whole = added(store), "".join(TEXTS)
    for start in range(0, len(whole) + 3, 3):
        for end in range(0, len(whole) + 3, 3):
            assert store.passages.text(document, start, end) == whole[start:end]
    store.close()


def test_what_is_deleted_leaves_the_index(tmp_path: Path) -> None:
    store = on_disk(tmp_path)
    document = added(store)
    store.passages.finish(document)
    store.documents.delete(document)
    assert found(store, "apt") == []
    with store.database.reading() as connection:
        blocks = connection.execute("SELECT block FROM terms_data").fetchall()
    assert not any(b"kernel" in bytes(row[0]) for row in blocks)
    store.close()


def test_verifying_looks_at_the_index(vault: Vault) -> None:
    store = vault.unlock("Anna", ANNA)
    store.passages.finish(added(store))
    assert vault.verify([store]) == []
    with store.database.writing() as connection:
        connection.execute("UPDATE excerpt SET words = 'other'")
    assert [one.what for one in vault.verify([store])] == [
        "the search index is not that of the documents"
    ]
    store.close()


def test_an_older_vaults_excerpts_wait_to_be_indexed_again(anna: PersonStore) -> None:
    document = added(anna)
    assert [one.start for one in anna.documents.excerpts(document)][:2] == [0, len(TEXTS[0])]
    assert anna.passages.indexed() == []


def test_what_a_question_asks_for() -> None:
    assert asked("How do I install the apt-get 2.1 package?") == [
        "install",
        "apt-get",
        "2.1",
        "package",
    ]
    assert asked("如何安装软件包") == ["安装", "装软", "软件", "件包"]
    assert asked("what is the") == ["what", "is", "the"]
    assert asked("  ?! ") == []
    assert len(asked(" ".join(map(str, range(1000))))) == 32
    assert segmented("no runs") is None
    assert segmented("装Debian软件").split() == ["装", "Debian", "软件"]  # type: ignore[union-attr]
