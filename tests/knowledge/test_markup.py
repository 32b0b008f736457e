"""HTML's pieces: honest pages as the standard library sees them, others as browsers do."""

from __future__ import annotations

import random
from html.parser import HTMLParser

import pytest

from penjing.core.errors import BadInput
from penjing.knowledge import markup
from penjing.knowledge.markup import Markup

Seen = list[tuple[str, str]]


class Reference(HTMLParser):
    """What the standard library says of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: Seen = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = ",".join(f"{name}={value or ''}" for name, value in attrs)
        self.seen.append(("begin", f"{tag} {said}"))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(("end", tag))

    def handle_data(self, data: str) -> None:
        add(self.seen, data)


def add(seen: Seen, data: str) -> None:
    """Text that stands together, together."""
    if seen and seen[-1][0] == "text":
        data = seen.pop()[1] + data
    seen.append(("text", data))


def ours(page: str) -> Seen:
    """The same by us."""
    seen: Seen = []
    found = Markup(page)
    for piece in found.pieces():
        if isinstance(piece, str):
            add(seen, piece)
        elif piece.closes:
            seen.append(("end", piece.name))
        else:
            said = ",".join(f"{name}={value}" for name, value in found.attributes(piece))
            seen.append(("begin", f"{piece.name} {said}"))
    return seen


PIECES = [
    "<p>", "</p>", "<DIV class='a b'>", "</div>", '<a href="x?a=1&amp;b=2">', "</a >", "<br>",
    "words ", "a &lt; b", "&#20320;", "&#x6811;", "&nbsp;", "&unknown;", " 5 < 6 ", "<!-- c -->",
    "<!-- <b> -->", "<!doctype html>", "<?php x ?>", "<input disabled value=7>", "<i data-x='>'>",
    "\n", "树",
    "<script>if (a < b) '</b>'</script>", "<style>p > a {}</style>", "<h1 id = 'x' >", "</h1>",
    "&amp", "<a b=c/d>", "<x-y>",
]  # fmt: skip


def test_honest_pages_are_what_the_standard_library_reads() -> None:
    random_ = random.Random(11)
    for _ in range(2000):
        page = "".join(random_.choices(PIECES, k=random_.randrange(1, 40)))
        reference = Reference()
        reference.feed(page)
        reference.close()
        assert ours(page) == reference.seen, page


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("a<!-- b", "a"),
        ("a<!-->b", "ab"),
        ("a<!--->b", "ab"),
        ("a<!-- --!>b", "ab"),
        ("a<b c", "a"),
        ("a<b c='d>e", "ae"),
        ("a</>b</3>c", "abc"),
        ("a<![CDATA[b]]>c", "ac"),
        ("a<script>b", "ab"),
        ("a<", "a<"),
        ("<title>a<b>&amp;</title>", "a<b>&"),
        ("&#99999999999999999999;&#x99999999999999;", "\N{REPLACEMENT CHARACTER}" * 2),
        ("<b =>a", "a"),
    ],
)
def test_what_has_no_end_is_as_browsers_have_it(page: str, text: str) -> None:
    assert "".join(said for kind, said in ours(page) if kind == "text") == text


@pytest.mark.parametrize(
    ("name", "page", "reason"),
    [
        ("MOST_SOURCE", "x" * 2000, "longer than"),
        ("MOST_PIECES", "<b>" * 2000, "tags: split it"),
        ("MOST_PIECES", "<b " + "a " * 2000 + ">", "tags: split it"),
        ("MOST_REFERENCES", "&amp;" * 2000, "of `&`"),
    ],
)
def test_pieces_have_an_end(
    name: str, page: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markup, name, 1000)
    with pytest.raises(BadInput, match=reason):
        ours(page)
