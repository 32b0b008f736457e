"""Bytes to text, whoever wrote them: Unicode, or what `guessing.py` finds. Pure.

A wrong guess would be kept and cited, so what is no text at all is refused, and what may be one or
another.

Bounded: a codec that a page names is one of a list (Python has some that take the square of the
time), and what cannot be decoded is replaced only so often.
"""

from __future__ import annotations

import codecs

from penjing.core.errors import BadInput
from penjing.knowledge.guessing import guessed

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""UTF-32's little-endian mark begins with UTF-16's: it is looked for first."""
_SAMPLE = 4096
_PIECE = 2**20
_MOST_BROKEN = 100_000
"""Bytes that are no text; each costs a call."""
_DECLARED = frozenset(
    """ascii big5 big5hkscs cp437 cp850 cp866 cp874 cp932 cp949 cp950 euc_jp euc_kr gb18030 gb2312
    gbk hz iso2022_jp iso2022_kr johab koi8-r koi8-u mac-cyrillic mac-roman shift_jis tis-620 utf-8
    utf-16 utf-16-be utf-16-le""".split()  # noqa: SIM905
    + [f"cp{number}" for number in range(1250, 1259)]
    + [f"iso8859-{number}" for number in range(1, 17)]
)
"""What the Web knows, by Python's names."""
_STRAY = 1000
"""Of so many bytes one that nobody knows is no reason to refuse a text."""
_SAME = {"gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252", "shift_jis": "cp932",
         "euc_kr": "cp949", "ascii": "utf-8"}  # fmt: skip
"""What the Web takes some names for."""
_NO_TEXT = "it is not a text: give a text, Markdown, HTML, PDF, DOCX or CSV file"
_UNCLEAR = "it is not clear in which encoding it was written: save it as UTF-8"
_ESCAPED = ((b"\x1b$B", "iso2022_jp"), (b"\x1b$@", "iso2022_jp"), (b"\x1b$)C", "iso2022_kr"))
"""Encodings of seven bits, by what begins their own characters."""


def decode(data: bytes, declared: str = "", most: int | None = None) -> str:
    """The text, with newlines for line ends. Raises BadInput for what is no text.

    Of more than `most` characters nothing is decoded where the bytes tell it already.
    """
    if most is not None and len(data) > 4 * most + 4:  # no encoding needs more for each
        raise BadInput(f"it holds more than {most // 1_000_000} million characters: split it")
    text = _decode(data, declared)
    strange = sum(char < " " and char not in "\t\n\r\f\v\x1b" for char in text[:_SAMPLE])
    if strange > len(text[:_SAMPLE]) // 50:
        raise BadInput(_NO_TEXT)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode(data: bytes, declared: str) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _loosely(data, name)
    if wide := _wide(data):
        return _loosely(data, wide)
    for name in (*_escaped(data), "utf-8"):
        if (text := _strictly(data, name)) is not None:
            return text
    named = _known(declared)
    name = "utf-8" if _nearly(data) else guessed(data, named) or ""
    if not name and named != "utf-8" and (text := _strictly(data, named)) is not None:
        return text
    if not name and len(data.translate(None, bytes(range(128)))) <= len(data) // _STRAY:
        name = "ascii"  # which puts a sign in the place of each
    if not name:
        raise BadInput(_UNCLEAR)
    return _loosely(data, name)


def _escaped(data: bytes) -> list[str]:
    return [name for mark, name in _ESCAPED if mark in data]


def _wide(data: bytes) -> str:
    """UTF-16 without a mark: spaces and line ends make every other byte 0 now and then."""
    head = data[:_SAMPLE]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    few = len(head) // 50 + 1
    if odd > max(few, 4 * even):
        return "utf-16-le"
    if even > max(few, 4 * odd):
        return "utf-16-be"
    return ""


def _known(name: str) -> str:
    try:
        found = codecs.lookup(name.strip()[:40] or "utf-8").name
    except (LookupError, ValueError):
        return "utf-8"
    if found not in _DECLARED:
        return "utf-8"
    return _SAME.get(found, found)


def _strictly(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except (UnicodeError, LookupError):  # broken, or a codec that gives no text
        return None


def _loosely(data: bytes, name: str) -> str:
    """With a sign in place of what is broken. Raises BadInput when that is much."""
    decoder = codecs.getincrementaldecoder(name)("replace")
    pieces, broken = [], 0
    for first in range(0, len(data) or 1, _PIECE):
        last = first + _PIECE >= len(data)
        piece = decoder.decode(data[first : first + _PIECE], last)
        broken += piece.count("\N{REPLACEMENT CHARACTER}")
        if broken > _MOST_BROKEN:
            raise BadInput(_NO_TEXT)
        pieces.append(piece)
    return "".join(pieces)


def _nearly(data: bytes) -> bool:
    """UTF-8 with a few broken bytes is still UTF-8."""
    beyond = data.translate(None, bytes(range(128)))[:_PIECE]
    text = beyond.decode("utf-8", "replace")
    broken = text.count("\N{REPLACEMENT CHARACTER}")
    return len(text) - broken > 4 * broken
