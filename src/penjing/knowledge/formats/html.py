"""HTML: what a reader sees. Scripts, styles and hidden parts are left out, nothing is fetched."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from penjing.knowledge.encodings import decode
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
_DEEPEST = 10_000


def read(data: bytes) -> Plain:
    """What can be seen, with a section for each heading."""
    declared = _CHARSET.search(data[:4096])
    reader = _Reader()
    reader.feed(decode(data, declared[1].decode("ascii") if declared else ""))
    reader.close()
    return reader.done()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._builder = Builder()
        self._hidden: list[str] = []
        self._title: list[str] | None = None
        self._level = 0
        self._preformatted = 0
        self._at_line_start = True
        self._wants_space = False

    def done(self) -> Plain:
        self._end_heading()
        return self._builder.done()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._hidden:
            if tag not in _VOID and len(self._hidden) < _DEEPEST:
                self._hidden.append(tag)
            return
        if tag not in _VOID and (tag in _UNSEEN or _is_hidden(dict(attrs))):
            self._hidden.append(tag)
        elif tag in _HEADINGS:
            self._end_heading()
            self._new_line()
            self._title, self._level = [], _HEADINGS[tag]
        elif tag in _LINES:
            self._new_line()
            self._preformatted += tag == "pre"
        elif tag in ("td", "th"):
            self._wants_space = True

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if not self._hidden and tag in _LINES:
            self._new_line()

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if tag in self._hidden:
                while self._hidden and self._hidden.pop() != tag:
                    pass
            return
        if tag in _HEADINGS:
            self._end_heading()
        elif tag in _LINES:
            self._new_line()
            self._preformatted = max(self._preformatted - (tag == "pre"), 0)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._title is not None:
            self._title.append(data)
        elif self._preformatted:
            self._add(data)
        else:
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
        title = " ".join("".join(self._title).split())
        self._title = None
        if title:
            self._builder.heading(self._level, title)
            self._builder.add(f"{title}\n")


def _is_hidden(attributes: dict[str, str | None]) -> bool:
    style = (attributes.get("style") or "")[:1000].lower()
    hidden = "hidden" in attributes or attributes.get("aria-hidden") == "true"
    return hidden or _HIDING.search(style) is not None
