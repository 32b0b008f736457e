"""Documents are added whole or not at all, twice for nothing, and again where they changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from ondisk import on_disk
from papers import pdf

from penjing.core.errors import BadInput, NotFound
from penjing.core.protocols import Store
from penjing.knowledge import library as library_module
from penjing.knowledge.desk import KnowledgeDesk
from penjing.knowledge.library import Library
from penjing.testing.embedder import FakeEmbedder
from penjing.vault.memory import MemoryStore

PARTS = [f"# Part {n}\n" + f"The {word} is told of here, and more of the {word}. " * 4 + "\n"
         for n, word in enumerate(("bonsai", "water", "light", "soil", "pot"))]  # fmt: skip
MANUAL = "".join(PARTS).encode()


def holding(store: Store, word: str) -> int:
    """How many excerpts that can be found hold a word."""
    numbers = [number for one in store.passages.places([word], most=99) for number in one]
    return len(store.passages.get(sorted(set(numbers))))


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = on_disk(tmp_path) if request.param == "disk" else MemoryStore()
    yield store
    store.close()


def test_the_same_again_is_nothing_and_a_change_costs_what_changed(store: Store) -> None:
    embedder = FakeEmbedder()
    library = Library(store, embedder)
    first = library.add("manual.md", MANUAL)
    assert (first.passages, first.embedded, first.replaced) == (5, 5, False)
    assert len(embedder.texts) == 5
    again = library.add("manual.md", MANUAL)
    assert (again.document, again.embedded, again.replaced) == (first.document, 0, False)
    changed = library.add("manual.md", MANUAL.replace(b"soil", b"moss"), replaces=True)
    assert (changed.passages, changed.embedded, changed.replaced) == (5, 1, True)
    assert [one.document for one in library.all()] == [changed.document]
    assert "moss" in embedder.texts[-1]
    assert embedder.texts[-1].startswith("Part 3\n# Part 3\n")
    back = library.add("manual.md", MANUAL, replaces=True)
    assert (back.embedded, back.replaced) == (1, True)


def test_citations_count_the_plain_text(store: Store) -> None:
    library = Library(store, FakeEmbedder())
    document = library.add("manual.md", MANUAL).document
    assert library.text(document.id, 0, 10**9).encode() == MANUAL
    assert library.text(document.id, 2, 8) == "Part 0"


def test_what_cannot_be_read_leaves_nothing(store: Store) -> None:
    library = Library(store, FakeEmbedder())
    for name, data in (("a.pdf", b"no pdf"), ("a.exe", b"x"), ("a.txt", b"  ")):
        with pytest.raises(BadInput, match=r"^a\."):
            library.add(name, data)
    assert store.documents.all() == []


def test_there_is_an_end_to_passages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "MOST_PASSAGES", 9)
    library = Library(store, FakeEmbedder())
    library.add("a.md", MANUAL)
    with pytest.raises(BadInput, match="9 are the most: remove some"):
        library.add("b.md", MANUAL)
    assert len(store.documents.all()) == 1


def test_documents_are_found_and_removed_by_name_or_id(store: Store) -> None:
    library = Library(store, FakeEmbedder())
    a, b = (library.add(name, MANUAL).document for name in ("a.md", "b.md"))
    assert library.remove("a.md") == a
    assert library.remove(b.id) == b
    with pytest.raises(NotFound):
        library.remove("a.md")
    assert holding(store, "bonsai") == 0


class Dies(FakeEmbedder):
    """Stops after some texts."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def embed(self, texts, kind):
        if len(self.texts) >= self.after:
            raise KeyboardInterrupt
        return super().embed(texts, kind)


def test_a_stopped_run_is_not_seen_and_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "_BATCH", 2)
    Library(store, FakeEmbedder()).add("manual.md", MANUAL.replace(b"water", b"an older water"))
    with pytest.raises(KeyboardInterrupt):
        Library(store, Dies(after=0)).add("manual.md", MANUAL, replaces=True)
    library = Library(store, FakeEmbedder())
    assert [one.state for one in library.all()] == ["unfinished", "ready"]
    assert holding(store, "older") == 1
    done = library.add("manual.md", MANUAL, replaces=True)
    assert (done.embedded, done.replaced) == (1, True)
    assert [one.state for one in library.all()] == ["ready"]

    with pytest.raises(KeyboardInterrupt):
        Library(store, Dies(after=2)).add("other.md", MANUAL)
    assert library.add("other.md", MANUAL).embedded == 3  # two had reached the disk


