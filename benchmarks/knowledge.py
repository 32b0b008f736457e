"""Does the knowledge base find what answers a question, say when nothing does, and how fast?

Recall: the Debian Reference in English and Chinese (its packages are downloaded with apt-get, never
kept here), and questions written from it (`data/debian-questions.tsv`): words alone, meaning alone,
both. Settings were chosen on the dev questions. Scale: 100,000 passages in an encrypted store, made
of that book's sentences and of vectors between its own.

    python benchmarks/knowledge.py recall [--part dev]
    python benchmarks/knowledge.py scale [--passages 100000]

Both keep their stores in TMPDIR/penjing-knowledge, and go on there when they were stopped.
"""

from __future__ import annotations

import argparse
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/support"))
from ondisk import on_disk

from penjing.app.embedder import open_embedder
from penjing.cli.output import Output
from penjing.core.history import Excerpt
from penjing.core.memory import peak_memory
from penjing.core.protocols import Embedder
from penjing.knowledge.index.codes import pack, unpack
from penjing.knowledge.index.dense import DenseIndex
from penjing.knowledge.index.words import MOST_PLACES, WordIndex
from penjing.knowledge.library import Library
from penjing.knowledge.relevance import THRESHOLD
from penjing.knowledge.retriever import KnowledgeRetriever
from penjing.vault.person import PersonStore
from penjing.vault.tokenizer import asked

QUESTIONS = Path(__file__).with_name("data") / "debian-questions.tsv"
PACKAGES = ("debian-reference-en", "debian-reference-zh-cn")
WORK = Path(tempfile.gettempdir()) / "penjing-knowledge"
_SECTION = re.compile(r"(?:^|› )(\d+(?:\.\d+)+)\.? ")


@dataclass(frozen=True)
class Question:
    """One line of the questions."""

    language: str
    part: str
    sections: tuple[str, ...]
    text: str


