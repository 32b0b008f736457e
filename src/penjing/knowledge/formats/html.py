"""HTML: what a reader sees. Scripts, styles and hidden parts are left out, nothing is fetched."""

from __future__ import annotations

import re

from penjing.knowledge.encodings import decode
from penjing.knowledge.markup import MOST_SOURCE, Markup, Tag
from penjing.knowledge.nesting import Open
from penjing.knowledge.plain import Builder, Plain

_UNSEEN = frozenset(
    """script style template noscript noembed noframes svg math iframe object head select datalist
    audio video canvas rp""".split()  # noqa: SIM905
)
_VOID = frozenset(
    """area base basefont bgsound br col embed frame hr img input link meta param source track
    wbr""".split()  # noqa: SIM905
)
_LINES = frozenset(
    """address article aside blockquote br body caption center dd details dialog dir div dl dt
    fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu
    nav ol p pre search section summary table tbody tfoot thead tr ul""".split()  # noqa: SIM905
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([A-Za-z0-9_-]{1,40})""", re.I)
_LONGEST_HEADING = 10_000
_PIECE = 2**20
_MAY_HIDE = re.compile(r"hidden|style", re.I)


def read(data: bytes) -> Plain:
    """What can be seen, with a section for each heading."""
    declared = _CHARSET.search(data[:4096])
    name = declared[1].decode("ascii") if declared else ""
    return _Reader(Markup(decode(data, name, MOST_SOURCE))).done()


class _Reader:
    def __init__(self, markup: Markup) -> None:
        self._markup = markup
        self._builder = Builder()
        self._open = Open()
        self._title: list[str] | None = None
        self._titled = 0
        self._level = 0
        self._at_line_start = True
        self._wants_space = False

    def done(self) -> Plain:
        for piece in self._markup.pieces():
            if isinstance(piece, str):
                self._data(piece)
            elif piece.closes:
                self._end(piece.name)
            elif piece.alone:
                self._empty(piece.name)
            else:
                self._begin(piece)
        self._end_heading()
        return self._builder.done()

    def _begin(self, tag: Tag) -> None:
        name = tag.name
        if name in _VOID:
            self._empty(name)
            return
        self._open.begin(name, hides=name in _UNSEEN or self._is_hidden(tag))
        if self._open.hidden:
            return
        if name in _HEADINGS:
            self._end_heading()
            self._new_line()
            self._title, self._titled, self._level = [], 0, _HEADINGS[name]
        elif name in _LINES:
            self._new_line()
        elif name in ("td", "th"):
            self._wants_space = True

    def _empty(self, name: str) -> None:
        self._open.before(name)
        if not self._open.hidden and name in _LINES:
            self._new_line()

    def _end(self, name: str) -> None:
        self._open.end(name)
        if self._open.hidden:
            return
        if name in _HEADINGS:
            self._end_heading()
        elif name in _LINES:
            self._new_line()

    def _data(self, data: str) -> None:
        if not data.isspace():
            self._open.text()
        if not self._open.hidden:
            self._write(data.replace("\N{SOFT HYPHEN}", ""))

    def _write(self, data: str) -> None:
        if self._title is not None:
            self._title.append(data)
            self._titled += len(data)
            if self._titled > _LONGEST_HEADING:  # its end was forgotten: the rest is text
                self._end_heading()
        elif self._open.holds("pre"):
            self._add(data)
        else:
            for first in range(0, len(data), _PIECE):
                self._words(data[first : first + _PIECE])

    def _words(self, data: str) -> None:
        words = data.split()
        self._wants_space |= data[:1].isspace()
        if words:
            self._add(" ".join(words))
            self._wants_space = data[-1:].isspace()

    def _add(self, text: str) -> None:
        if self._wants_space and not self._at_line_start:
            text = f" {text}"
        self._wants_space = False
        if text:
            self._builder.add(text)
            self._at_line_start = text.endswith("\n")

    def _new_line(self) -> None:
        self._wants_space = False
        if not self._at_line_start:
            self._builder.add("\n")
            self._at_line_start = True

    def _end_heading(self) -> None:
        """The heading is a line of the text as well."""
        if self._title is None:
            return
        whole = "".join(self._title)
        title = " ".join(whole[:_LONGEST_HEADING].split()).removesuffix("¶").rstrip()
        self._title = None
        if title:
            self._builder.heading(self._level, title)
            self._builder.add(f"{title}\n")
        self._write(whole[_LONGEST_HEADING:])

    def _is_hidden(self, tag: Tag) -> bool:
        if tag.name != "dialog" and not _MAY_HIDE.search(tag.source):
            return False
        attributes = dict(self._markup.attributes(tag))
        if tag.name == "dialog" and "open" not in attributes:
            return True
        for name, value in attributes.items():
            if name == "hidden" and value.lower() != "until-found":
                return True
            if name == "aria-hidden" and value == "true":
                return True
            if name == "style" and _HIDING.search(value[:1000].lower()):
                return True
        return False
