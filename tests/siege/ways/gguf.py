"""Model files whose structure is right but for what an attacker changed: opened and used."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import mutate
import tiny
from ground import Ground
from way import Way

from penjing.bundle.gguf_reader import GGUFFile
from penjing.core.messages import GenerationSettings, Message
from penjing.devices.shape import shape_from_gguf
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf

_FAMILIES = ("llama", "qwen2", "qwen3", "gemma3")
_ALIGNMENT = 32


@dataclass(frozen=True)
class _Parts:
    """A file, taken apart."""

    keys: tuple[tuple[str, int, bytes], ...]
    """Name, kind and the bytes after it."""
    tensors: tuple[tuple[str, tuple[int, ...], int, int], ...]
    """Name, sizes (row length first), type and offset."""
    body: bytes
    """Weights."""

    def packed(self, counts: tuple[int, int] | None = None) -> bytes:
        """The file again, written without the project's own writer."""
        rows, keys = counts or (len(self.tensors), len(self.keys))
        out = bytearray(b"GGUF" + struct.pack("<IQQ", 3, rows, keys))
        for name, kind, data in self.keys:
            out += _text(name) + struct.pack("<I", kind) + data
        for name, sizes, kind, offset in self.tensors:
            out += _text(name) + struct.pack("<I", len(sizes))
            out += struct.pack(f"<{len(sizes)}QIQ", *sizes, kind, offset)
        return bytes(out + bytes(-len(out) % _ALIGNMENT) + self.body)


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(data)) + data


def _prepare(ground: Ground) -> list[_Parts]:
    made = []
    for family in _FAMILIES:
        path = ground.folder("tmp") / f"{family}.gguf"
        export_gguf(tiny.checkpoint(family), path, {})
        made.append(_apart(path))
    LlamaCpp.open(path).close()  # the library is loaded before anything is forked
    return made


def _apart(path: Path) -> _Parts:
    with GGUFFile.open(path) as file:
        return _Parts(
            tuple((name, int(one.kind), one.encoded()) for name, one in file.metadata.items()),
            tuple(
                (one.name, tuple(reversed(one.shape)), one.codec.type_id, one.offset)
                for one in file.tensors.values()
            ),
            path.read_bytes()[file.data_offset :],
        )


def _case(seeds: list[_Parts], random: Random, folder: Path) -> str | None:
    path = folder / "model.gguf"
    path.write_bytes(_spoiled(random, random.choice(seeds)))
    shape_from_gguf(path)
    Checkpoint.open(path)
    with LlamaCpp.open(path, context=64, threads=1) as model:
        settings = GenerationSettings(max_tokens=2)
        for _ in model.generate([Message.of("user", "hello")], settings):
            pass
    return None


def _spoiled(random: Random, parts: _Parts) -> bytes:
    what = random.randrange(8)
    if what < 3:
        parts = replace(parts, keys=_keys(random, list(parts.keys)))
    elif what < 5:
        parts = replace(parts, tensors=_tensors(random, list(parts.tensors)))
    elif what == 5:
        parts = replace(parts, body=mutate.spoiled_bytes(random, parts.body))
    counts = None
    if random.random() < 0.05:
        counts = random.choice(mutate.NUMBERS) % 2**64, random.choice(mutate.NUMBERS) % 2**64
    data = parts.packed(counts)
    head = len(data) - len(parts.body)
    return mutate.spoiled_bytes(random, data, head) if what > 5 else data


def _keys(random: Random, keys: list[tuple[str, int, bytes]]) -> tuple[tuple[str, int, bytes], ...]:
    for _ in range(random.choice((1, 1, 2, 3))):
        place = random.randrange(len(keys))
        name, kind, data = keys[place]
        what = random.randrange(7)
        if what == 0:
            del keys[place]
        elif what == 1:
            keys.insert(place, (name, kind, data))
        elif what == 2:
            keys[place] = name, random.randrange(14), data
        elif what == 3:
            keys[place] = name, 8, _text(str(random.choice(("", "a", "盆景", "x" * 5000))))
        elif what == 4:
            whole = {4: "<I", 5: "<i", 10: "<Q", 11: "<q", 6: "<f", 12: "<d", 7: "<?"}
            other = random.choice(list(whole))
            number = random.choice(mutate.NUMBERS)
            keys[place] = name, other, _number(whole[other], number, random)
        else:
            keys[place] = name, kind, mutate.spoiled_bytes(random, data, 32)
    return tuple(keys)


def _number(form: str, number: int, random: Random) -> bytes:
    if form in ("<f", "<d"):
        odd = random.choice((0.0, -1.0, 1e-30, 1e30, float("nan"), float("inf")))
        return struct.pack(form, odd)
    if form == "<?":
        return struct.pack(form, bool(number % 2))
    size = struct.calcsize(form)
    return (number % 256**size).to_bytes(size, "little")


def _tensors(
    random: Random, tensors: list[tuple[str, tuple[int, ...], int, int]]
) -> tuple[tuple[str, tuple[int, ...], int, int], ...]:
    for _ in range(random.choice((1, 1, 2, 3))):
        place = random.randrange(len(tensors))
        name, sizes, kind, offset = tensors[place]
        what = random.randrange(7)
        if what == 0:
            del tensors[place]
        elif what == 1:
            tensors.insert(place, tensors[place])
        elif what == 2:
            tensors[place] = name, sizes, random.randrange(45), offset
        elif what == 3:
            at = random.randrange(len(sizes))
            size = random.choice((*mutate.NUMBERS, sizes[at] * 2, sizes[at] // 2))
            tensors[place] = name, (*sizes[:at], size % 2**64, *sizes[at + 1 :]), kind, offset
        elif what == 4:
            tensors[place] = name, sizes, kind, random.choice((*mutate.NUMBERS, offset + 32))
        elif what == 5:
            tensors[place] = random.choice(tensors)[0], sizes, kind, offset
        else:
            tensors[place] = name, tuple(reversed(sizes)), kind, offset
    return tuple(tensors)


WAY = Way(
    "gguf", "model files with changed structure: refused in one line, or they run", _prepare, _case
)
