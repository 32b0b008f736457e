"""Does the sentence that is cited hold the answer, and is it on the page that is cited?

Sixty questions (`data/cited-questions.tsv`) over two PDFs and two pages of HTML of Debian packages
(downloaded with apt-get where they are not installed, never kept here). An answer is what plain
`penjing serve` would say: the passages found, and the sentences quoted from them. Each cited page
of a PDF is read again by pypdf, without our reader, and must hold the quoted letters.

    python benchmarks/cited.py [--all]     with --all, each question and what was cited

It goes on in TMPDIR/penjing-cited when it was stopped.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does

import pypdf

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/support"))
from ondisk import on_disk

from penjing.app.embedder import open_embedder
from penjing.assistant.generate.extractive_answers import quotes
from penjing.cli.output import Output
from penjing.core.dialogue import Passage
from penjing.core.folding import shown
from penjing.knowledge.library import Library
from penjing.knowledge.retriever import KnowledgeRetriever

QUESTIONS = Path(__file__).with_name("data") / "cited-questions.tsv"
DOCUMENTS: Mapping[str, tuple[str, str]] = {
    "mime": ("shared-mime-info", "shared-mime-info/shared-mime-info-spec.pdf"),
    "tasn1": ("libtasn1-doc", "libtasn1-doc/libtasn1.pdf"),
    "users": ("base-passwd", "base-passwd/users-and-groups.html"),
    "python": ("python3", "python3/python-policy.html"),
}
"""Each with its package, and where that has it."""
WORK = Path(tempfile.gettempdir()) / "penjing-cited"


@dataclass(frozen=True)
class Question:
    """One line of the questions."""

    document: str
    answer: re.Pattern[str]
    text: str


def main() -> int:
    """Ask all and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="each question and what was cited")
    args = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    asked = list(questions())
    with open_embedder(Output(False).progress()) as embedder:
        store = on_disk(WORK)
        library = Library(store, embedder, Output(False).progress())
        for name in DOCUMENTS:
            path = found(name)
            library.add(path.name, path.read_bytes(), replaces=True)
        retriever = KnowledgeRetriever(store, embedder)
        answers = [(one, cited(retriever, one)) for one in asked]
    table(answers)
    if args.all:
        for one, passages in answers:
            print(f"\n{'+' if holds(one, passages) else '-'} {one.text}")
            for passage in passages:
                print(f"    {passage.source}, {passage.location}: {shown(passage.text)}")
    return 0


def questions() -> Iterator[Question]:
    """All of them."""
    for line in QUESTIONS.read_text("utf-8").splitlines():
        if line[:1] != "#":
            document, answer, text = line.split("\t")
            yield Question(document, re.compile(answer, re.I), text)


def found(name: str) -> Path:
    """A document as its package has it."""
    package, inside = DOCUMENTS[name]
    installed = Path("/usr/share/doc") / inside
    if installed.exists():
        return installed
    unpacked = WORK / "unpacked"
    if not (unpacked / "usr/share/doc" / inside).exists():
        subprocess.run(["apt-get", "download", "-q", package], cwd=WORK, check=True)
        for archive in sorted(WORK.glob(f"{package}_*.deb")):
            subprocess.run(["dpkg", "-x", str(archive), str(unpacked)], check=True)
    return unpacked / "usr/share/doc" / inside


def cited(retriever: KnowledgeRetriever, question: Question) -> list[Passage]:
    """What the answer cites."""
    passages = retriever.search(question.text, limit=5)
    return [one.passage for one in quotes(question.text, passages)]


def holds(question: Question, passages: list[Passage]) -> bool:
    """Whether the right document is cited, with the answer in what is quoted."""
    source = Path(DOCUMENTS[question.document][1]).name
    return any(one.source == source and question.answer.search(shown(one.text)) for one in passages)


def wrong_pages(passages: list[Passage]) -> int:
    """Citations of a PDF to a page on which the words do not stand."""
    wrong = 0
    for one in passages:
        numbers = [int(number) for number in re.findall(r"\d+", one.location)]
        if one.source.endswith(".pdf"):
            text = "".join(page(one.source, number) for number in numbers)
            wrong += not numbers or not stands(letters(one.text), text)
    return wrong


def stands(said: str, text: str) -> bool:
    """All of it, or both ends of it: over two pages, a page's number stands between."""
    return said in text or (said[:20] in text and said[-20:] in text)


@cache
def page(source: str, number: int) -> str:
    """The letters of a page, read by another reader."""
    name = next(name for name, (_, inside) in DOCUMENTS.items() if inside.endswith(source))
    return letters(pypdf.PdfReader(found(name)).pages[number - 1].extract_text())


def letters(text: str) -> str:
    """Letters and digits alone."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).lower()))


def table(answers: list[tuple[Question, list[Passage]]]) -> None:
    """Shares by document."""
    print("| document | questions | answered | cited sentence holds the answer | wrong pages |")
    print("|---|---|---|---|---|")
    for name in (*DOCUMENTS, ""):
        some = [one for one in answers if name in ("", one[0].document)]
        spoke = sum(bool(passages) for _, passages in some)
        right = sum(holds(*one) for one in some)
        wrong = sum(wrong_pages(passages) for _, passages in some)
        share = f"{right} ({100 * right / len(some):.0f}%)"
        print(f"| {name or 'all'} | {len(some)} | {spoke} | {share} | {wrong} |")


if __name__ == "__main__":
    sys.exit(main())
