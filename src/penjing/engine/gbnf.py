"""llama.cpp's grammar notation (GBNF), read and written again as llguidance's Lark.

llama.cpp's own grammar machine keeps a stack for every way a text can be read, and an ambiguous
grammar has exponentially many; llguidance's parser does the same work in polynomial time and gives
up at a limit. Every character becomes a lexeme of its own, so that no tokenizer of words comes
between: the language stays exactly the one that was written. Pure text to text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from penjing.core.errors import BadInput

_LONGEST = 64 * 1024
_DEEPEST = 64
_MOST_REPEATS = 2000
_MOST_PARTS = 20_000
_NAME = re.compile(r"[a-zA-Z0-9-]+")
_SPACE = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_SPACE_AND_LINES = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_REPEAT = re.compile(r"[*+?]|\{\s*(\d{1,9})\s*(?:(,)\s*(\d{1,9})?\s*)?\}")
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", "\\": "\\", '"': '"', "[": "[", "]": "]"}
_HEX = {"x": 2, "u": 4, "U": 8}


def to_lark(text: str, root: str = "root") -> str:
    """The same grammar for llguidance. Raises BadInput that names the line and what is wrong."""
    return _Reader(text).grammar(root)


class _Reader:
    """Reads from left to right; every method leaves `_at` after what it read."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise BadInput(f"the grammar is longer than {_LONGEST} characters: shorten it")
        self._text = text
        self._at = 0
        self._depth = 0
        self._parts = 0
        self._rules: dict[str, str | None] = {}
        self._numbers: dict[str, int] = {}

    def grammar(self, root: str) -> str:
        self._skip(_SPACE_AND_LINES)
        while self._at < len(self._text):
            name = self._name()
            self._skip(_SPACE)
            self._expect("::=")
            self._skip(_SPACE_AND_LINES)
            self._rules[name] = self._alternatives()
            if self._at < len(self._text) and self._text[self._at] not in "\r\n":
                raise self._wrong("a rule ends with its line")
            self._skip(_SPACE_AND_LINES)
        missing = [name for name in (root, *self._numbers) if self._rules.get(name) is None]
        if missing:
            raise BadInput(f"the grammar cannot be used (no rule '{missing[0][:40]}'): add it")
        lines = [f"start: {self._reference(root)}"]
        lines += [f"{self._reference(name)}: {body}" for name, body in self._rules.items()]
        return "\n".join(lines) + "\n"

    def _alternatives(self) -> str:
        found = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            self._skip(_SPACE_AND_LINES)
            found.append(self._sequence())
        return " | ".join(found)

    def _sequence(self) -> str:
        found = []
        space = _SPACE_AND_LINES if self._depth else _SPACE
        readers: dict[str, Callable[[], str]] = {
            '"': self._literal, "[": self._class, "(": self._group, ".": self._any
        }  # fmt: skip
        while (char := self._peek()) and char not in "|)\r\n":
            if char in readers:
                part = readers[char]()
            elif _NAME.match(char):
                part = self._reference(self._name())
            elif char in "<!":
                raise self._wrong("tokens cannot be named")
            else:
                raise self._wrong(f"{char[:1]!a} begins nothing")
            self._count()
            found.append(part + self._repeat())
            self._skip(space)
        return " ".join(found) or '""'

    def _group(self) -> str:
        self._at += 1
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"over {_DEEPEST} parentheses are open")
        self._skip(_SPACE_AND_LINES)
        body = self._alternatives()
        self._expect(")")
        self._depth -= 1
        return f"({body})"

    def _literal(self) -> str:
        self._at += 1
        chars = []
        while self._peek() != '"':
            chars.append(f"/{_in_class(self._char())}/")
            self._count()
        self._at += 1
        return f"({' '.join(chars)})" if chars else '""'

    def _class(self) -> str:
        self._at += 1
        refused = self._peek() == "^"
        self._at += refused
        ranges = []
        while self._peek() != "]":
            first = last = self._char()
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                last = self._char()
            if last < first:
                raise self._wrong("a range ends before it begins")
            ranges.append(_in_class(first, last)[1:-1])
            self._count()
        self._at += 1
        if not ranges:
            raise self._wrong("a class of characters is empty")
        return f"/[{'^' if refused else ''}{''.join(ranges)}]/"

    def _any(self) -> str:
        self._at += 1
        return "/" + _in_class("\0", "\U0010ffff") + "/"

    def _repeat(self) -> str:
        self._skip(_SPACE)
        match = _REPEAT.match(self._text, self._at)
        if not match:
            return ""
        self._at = match.end()
        if match[0] in "*+?":
            return match[0]
        least = int(match[1])
        most = int(match[3]) if match[3] else least if not match[2] else None
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
            raise self._wrong(f"a repetition must rise and be at most {_MOST_REPEATS}")
        return f"{{{least},{'' if most is None else most}}}"

    def _char(self) -> str:
        char = self._peek()
        if not char or char in "\r\n":
            raise self._wrong("a text in quotes or a class does not end")
        self._at += 1
        if char != "\\":
            return char
        kind = self._peek()
        self._at += 1
        if kind in _ESCAPES and kind:
            return _ESCAPES[kind]
        digits = self._text[self._at : self._at + _HEX.get(kind, 0)]
        self._at += len(digits)
        if not re.fullmatch("[0-9a-fA-F]+", digits) or len(digits) != _HEX.get(kind):
            raise self._wrong("a backslash begins no known escape")
        code = int(digits, 16)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise self._wrong("an escape is no character")
        return chr(code)

    def _name(self) -> str:
        match = _NAME.match(self._text, self._at)
        if not match:
            raise self._wrong("a rule begins with its name")
        self._at = match.end()
        return match[0]

    def _reference(self, name: str) -> str:
        number = self._numbers.setdefault(name, len(self._numbers))
        return f"r{number}"

    def _count(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise self._wrong(f"it has over {_MOST_PARTS} parts")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self, space: re.Pattern[str]) -> None:
        match = space.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _expect(self, what: str) -> None:
        if not self._text.startswith(what, self._at):
            raise self._wrong(f"{what} is expected")
        self._at += len(what)

    def _wrong(self, what: str) -> BadInput:
        line = self._text.count("\n", 0, self._at) + 1
        return BadInput(f"the grammar cannot be used (line {line}: {what}): correct it")


def _in_class(first: str, last: str | None = None) -> str:
    """A class of one character or of a range, as a regular expression of plain ASCII."""
    if last is None or last == first:
        return f"[\\x{{{ord(first):x}}}]"
    return f"[\\x{{{ord(first):x}}}-\\x{{{ord(last):x}}}]"
