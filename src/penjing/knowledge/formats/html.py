"""HTML: what a reader sees. Scripts, styles and hidden parts are left out, nothing is fetched."""

from __future__ import annotations

import re
from collections import Counter

from penjing.knowledge.encodings import decode
from penjing.knowledge.markup import MOST_SOURCE, Markup, Tag
from penjing.knowledge.plain import Builder, Plain

_UNSEEN = frozenset(
    ("script", "style", "template", "noscript", "svg", "math", "iframe", "object", "head", "select")
)
_VOID = frozenset(("br", "hr", "img", "input", "link", "meta", "area", "base", "col", "wbr"))
_LINES = frozenset(
    """address article aside blockquote br dd div dl dt fieldset figcaption figure footer form
    header hr li main nav ol p pre section table tr ul h1 h2 h3 h4 h5 h6 caption""".split()  # noqa: SIM905
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
        self._hidden: list[str] = []
        self._within: Counter[str] = Counter()
        self._title: list[str] | None = None
        self._titled = 0
        self._level = 0
        self._preformatted = 0
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
        if self._hidden:
            if name not in _VOID:
                self._hide(name)
            return
        if name not in _VOID and (name in _UNSEEN or self._is_hidden(tag)):
            self._hide(name)
        elif name in _HEADINGS:
            self._end_heading()
            self._new_line()
            self._title, self._titled, self._level = [], 0, _HEADINGS[name]
        elif name in _LINES:
            self._new_line()
            self._preformatted += name == "pre"
        elif name in ("td", "th"):
            self._wants_space = True

    def _empty(self, name: str) -> None:
        if not self._hidden and name in _LINES:
            self._new_line()

    def _hide(self, name: str) -> None:
        self._hidden.append(name)
        self._within[name] += 1

    def _end(self, name: str) -> None:
        if self._hidden:
            if self._within[name]:
                closed = ""
                while closed != name:
                    closed = self._hidden.pop()
                    self._within[closed] -= 1
            return
        if name in _HEADINGS:
            self._end_heading()
        elif name in _LINES:
            self._new_line()
            self._preformatted = max(self._preformatted - (name == "pre"), 0)

    def _data(self, data: str) -> None:
        if self._hidden:
            return
        if self._title is not None:
            self._title.append(data)
            self._titled += len(data)
            if self._titled > _LONGEST_HEADING:  # its end was forgotten: the rest is text
                self._end_heading()
        elif self._preformatted:
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
        title = " ".join(whole[:_LONGEST_HEADING].split())
        self._title = None
        if title:
            self._builder.heading(self._level, title)
            self._builder.add(f"{title}\n")
        self._data(whole[_LONGEST_HEADING:])

    def _is_hidden(self, tag: Tag) -> bool:
        if not _MAY_HIDE.search(tag.source):
            return False
        for name, value in self._markup.attributes(tag):
            if name == "hidden" or (name == "aria-hidden" and value == "true"):
                return True
            if name == "style" and _HIDING.search(value[:1000].lower()):
                return True
        return False