def main() -> int:
    """Do one of the two and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("recall", "scale"))
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    parser.add_argument("--passages", type=int, default=100_000)
    args = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    with open_embedder(Output(False).progress()) as embedder:
        book = on_disk(WORK / "book")
        read_book(book, embedder)
        if args.what == "recall":
            recall(book, embedder, args.part)
        else:
            scale(book, embedder, args.passages)
    return 0


def read_book(store: PersonStore, embedder: Embedder) -> None:
    """All chapters of both editions."""
    unpacked = WORK / "unpacked"
    if not unpacked.exists():
        subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=WORK, check=True)
        for package in sorted(WORK.glob("debian-reference-*.deb")):
            subprocess.run(["dpkg", "-x", str(package), str(unpacked)], check=True)
    library = Library(store, embedder, Output(False).progress())
    began, embedded = time.perf_counter(), 0
    for path in sorted((unpacked / "usr/share/debian-reference").glob("ch*.html")):
        embedded += library.add(path.name, path.read_bytes()).embedded
    if embedded:
        print(f"indexed {embedded} passages in {time.perf_counter() - began:.0f} s")


def questions() -> list[Question]:
    """All of them."""
    lines = [line for line in QUESTIONS.read_text("utf-8").splitlines() if line[:1] != "#"]
    parted = [line.split("\t") for line in lines]
    return [
        Question(language, part, tuple(where.split(",")) if where != "-" else (), text)
        for language, part, where, text in parted
    ]


# -------------------------------------------------------------------------------------- recall


def recall(store: PersonStore, embedder: Embedder, part: str) -> None:
    """Which way finds the section that answers, and whether silence is right."""
    every = [one for one in questions() if one.part == part]
    answered = [one for one in every if one.sections]
    retriever = KnowledgeRetriever(store, embedder)
    ways = {"words (BM25)": words_alone(store), "meaning": meaning_alone(store, embedder)}
    ways["both"] = lambda text: [one.kept.number for one in retriever.candidates(text)]
    ways |= {f"words, {name}": way for name, way in other_tokens(store).items()}
    print(f"\n{part}: {len(answered)} questions, {retriever.load()} passages\n")
    print("| way | language | recall@1 | @5 | @10 | MRR |\n|---|---|---|---|---|---|")
    for name, way in ways.items():
        for language in ("en", "zh", ""):
            some = [one for one in answered if language in ("", one.language)]
            ranks = [rank(store, one, way(one.text)) for one in some]
            shares = [sum(at <= most for at in ranks) / len(ranks) for most in (1, 5, 10)]
            cells = [f"{share:.2f}" for share in shares]
            mrr = sum(1 / at for at in ranks) / len(ranks)
            print(f"| {name} | {language or 'all'} | {' | '.join(cells)} | {mrr:.3f} |")
    silence(retriever, every)


def rank(store: PersonStore, question: Question, numbers: Sequence[int]) -> float:
    """The place of the first passage of a right section; infinity beyond the tenth."""
    for place, one in enumerate(store.passages.get(numbers[:10]), 1):
        found = _SECTION.findall(f"{one.excerpt.location} ")
        section = found[-1] if found else ""
        if any(section == right or section.startswith(f"{right}.") for right in question.sections):
            return place
    return float("inf")


def words_alone(store: PersonStore) -> Callable[[str], list[int]]:
    """BM25 over words and pairs."""
    index = WordIndex()
    for one in store.passages.indexed():
        index.take(one.document.id, store.passages.marks(one.document.id))
    index.settle()
    return lambda text: index.search(store.passages.places(asked(text), most=MOST_PLACES), 10)


def meaning_alone(store: PersonStore, embedder: Embedder) -> Callable[[str], list[int]]:
    """Cosines."""
    index = dense_of(store, embedder)
    return lambda text: [one.number for one in index.search(embedder.embed([text], "query")[0], 10)]


def dense_of(store: PersonStore, embedder: Embedder) -> DenseIndex:
    """All vectors of a store."""
    index = DenseIndex(embedder.dimension)
    every = ((one.document.id, store.passages.marks(one.document.id)) for one in
             store.passages.indexed())  # fmt: skip
    index.change(
        frozenset(),
        ((one, [(mark.number, mark.vector) for mark in marks]) for one, marks in every),
    )
    return index


def other_tokens(store: PersonStore) -> dict[str, Callable[[str], list[int]]]:
    """The same BM25 over other cuts of Chinese: why pairs were chosen."""
    numbers = [
        mark.number for one in store.passages.indexed()
        for mark in store.passages.marks(one.document.id)
    ]  # fmt: skip
    kept = store.passages.get(numbers)
    texts = [(one.number, f"{one.excerpt.location}\n{one.excerpt.text}") for one in kept]
    trigrams = fts(((number, text) for number, text in texts), "trigram")
    single = fts(((number, _apart(text)) for number, text in texts), "porter unicode61")
    return {
        "trigrams": lambda text: _match(trigrams, _threes(text)),
        "single characters": lambda text: _match(single, _apart(" ".join(asked_apart(text)))),
    }


def asked_apart(text: str) -> list[str]:
    """The words of a question whose pairs are joined again."""
    pairs = asked(text)
    return list(dict.fromkeys(char for word in pairs for char in _apart(word).split()))


def fts(rows: Iterator[tuple[int, str]], tokens: str) -> sqlite3.Connection:
    """An index in memory."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE VIRTUAL TABLE f USING fts5(text, tokenize='{tokens}')")
    connection.executemany("INSERT INTO f (rowid, text) VALUES (?, ?)", rows)
    return connection


def _apart(text: str) -> str:
    return re.sub("([\u3400-\u9fff])", r" \1 ", text)


def _threes(text: str) -> str:
    runs = re.findall("[\u3400-\u9fff]+|[a-z0-9_]+", text.lower())
    chinese = [run[at : at + 3] for run in runs if run > "z" for at in range(len(run) - 2)]
    latin = [run for run in runs if run <= "z" and len(run) > 2 and run in asked(text)]
    return " ".join([*chinese, *latin])


def _match(connection: sqlite3.Connection, words: str) -> list[int]:
    query = " OR ".join(f'"{word}"' for word in dict.fromkeys(words.split()))
    if not query:
        return []
    statement = "SELECT rowid FROM f WHERE f MATCH ? ORDER BY rank LIMIT 10"
    return [row[0] for row in connection.execute(statement, (query,))]


def silence(retriever: KnowledgeRetriever, every: Sequence[Question]) -> None:
    """How often an answerable question gets passages, and one without an answer gets none."""
    print(f"\nrelevance (threshold {THRESHOLD})\n")
    print("| language | answered | rightly answered | rightly silent |\n|---|---|---|---|")
    for language in ("en", "zh", ""):
        some = [one for one in every if language in ("", one.language)]
        spoke = {one: bool(retriever.search(one.text)) for one in some}
        right = [spoke[one] for one in some if one.sections]
        wrong = [not spoke[one] for one in some if not one.sections]
        print(
            f"| {language or 'all'} | {len(right)} + {len(wrong)} | "
            f"{sum(right)}/{len(right)} | {sum(wrong)}/{len(wrong)} |"
        )


