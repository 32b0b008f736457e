"""Ways to spoil things: bytes, and values as JSON and YAML have them. Chance is the caller's."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

ODD: Sequence[Any] = (
    None, True, False, 0, -1, 1, 2**31, 2**32, 2**63, 2**64, -(2**63) - 1, 10**400, -0.0, 1.5,
    1e308, 1e-320, "", " ", "0", "true", "a" * 10_000, "\ud800", "\x00", "\u202e", "../../passwd",
    "/etc/passwd", "盆景", [], {}, [None], [[]], {"": None}, [[[[[[[[]]]]]]]], ["a"] * 1000,
)  # fmt: skip
"""Values of every type that somebody might not expect."""
NUMBERS = (0, 1, 2, 7, 127, 128, 255, 256, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32,
           2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
"""Whole numbers at the edges."""
_TRICKS = (
    "[" * 100_000,
    '{"a":' * 50_000,
    "1" * 5000 + ",",
    "NaN,",
    "-Infinity,",
    "1e999,",
    "\x00",
    "//x\n",
    '"a":1,"a":2,',
    '"\\ud800",',
    '"\\u0000",',
    "'a',",
    ",",
    "1E400,",
    "0x10,",
    "01,",
    '"' + "x" * 10**6,
)
_DEEPEST = 40


def spoiled_bytes(random: Random, data: bytes, within: int | None = None) -> bytes:
    """A few bytes changed, left out, doubled or cut off, in the first `within` if that is given."""
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        end = max(1, min(within or len(out), len(out)))
        at = random.randrange(end)
        what = random.randrange(8)
        if what == 0 and out:
            out[at] ^= 1 << random.randrange(8)
        elif what == 1 and out:
            out[at] = random.choice((0, 0xFF, 0x7F, 0x80, 0x20))
        elif what == 2:
            size = random.choice((4, 8))
            out[at : at + size] = random.choice(NUMBERS).to_bytes(8, "little")[:size]
        elif what == 3:
            del out[at : at + random.choice((1, 2, 8, 64, 4096))]
        elif what == 4:
            out[at:at] = random.randbytes(random.choice((1, 8, 64)))
        elif what == 5:
            out[at:at] = out[at : at + random.choice((8, 64, 4096))]
        elif what == 6 and random.random() < 0.3:
            del out[at:]
        elif out:
            out[at : at + 8] = bytes(8)
    return bytes(out)


def spoiled_value(random: Random, value: Any) -> Any:
    """The same tree with one to four places changed: odd values, parts gone, doubled or moved."""
    tree = copy.deepcopy(value)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        tree = _once(random, tree)
    return tree


def _once(random: Random, tree: Any) -> Any:
    places = list(_places(tree))
    if not places:
        return copy.deepcopy(random.choice(ODD))
    holder, key = random.choice(places)
    what = random.randrange(10)
    if what < 6:
        holder[key] = copy.deepcopy(random.choice(ODD))
    elif what == 6:
        del holder[key]
    elif what == 7:
        other, at = random.choice(places)
        holder[key] = copy.deepcopy(other[at]) if at in range_of(other) else None
    elif what == 8 and isinstance(holder, dict):
        holder[random.choice(("", "x" * 300, "\u202e", "__proto__", "name"))] = holder.pop(key)
    else:
        holder[key] = _deep(random.choice((30, 100)))
    return tree


def json_text(random: Random, value: Any) -> str:
    """A spoiled value as JSON, now and then with what no value can be written as."""
    text = json.dumps(spoiled_value(random, value), ensure_ascii=random.random() < 0.9)
    if random.random() < 0.25:
        trick = random.choice(_TRICKS)
        at = random.choice([place for place, char in enumerate(text) if char in ",:{["] or [0])
        text = f"{text[: at + 1]}{trick}{text[at + 1 :]}"
    return text


def range_of(holder: Any) -> Any:
    """The keys or places that a container has now."""
    return holder if isinstance(holder, dict) else range(len(holder))


def _places(tree: Any, depth: int = 0) -> Any:
    if isinstance(tree, dict | list) and depth < _DEEPEST:
        for key in range_of(tree):
            yield tree, key
            yield from _places(tree[key], depth + 1)


def _deep(levels: int) -> Any:
    made: Any = 0
    for _ in range(levels):
        made = [made]
    return made


def irregular(random: Random, path: Path, decoys: Path) -> str:
    """Put something that is no regular file where one is expected; what it is."""
    path.unlink(missing_ok=True)
    kinds: dict[str, Callable[[], Any]] = {
        "a pipe": lambda: os.mkfifo(path),
        "a folder": path.mkdir,
        "a link to a decoy": lambda: path.symlink_to(decoys / random.choice(("passwd", "shadow"))),
        "a link to itself": lambda: path.symlink_to(path.name),
        "a link to nothing": lambda: path.symlink_to("not-there"),
        "an endless device": lambda: path.symlink_to("/dev/zero"),
        "nothing": lambda: None,
        "an empty file": lambda: path.write_bytes(b""),
    }
    kind = random.choice(list(kinds))
    kinds[kind]()
    return kind
