"""A model's own words, without what only the retriever may make: citations. Pure.

Who has read `“…” [1]` writes the like, to any question. What is said for a document is marked where
it is quoted (`answer.py`) and nowhere else: here a model's brackets with numbers go, and quotation
marks that such a bracket follows. Code is left as it is.
"""

from __future__ import annotations

import re

_NUMBERS = r"\d{1,3}(?:\s?[,，、–-]\s?\d{1,3}){0,8}"
_BRACKET = re.compile(rf"[\[【]\s?\^?{_NUMBERS}\s?[\]】]")
_HALF = re.compile(r"[\[【][\d\s,，、–^-]{0,40}\Z")
_BEHIND = re.compile(rf"\s{{0,2}}{_BRACKET.pattern}")
_INDEXED = re.compile(r"(?:[\])`]|\w*_\w*|\b[a-zA-Z]{1,2}|[a-z]\w*\.\w+)\Z", re.A)
"""What a number in brackets may be an index of."""
_SPECIAL = re.compile(r"[`\[【“]|[ \t]+\Z")
_MARK = re.compile(r"\[(?=\d{1,3}\])")
_REACH = 40
_LONGEST = 400
"""Characters of a quotation that are waited for."""


def unmarked(text: str) -> str:
    """A quoted text in which nothing reads as a citation: its own "[2]" is parted, unseen."""
    return _MARK.sub("[\u2060", text)


def unframed(text: str) -> str:
    """What was said, as a model shall remember it: the words alone."""
    return Uncited().take(text, last=True)


class Uncited:
    """Takes a text in pieces and gives it back as soon as it is known what it is."""

    def __init__(self) -> None:
        self._text = ""
        self._said = ""
        self._fence = ""

    def take(self, piece: str, *, last: bool = False) -> str:
        """What may be said now; all of it with the last piece."""
        self._text += piece
        said: list[str] = []
        while self._text:
            length, words = self._next(last)
            if length == 0:
                break
            self._text = self._text[length:]
            self._said = (self._said + words)[-_REACH:]
            said.append(words)
        return "".join(said)

    def _next(self, last: bool) -> tuple[int, str]:
        """How much of the text is known, and what of it is said; 0 where more must come first."""
        text = self._text
        if self._fence:
            return self._code(last)
        found = _SPECIAL.search(text)
        if found is None:
            return len(text), text
        if found.start() > 0 and text[found.start() - 1] not in " \t":
            return found.start(), text[: found.start()]
        if found.start() > 0:  # the space before it goes with it, or stays
            spaces = found.start() - len(text[: found.start()].rstrip(" \t"))
            if found.start() > spaces:
                return found.start() - spaces, text[: found.start() - spaces]
            return self._special(found.start(), last)
        return self._special(0, last)

    def _special(self, at: int, last: bool) -> tuple[int, str]:
        text, sign = self._text, self._text[at]
        if sign in " \t":
            return (len(text), text) if last else (0, "")
        if sign == "“":
            return self._quotation(at, last)
        if sign != "`":
            return self._bracket(at, last)
        run = len(text[at:]) - len(text[at:].lstrip("`"))
        if at + run == len(text) and not last:
            return 0, ""
        self._fence = "`" * run
        return at + run, text[: at + run]

    def _bracket(self, at: int, last: bool) -> tuple[int, str]:
        text = self._text
        found = _BRACKET.match(text, at)
        end = found.end() if found else at + 1
        half = _HALF.match(text, at) if found is None else end == len(text)
        if half and not last:
            return 0, ""
        own = text[end : end + 1] in ("(", "[", ":") or (
            text[at] == "[" and _INDEXED.search((self._said + text[:at])[-_REACH:])
        )
        return end, text[:end] if own or found is None else ""

    def _quotation(self, at: int, last: bool) -> tuple[int, str]:
        text = self._text
        end = text.find("”", at)
        stops = 0 <= text.find("\n", at) < (end if end >= 0 else len(text))
        if stops or (end < 0 and (last or len(text) - at > _LONGEST)):
            return at + 1, text[: at + 1]
        if end < 0:
            return 0, ""
        behind = text[end + 1 : end + 60]
        if found := _BEHIND.match(behind):
            return end + 1 + found.end(), text[:at] + unframed(text[at + 1 : end])
        if not last and (not behind.strip() or _HALF.match(behind.lstrip())):
            return 0, ""
        return end + 1, text[: end + 1]

    def _code(self, last: bool) -> tuple[int, str]:
        """Up to its end; code in a line ends with the line at the latest."""
        text, run = self._text, self._fence
        end = text.find(run)
        line = text.find("\n") if len(run) < 3 else -1
        if end < 0 <= line or 0 <= line < end:
            self._fence = ""
            return line + 1, text[: line + 1]
        if end >= 0:
            self._fence = ""
            return end + len(run), text[: end + len(run)]
        if last:
            return len(text), text
        kept = len(text) - len(text.rstrip("`"))
        return len(text) - kept, text[: len(text) - kept]
