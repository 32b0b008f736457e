"""JSON from a stranger, as plain values that can be trusted to be plain.

What Python's reader lets through and every later line would have to think of is refused here: a key
twice, NaN and infinities, numbers no machine number holds, half a character, nesting without end,
more values than memory wants. Whether a value means anything is for who asked.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from penjing.core.errors import FormatError
from penjing.core.strangers import BYTE_ORDER_MARK, read_plain

MAX_NESTING = 64
MAX_VALUES = 8 * 2**20
"""Counted as commas and brackets; a vocabulary of 262,144 tokens with its merges needs 2 million.
A value costs up to 64 bytes of memory."""

_MANY_DIGITS = re.compile(r"\d{18}|[eE]\+?\d{3}")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_LARGEST = 2**64


def read_json(
    path: Path,
    *,
    limit: int,
    inside: Path | None = None,
    constants: bool = False,
    remedy: str = "mend it, or get it again",
) -> Any:
    """A JSON file's value. BadInput where it cannot be read, FormatError where it is not sound.

    `remedy` is what whoever reads it can do about that: not everybody may mend it.
    """
    data = read_plain(path, limit=limit, inside=inside)
    try:
        return parse_json(data, constants=constants)
    except FormatError as error:
        raise FormatError(f"{path}: {error}: {remedy}") from error


def parse_json(data: bytes | str, *, constants: bool = False) -> Any:
    """The value of a JSON text; FormatError says what is wrong, without saying of which file.

    Numbers without fraction are ints where 64 bits hold them, signed or not, and floats beyond.
    `constants`: NaN and Infinity are numbers, as Python writes them into files of our own.
    """
    text = _decoded(data)
    if sum(map(text.count, ",[{")) > MAX_VALUES:
        raise FormatError(f"it holds more than {MAX_VALUES} values")
    hooks: dict[str, Any] = {} if constants else {"parse_constant": _refused}
    if _MANY_DIGITS.search(text):
        hooks |= {"parse_int": _whole, "parse_float": _real}
    try:
        found = json.loads(text, object_pairs_hook=_once, **hooks)
    except RecursionError as error:
        raise FormatError("it is nested too deeply") from error
    except ValueError as error:
        raise FormatError(f"it is not JSON ({error})") from error
    _require_shallow(found)
    if _HALF.search(text):
        _require_whole_characters(found)
    return found


def is_whole(value: Any) -> bool:
    """Whether it is a whole number. True and 1.0 are none."""
    return type(value) is int


def finite(value: Any) -> float | None:
    """A number as a float; None for what is none, or is not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        real = float(value)
    except OverflowError:
        return None
    return real if math.isfinite(real) else None


def _decoded(data: bytes | str) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise FormatError(f"it is not UTF-8 (byte {error.start})") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FormatError("a key appears twice in one object")
    return found


def _refused(text: str) -> Any:
    raise FormatError(f"{text} is not JSON")


def _whole(text: str) -> int | float:
    if len(text) < 22 and -_LARGEST // 2 <= (number := int(text)) < _LARGEST:
        return number
    return _real(text)


def _real(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise FormatError(f"the number {text[:20]}... in it is too large")
    return number


def _require_shallow(found: Any) -> None:
    level = [found] if isinstance(found, dict | list) else []
    for _ in range(MAX_NESTING):
        level = [
            item
            for holder in level
            for item in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise FormatError(f"it is nested more than {MAX_NESTING} deep")


def _require_whole_characters(found: Any) -> None:
    """Half a surrogate pair is text to Python, and to nobody who would have to write it."""
    level = [found]
    while level:
        item = level.pop()
        if isinstance(item, dict):
            level += [*item, *item.values()]
        elif isinstance(item, list):
            level += item
        elif isinstance(item, str) and not _encodes(item):
            raise FormatError(f"the text {item[:20]!a} in it holds half a character")


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
