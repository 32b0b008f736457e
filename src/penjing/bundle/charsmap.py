"""A table of replacements in the form in which sentencepiece, and llama.cpp after it, read one.

The form is a trie in one array of 32-bit units (a darts-clone double array): the unit of a child
stands at `base XOR byte` and repeats the byte; what ends a key points to where its replacement
begins in the texts after the array. Pure; knows no model.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

_LEAF = 1 << 8
_VALUE = 1 << 31
_BASE_BITS = 21
_BLOCK = 256


def charsmap(replacements: Mapping[str, str]) -> bytes:
    """What GGUF calls `tokenizer.ggml.precompiled_charsmap`; the same bytes for the same table."""
    texts, places = bytearray(), {}
    for replacement in sorted({*replacements.values()}):
        places[replacement] = len(texts)
        texts += replacement.encode("utf-8") + b"\0"
    root: dict[int, object] = {}
    for key in sorted(replacements):
        node = root
        for byte in key.encode("utf-8"):
            node = node.setdefault(byte, {})  # type: ignore[assignment]
        node[0] = places[replacements[key]]
    units = _Units()
    units.place(root, 0)
    packed = struct.pack(f"<{len(units.array)}I", *units.array)
    return struct.pack("<I", len(packed)) + packed + bytes(texts)


class _Units:
    """The array while it grows."""

    def __init__(self) -> None:
        self.array = [0] * _BLOCK
        self._taken = {0}
        self._bases: set[int] = set()
        self._from = 1

    def place(self, node: Mapping[int, object], at: int) -> None:
        """Give the children of the node at `at` their places, then theirs."""
        base = self._free_base(list(node))
        self._bases.add(base)
        self._taken |= {base ^ byte for byte in node}
        offset = at ^ base
        if offset >> _BASE_BITS:
            raise OverflowError("the table of replacements is too large")
        self.array[at] |= offset << 10 | (_LEAF if 0 in node else 0)
        for byte, child in node.items():
            place = base ^ byte
            if isinstance(child, int):
                self.array[place] = _VALUE | child
            else:
                self.array[place] = byte
        for byte, child in node.items():
            if not isinstance(child, int):
                self.place(child, base ^ byte)  # type: ignore[arg-type]

    def _free_base(self, labels: list[int]) -> int:
        while self._from in self._bases or self._from in self._taken:
            self._from += 1
        base = self._from
        while base in self._bases or any(base ^ byte in self._taken for byte in labels):
            base += 1
        while len(self.array) <= base | (_BLOCK - 1):
            self.array += [0] * _BLOCK
        return base
