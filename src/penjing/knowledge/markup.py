"""HTML parted into tags and text, in one pass. Pure; bounded.

The standard library's parser looks from every `<` for an end that may not be there: a page of them
takes minutes. Here what has no end reaches to the end of the page, as browsers have it, so that
each character is looked at a bounded number of times; and pieces are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

from penjing.core.errors import BadInput

MOST_SOURCE = 50_000_000
"""Of a page's source."""
MOST_PIECES = 1_000_000
"""Tags, comments and stretches of text of one page; attributes that are looked at count too."""
MOST_REFERENCES = 500_000
"""Of `&` in one page."""
_OPEN = re.compile(r"<[a-zA-Z/!?]")
_TAG = re.compile(
    r"""<(/?)([a-zA-Z][^\s/>]*+)((?:[^>"'=]++|=[\s=]*+(?:"[^"]*+"|'[^']*+')?+|["'])*+)>"""
)
"""Quantifiers are possessive: nothing is tried twice. Quotes count where a value may begin."""
_ATTRIBUTE = re.compile(r"""([^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?+""")
_NAMED = re.compile(r"</?[a-zA-Z]")
_COMMENT_END = re.compile(r"--!?>")
_RAW = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.I)
    for name in ("script", "style", "iframe", "noembed", "noframes", "xmp", "title", "textarea")
}
"""Elements with text alone in them, and where that ends."""
_REFERENCED = frozenset(("title", "textarea"))
_LONG_NUMBER = re.compile(r"&#(?:[xX][0-9a-fA-F]{9,}+|[0-9]{9,}+);?")


class Tag(NamedTuple):
    """What stands between `<` and `>`."""

    name: str
    """In lower case."""
    closes: bool
    """It is the end of an element."""
    alone: bool
    """It ends with a slash: the element is empty."""
    source: str
    """The attributes as they were written."""


class Markup:
    """One page's pieces."""

    def __init__(self, page: str) -> None:
        if len(page) > MOST_SOURCE:
            raise BadInput(f"its source is longer than {_millions(MOST_SOURCE)}: split it")
        if page.count("&") > MOST_REFERENCES:
            raise BadInput(f"it has more than {MOST_REFERENCES} of `&`: save it anew")
        self._page = page
        self._left = MOST_PIECES

    def pieces(self) -> Iterator[Tag | str]:
        """Tags and text in their order; comments and declarations are left out."""
        page, at = self._page, 0
        match_tag = _TAG.match
        while True:
            begin = page.find("<", at)
            found = match_tag(page, begin) if begin >= 0 else None
            if found is None:  # not at once a tag: text with such a sign in it, or no tag
                opened = _OPEN.search(page, at)
                if opened is None:
                    break
                begin = opened.start()
                found = match_tag(page, begin)
            self._spend(1)
            if begin > at:
                yield _text(page[at:begin])
            if found is None:
                at = self._beyond(begin)
                continue
            closes, name, source = found.groups()
            tag = Tag(name.lower(), closes == "/", source[-1:] == "/", source)
            yield tag
            at = found.end()
            if tag.name in _RAW and not closes and not tag.alone:
                begin, at = at, self._raw_end(tag.name, at)
                raw = page[begin:at]
                yield _text(raw) if tag.name in _REFERENCED else raw
        if at < len(page):
            yield _text(page[at:])

    def attributes(self, tag: Tag) -> Iterator[tuple[str, str]]:
        """A tag's attributes: names in lower case, values as they were meant."""
        for found in _ATTRIBUTE.finditer(tag.source):
            self._spend(1)
            value = found[2] or found[3] or found[4] or ""
            yield found[1].lower(), _text(value)

    def _beyond(self, begin: int) -> int:
        """Past a comment or a declaration; a tag without an end is all of the rest."""
        page = self._page
        if page.startswith("<!--", begin):
            found = _COMMENT_END.search(page, begin + 2)
            return found.end() if found else len(page)
        if _NAMED.match(page, begin):
            return len(page)
        return page.find(">", begin) + 1 or len(page)

    def _raw_end(self, name: str, at: int) -> int:
        found = _RAW[name].search(self._page, at)
        return found.start() if found else len(self._page)

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise BadInput(f"it has more than {MOST_PIECES} tags: split it")


def _text(source: str) -> str:
    """Character references become characters; a number that is no character, a question mark."""
    if "&" not in source:
        return source
    return unescape(_LONG_NUMBER.sub("\N{REPLACEMENT CHARACTER}", source))


def _millions(number: int) -> str:
    return f"{number // 1_000_000} million"