# --------------------------------------------------------------------------------------- scale


def scale(book: PersonStore, embedder: Embedder, count: int) -> None:
    """Times and memory over many passages."""
    store = on_disk(WORK / f"many-{count}")
    if not store.passages.indexed():
        fill(store, book, embedder, count)
    before = peak_memory()
    retriever = KnowledgeRetriever(store, embedder)
    began = time.perf_counter()
    loaded = retriever.load()
    seconds = time.perf_counter() - began
    index, words = retriever._meaning, retriever._words
    print(f"\n{loaded} passages, loaded in {seconds:.2f} s; arrays {index.nbytes / 1e6:.0f} MB,")
    print(f"peak memory {before / 1e6:.0f} MB before, {peak_memory() / 1e6:.0f} MB after loading")
    texts = [one.text for one in questions()]
    vectors = [embedder.embed([text], "query")[0] for text in texts]
    steps: dict[str, Callable[[int], object]] = {
        "embedding the question": lambda at: embedder.embed([texts[at]], "query"),
        "words (BM25)": lambda at: words.search(
            store.passages.places(asked(texts[at]), most=MOST_PLACES), 50
        ),
        "meaning": lambda at: index.search(vectors[at], 50),
        "all of a search": lambda at: retriever.search(texts[at]),
    }
    print(
        "\n| step | median ms | p95 ms | worst ms | processor ms, median |\n|---|---|---|---|---|"
    )
    for name, step in steps.items():
        both = [timed(step, at) for at in range(len(texts))]
        times, cpu = sorted(took for took, _ in both), statistics.median(used for _, used in both)
        p95 = times[int(0.95 * len(times))]
        cells = (statistics.median(times), p95, times[-1], cpu)
        print(f"| {name} | {' | '.join(f'{cell:.1f}' for cell in cells)} |")
    print(f"\npeak memory at the end {peak_memory() / 1e6:.0f} MB, the model included")
    agreement(index, vectors)


def timed(step: Callable[[int], object], at: int) -> tuple[float, float]:
    """Milliseconds on the clock and of the processor; the better of two."""
    took = []
    for _ in range(2):
        began, used = time.perf_counter(), time.process_time()
        step(at)
        took.append((1000 * (time.perf_counter() - began), 1000 * (time.process_time() - used)))
    return min(took)


def agreement(index: DenseIndex, vectors: Sequence[np.ndarray]) -> None:
    """How many of the true ten nearest the signs let through."""
    rows = np.arange(len(index))
    shares = []
    for vector in vectors:
        exact = np.argsort(-index._cosines(vector, rows))[:10]
        found = {one.number for one in index.search(vector, 10)}
        shares.append(len(found & set(index._numbers[exact].tolist())) / 10)
    print(f"of the ten nearest by every vector {100 * statistics.mean(shares):.1f}% are found")


def fill(store: PersonStore, book: PersonStore, embedder: Embedder, count: int) -> None:
    """Documents of 1000 passages: shuffled sentences, and vectors between real ones."""
    rng, random = np.random.default_rng(1), Random(1)
    texts, packed = [], []
    for one in book.passages.indexed():
        for excerpt in book.documents.excerpts(one.document.id):
            texts.append(excerpt.text)
            packed.append(excerpt.vector)
    coded = unpack(packed, embedder.dimension)
    real = coded.codes * coded.scales[:, None]
    parts = [part for text in texts for part in re.split(r"(?<=[.。！？\n])", text) if part.strip()]
    began = time.perf_counter()
    for number in range(count // 1000):
        first, second = rng.integers(len(real), size=(2, 1000))
        mixed = real[first] * rng.uniform(0.5, 1, (1000, 1)) + real[second] * 0.4
        mixed += rng.normal(0, 0.01, mixed.shape)
        mixed = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
        made, start = [], 0
        for vector in pack(mixed, embedder.name):
            text = " ".join(random.choice(parts) for _ in range(6))
            made.append(Excerpt(text, f"part {number}", vector, start))
            start += len(text)
        document = store.documents.add(f"{number}.txt", "text/plain", b"")
        store.documents.put_excerpts(document.id, made)
        store.passages.finish(document.id)
        print(f"{number + 1} of {count // 1000} documents", end="\r", file=sys.stderr)
    size = store.database.path.stat().st_size / 1e6
    print(f"{count} passages put in {time.perf_counter() - began:.0f} s: {size:.0f} MB on disk")


if __name__ == "__main__":
    sys.exit(main())
