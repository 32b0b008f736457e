"""Reading in a process with limits: hostile bytes cost a bounded time and a line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from papers import docx, docx_bomb, encrypted_pdf, paragraph, pdf

from penjing.core.errors import BadInput
from penjing.knowledge import reading
from penjing.knowledge.formats import FORMATS
from penjing.knowledge.reading import MOST_BYTES, Limits, format_of, read, require_size


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.txt", "盆景".encode(), "盆景"),
        ("a.md", b"# A\nb", "# A\nb"),
        ("a.HTML", b"<h1>A</h1>b", "A\nb"),
        ("a.pdf", pdf(["page words"]), "page words"),
        ("a.docx", docx(paragraph("word words")), "word words"),
        ("a.csv", b"k,v\n1,2", "k: 1; v: 2"),
    ],
)
def test_every_format_is_read_in_the_child(name: str, data: bytes, words: str) -> None:
    assert words in read(name, "", data).text


def test_the_ending_decides_and_else_the_media_type() -> None:
    assert format_of("a.b.MARKDOWN", "text/plain") == "markdown"
    assert format_of("no ending", "text/html") == "html"
    with pytest.raises(BadInput, match=r"none of text, markdown, html, pdf, docx, csv"):
        format_of("a.exe", "application/octet-stream")
    folder = Path(reading.__file__).with_name("formats")
    assert {path.stem for path in folder.glob("[a-z]*.py")} == FORMATS.keys()


def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(BadInput, match=r"big.pdf has 209.7 MB and 104.9 MB are the most: split"):
        require_size("big.pdf", 200 * 2**20)
    require_size("a.pdf", MOST_BYTES)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("locked.pdf", encrypted_pdf("x")),
        ("bomb.docx", docx_bomb(400)),
        ("broken.pdf", os.urandom(100_000)),
        ("broken.docx", b"PK" + os.urandom(100_000)),
        ("none.html", b"<script>x</script>"),
    ],
)
def test_errors_of_the_child_are_one_line_with_the_name(name: str, data: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(BadInput) as caught:
        read(name, "", data)
    assert str(caught.value).startswith(f"{name} cannot be read: ")
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 60


def test_memory_has_a_limit() -> None:
    with pytest.raises(BadInput, match="of memory"):
        read("big.txt", "", b"word " * 4_000_000, Limits(memory=60 * 2**20))


def test_time_has_a_limit() -> None:
    rows = b"a,b,c,d\n" + b"1,2,3,4\n" * 1_000_000
    began = time.monotonic()
    with pytest.raises(BadInput, match=r"or 1 s"):
        read("slow.csv", "", rows, Limits(seconds=1))
    assert time.monotonic() - began < 10


def test_what_the_child_says_is_not_believed() -> None:
    for answer in (b"", b"{", b'{"text": "x"}', b'{"text": "x", "sections": [[5, [], ""]]}'):
        with pytest.raises(BadInput):
            reading._answered(answer)
