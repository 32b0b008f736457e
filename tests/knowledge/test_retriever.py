"""What is found, cited to the character; nothing where nothing answers; one's own only."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ondisk import on_disk
from test_documents_added import MANUAL

from penjing.core.errors import StorageError
from penjing.core.history import Excerpt
from penjing.core.protocols import Retriever
from penjing.engine.embedding import LlamaEmbedder
from penjing.knowledge import retriever as retriever_module
from penjing.knowledge.library import Library
from penjing.knowledge.relevance import coverage, relevance
from penjing.knowledge.retriever import KnowledgeRetriever
from penjing.testing.embedder import FakeEmbedder
from penjing.vault.memory import MemoryStore

CARE = """# Caring for a bonsai

A bonsai lives in a shallow pot, and its soil dries out within a day in summer.

## Watering

Water the tree when the surface of the soil feels dry. In summer that may be twice a day; in winter
once a week is often enough. Let the water run until it comes out of the holes at the bottom.

## Pruning

Cut back new shoots to two leaves in spring. Use clean, sharp scissors, and seal large wounds.

# 盆景的越冬

## 防冻

冬天把盆景移到不加热的房间里，避免根系冻坏。气温低于零下五度时，要用稻草把花盆包起来。
"""


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights are those of the real model's cosines; the fake's are lower."""
    monkeypatch.setattr(retriever_module, "relevance", lambda words, _, cosine: cosine * 2)


def test_a_passage_is_cited_to_the_character(tmp_path: Path, lenient: None) -> None:
    store = on_disk(tmp_path)
    library = Library(store, FakeEmbedder())
    document = library.add("care.md", CARE.encode()).document
    retriever: Retriever = KnowledgeRetriever(store, FakeEmbedder())
    for question, location, words in (
        ("cut new shoots in spring", "Caring for a bonsai › Pruning", "two leaves"),
        ("冬天盆景怎么防冻？", "盆景的越冬 › 防冻", "稻草"),
    ):
        found = retriever.search(question)
        assert words in found[0].text
        assert found[0].location == location
        assert (found[0].source, found[0].document) == ("care.md", document.id)
        assert [one.trust for one in found] == ["document"] * len(found)
        for one in found:
            assert CARE[one.start : one.end].split() == one.text.split()  # lines are joined
            assert one.text == one.text.strip()
            assert library.text(document.id, one.start, one.end) == one.text
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert len(retriever.search("the tree", limit=1)) == 1
    assert retriever.search("  ") == []
    store.close()


def test_who_has_no_documents_costs_no_model(tmp_path: Path) -> None:
    class Unloaded(FakeEmbedder):
        @property
        def dimension(self) -> int:
            raise AssertionError("it would be loaded")

        def embed(self, texts: Sequence[str], kind: Any = "passage") -> Any:
            raise AssertionError("it would be loaded")

    store = on_disk(tmp_path)
    assert KnowledgeRetriever(store, Unloaded()).search("What is the deposit?") == []
    store.close()


def test_it_follows_what_another_process_does(tmp_path: Path, lenient: None) -> None:
    mine, other = on_disk(tmp_path), on_disk(tmp_path)
    retriever = KnowledgeRetriever(mine, FakeEmbedder())
    assert retriever.search("bonsai") == []
    Library(other, FakeEmbedder()).add("manual.md", MANUAL)
    assert "bonsai" in retriever.search("bonsai")[0].text
    changed = MANUAL.replace(b"bonsai", b"willow")
    Library(other, FakeEmbedder()).add("manual.md", changed, replaces=True)
    assert "willow" in retriever.search("willow")[0].text
    assert all("bonsai" not in one.text for one in retriever.search("bonsai willow water"))
    Library(other, FakeEmbedder()).remove("manual.md")
    assert retriever.search("willow") == []
    for store in (mine, other):
        store.close()
    with pytest.raises(StorageError):
        retriever.search("willow")


def test_vectors_of_another_model_are_left_out(lenient: None) -> None:
    store = MemoryStore()
    Library(store, FakeEmbedder("an older one")).add("manual.md", MANUAL)
    retriever = KnowledgeRetriever(store, FakeEmbedder())
    assert retriever.load() == 0
    assert [one.cosine for one in retriever.candidates("bonsai")] == [0.0]  # by its word alone


def test_one_persons_search_never_sees_anothers(lenient: None) -> None:
    anna, ben = MemoryStore(), MemoryStore()
    embedder = FakeEmbedder()
    Library(anna, embedder).add("diary.md", b"The bonsai was a gift of Clara.")
    assert KnowledgeRetriever(ben, embedder).search("bonsai Clara") == []
    assert KnowledgeRetriever(anna, embedder).search("bonsai Clara")


def test_threads_may_share_it(tmp_path: Path, lenient: None) -> None:
    store = on_disk(tmp_path)
    Library(store, FakeEmbedder()).add("manual.md", MANUAL)
    retriever = KnowledgeRetriever(store, FakeEmbedder())
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(retriever.search("soil")[0].text))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all("soil" in text for text in found)
    store.close()


def test_relevance_grows_with_both() -> None:
    excerpt = Excerpt("Water the trees when the soil is dry. 盆景防冻。", "Watering")
    assert coverage(["watering", "tree", "moon"], excerpt) == pytest.approx(2 / 3)
    assert coverage(["防冻", "apt-get"], excerpt) == 0.5
    assert coverage([], excerpt) == 0
    words = ["water", "soil"]
    rising = [relevance(words, excerpt, cosine) for cosine in (0.7, 0.8, 0.85, 0.9)]
    assert rising == sorted(rising)
    assert rising[0] < 0.01
    assert rising[-1] > 0.9
    assert relevance(["moon"], excerpt, 0.85) < 0.5 < relevance(words, excerpt, 0.85)


@pytest.mark.model
def test_the_real_model_finds_and_keeps_silent(embedding_model: Path) -> None:
    store = MemoryStore()
    with LlamaEmbedder.open(embedding_model) as embedder:
        Library(store, embedder).add("care.md", CARE.encode())
        retriever = KnowledgeRetriever(store, embedder)
        for question, location in (
            ("How often do I water the tree in summer?", "Caring for a bonsai › Watering"),
            ("When do I cut new shoots?", "Caring for a bonsai › Pruning"),
            ("冬天怎么保护盆景的根系？", "盆景的越冬 › 防冻"),
        ):
            assert retriever.search(question)[0].location == location
        for question in (
            "How do I make a pivot table in Excel?",
            "Who won the football world cup in 1998?",
            "北京到上海的高铁要坐多久？",
        ):
            assert retriever.search(question) == []