def test_two_of_one_name_are_two(store: Store) -> None:
    library = Library(store, FakeEmbedder())
    one = library.add("notes.md", b"# House A\nThe budget is 500 euros, and no more than that.\n")
    other = library.add("notes.md", b"# House B\nThe budget is 900 euros, and no more than that.\n")
    third = library.add("notes.md", b"# House C\nThe budget is 100 euros, and no more than that.\n")
    names = [added.document.name for added in (one, other, third)]
    assert names == ["notes.md", "notes (2).md", "notes (3).md"]
    assert [added.replaced for added in (one, other, third)] == [False] * 3
    again = library.add("notes.md", b"# House B\nThe budget is 900 euros, and no more than that.\n")
    assert (again.document.id, again.embedded) == (other.document.id, 0)
    assert len(library.all()) == 3
    assert holding(store, "budget") == 3
    new = b"# House A\nThe budget is 550 euros, and no more than that.\n"
    assert library.add("notes.md", new, replaces=True).replaced
    assert sorted(listed.document.name for listed in library.all()) == sorted(names)


def test_what_was_not_read_is_said(store: Store) -> None:
    library = Library(store, FakeEmbedder())
    added = library.add("scan.pdf", pdf(["The lease begins in May.", ""]))
    assert added.remark == "1 of 2 pages hold no text: recognise what was scanned first"
    assert library.add("lease.pdf", pdf(["The lease begins in May."])).remark == ""


def test_another_model_embeds_again(store: Store) -> None:
    Library(store, FakeEmbedder()).add("a.md", MANUAL)
    assert Library(store, FakeEmbedder("another")).add("a.md", MANUAL).embedded == 5
    assert Library(store, FakeEmbedder("another")).add("a.md", MANUAL).embedded == 0


def test_a_server_indexes_what_it_has_kept(store: Store) -> None:
    desk = KnowledgeDesk(FakeEmbedder())
    document = store.documents.add("up.md", "text/markdown", MANUAL)
    assert desk.states(store)[document.id].state == "unfinished"
    assert desk.index(store, document).passages == 5
    assert desk.states(store)[document.id].state == "ready"
    assert desk.text(store, document.id).encode() == MANUAL
    assert desk.text(store, document.id, 2, 8) == "Part 0"
    assert desk.retriever(store) is desk.retriever(store)
    bad = store.documents.add("up.pdf", "application/pdf", b"x")
    with pytest.raises(BadInput, match=r"up.pdf cannot be read"):
        desk.index(store, bad)
    assert desk.states(store)[bad.id].state == "unfinished"


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [sys.argv[2], os.path.join(sys.argv[2], "../support")]
from ondisk import on_disk
from test_documents_added import MANUAL
from penjing.testing.embedder import FakeEmbedder
from penjing.knowledge import library
library._BATCH = 1
store, at = on_disk(Path(sys.argv[1])), int(sys.argv[3])
steps = [0]
def counted(name):
    real = getattr(store.database, "writing")
    def writing(*args):
        steps[0] += 1
        if steps[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)
    return writing
store.database.writing = counted("writing")
changed = MANUAL.replace(b"soil", b"moss").replace(b"pot", b"bowl")
library.Library(store, FakeEmbedder()).add("manual.md", changed, replaces=True)
print("whole")
"""


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
def test_a_kill_between_any_two_steps_leaves_old_or_new(tmp_path: Path, at: int) -> None:
    store = on_disk(tmp_path)
    Library(store, FakeEmbedder()).add("manual.md", MANUAL)
    store.close()
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), here, str(at)]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    store = on_disk(tmp_path)
    assert holding(store, "soil") == 1
    assert holding(store, "moss") == 0
    changed = MANUAL.replace(b"soil", b"moss").replace(b"pot", b"bowl")
    assert Library(store, FakeEmbedder()).add("manual.md", changed, replaces=True).replaced
    assert holding(store, "soil") == 0
    assert holding(store, "moss") == 1
    store.close()
