"""GGUF files with one metadata key other than it was: every key, every type, every odd value."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from penjing.bundle.gguf_reader import GGUFFile

_NUMBERS = (0, 1, -1, 2, 3, 7, 255, 512, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1,
            2**63, 2**64 - 1, -(2**31), -(2**63))  # fmt: skip
_REALS = ("nan", "inf", "-inf", "0", "-0.0", "1", "-1", "1e-45", "3e38", "1e308", "0.5")
_WHOLE = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 10: "<Q", 11: "<q"}
_REAL = {6: "<f", 12: "<d"}
_TEXTS = ("", "x", "llama", "1", "\0", "\n\x1b[31m", "盆景", "x" * 100_000, "{% for x in y %}")
_STRING, _BOOL, _ARRAY = 8, 7, 9

Field = tuple[int, bytes]
"""A type and the bytes after it."""


def values() -> Iterator[Field]:
    """Every type with odd values of it; those of unknown types last."""
    for kind, layout in _WHOLE.items():
        yield from ((kind, data) for number in _NUMBERS if (data := _fits(layout, number)))
    for kind, layout in _REAL.items():
        yield from ((kind, data) for text in _REALS if (data := _fits(layout, float(text))))
    yield from ((_BOOL, bytes([one])) for one in (0, 1, 2))
    yield from ((_STRING, _text(text.encode())) for text in _TEXTS)
    yield _STRING, _text(b"\xff\xfe")
    yield _STRING, struct.pack("<Q", 2**63) + b"x"
    yield from ((_ARRAY, data) for data in _arrays())
    yield 13, b"\0" * 8
    yield 2**32 - 1, b""


def _arrays() -> Iterator[bytes]:
    for kind, layout in {**_WHOLE, **_REAL, _BOOL: "<?"}.items():
        for count in (0, 1, 3, 512):
            yield struct.pack("<IQ", kind, count) + struct.pack(layout, 1) * count
    for count in (0, 1, 3, 300):
        yield struct.pack("<IQ", _STRING, count) + _text(b"a") * count
    yield struct.pack("<IQ", 4, 2**62)
    inner = struct.pack("<IQ", 4, 1) + struct.pack("<I", 1)
    for _ in range(6):
        yield struct.pack("<IQ", _ARRAY, 1) + inner
        inner = struct.pack("<IQ", _ARRAY, 1) + inner


def files(path: Path) -> Iterator[tuple[str, bytes]]:
    """The file at `path` with one key changed, left out or twice: what was done, and the bytes."""
    keys, rest, tensors = _apart(path)
    for at, (name, _) in enumerate(keys):
        yield f"without {name}", _packed(keys[:at] + keys[at + 1 :], rest, tensors)
        yield f"{name} twice", _packed([*keys, keys[at]], rest, tensors)
        for field in values():
            changed = [*keys[:at], (name, field), *keys[at + 1 :]]
            yield f"{name} = {field[0]} {field[1][:24]!r}", _packed(changed, rest, tensors)


def _apart(path: Path) -> tuple[list[tuple[str, Field]], bytes, int]:
    with GGUFFile.open(path) as file:
        keys = [(name, (int(one.kind), one.encoded())) for name, one in file.metadata.items()]
        table = b""
        for one in file.tensors.values():
            sizes = tuple(reversed(one.shape))
            table += _text(one.name.encode()) + struct.pack("<I", len(sizes))
            table += struct.pack(f"<{len(sizes)}QIQ", *sizes, one.codec.type_id, one.offset)
        return keys, table + b"@@body@@" + path.read_bytes()[file.data_offset :], len(file.tensors)


def _packed(keys: list[tuple[str, Field]], rest: bytes, tensors: int) -> bytes:
    out = b"GGUF" + struct.pack("<IQQ", 3, tensors, len(keys))
    for name, (kind, data) in keys:
        out += _text(name.encode()) + struct.pack("<I", kind) + data
    table, _, body = rest.partition(b"@@body@@")
    out += table
    return out + bytes(-len(out) % 32) + body


def _text(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


def _fits(layout: str, number: float) -> bytes:
    try:
        return struct.pack(layout, number)
    except (struct.error, OverflowError):
        return b""
