"""The weights of a loaded model as its graph uses them, and other bytes in the place of some.

The engine describes a weight by a `ggml_tensor`: type, strides, address. Every operation reads the
description when it runs, so that a weight in another codec takes the place of the loaded one by
changing that, and what is computed then is what a file with those bytes would compute, to the bit.
Nothing of the file is written to. Must not know which codec is good for what.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import Codec
from penjing.core.errors import EngineError
from penjing.engine.llamacpp import LlamaCpp
from penjing.ggml.layout import GGML_MAX_DIMS, GGML_MAX_SRC, EvalCallback, Tensor
from penjing.ggml.library import load

PRODUCTS = ("MUL_MAT", "MUL_MAT_ID")
"""Operations that multiply by a matrix, or by those of a stack that a router has chosen."""
LOOKUP = "GET_ROWS"
OTHER = "other"
"""Any other use, a view of the weight too: its bytes cannot be exchanged."""

_SOME_TOKENS = 8
_ALIGNED = 64

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Use:
    """How a graph uses one weight."""

    operations: frozenset[str]
    """Of `PRODUCTS`, `LOOKUP`, `OTHER`."""
    inputs: frozenset[int]
    """What it is multiplied with: weights that share one read the same."""
    places: frozenset[int]
    """Addresses of its descriptions."""

    @property
    def is_matrix(self) -> bool:
        """Whether all that is done with it is products and lookups."""
        return OTHER not in self.operations


def uses(model: LlamaCpp, names: Iterable[str]) -> dict[str, Use]:
    """How the graph of a short text uses the named weights; those it does not use are absent."""
    survey = _Survey(frozenset(names))
    tokens = [i % model.vocabulary for i in range(_SOME_TOKENS)]
    model.watch(tokens, survey.callback)
    if survey.error is not None:
        raise survey.error
    return {
        name: Use(*(frozenset(survey.seen[name, kind]) for kind in ("does", "reads", "lies")))
        for name in dict.fromkeys(name for name, _ in survey.seen)
    }


class Exchange:
    """Other bytes in the place of loaded weights, of a model that was opened with `repack=False`.

    Not for a model that computes at the same time. `restore` before the model is used otherwise.
    """

    def __init__(self, found: Mapping[str, Use]) -> None:
        self._uses = found
        self._before: dict[int, Tensor] = {}
        self._held: list[Bytes] = []

    def put(self, name: str, codec: Codec, raw: Bytes) -> None:
        """Let the weight be `raw` in `codec`; EngineError where it cannot be exchanged."""
        use = self._uses.get(name)
        if use is None or not use.is_matrix:
            raise EngineError(f"the engine does more with '{name}' than multiply: leave it")
        raw = _aligned(raw)
        self._held.append(raw)
        for place in use.places:
            tensor = Tensor.from_address(place)
            if place not in self._before:
                self._before[place] = Tensor.from_buffer_copy(tensor)
            _describe(tensor, codec, raw)

    def restore(self) -> None:
        """Put the loaded weights back. Calling it twice is harmless."""
        for place, before in self._before.items():
            ctypes.memmove(place, ctypes.byref(before), ctypes.sizeof(Tensor))
        self._before.clear()
        self._held.clear()


def _describe(tensor: Tensor, codec: Codec, raw: Bytes) -> None:
    """Type, strides and address; the sides stay what they are."""
    sides = tuple(tensor.ne)[::-1]
    if codec.nbytes(sides) != raw.nbytes:
        raise EngineError(f"{raw.nbytes} bytes are no tensor of the shape {sides} in {codec.name}")
    tensor.type, tensor.data = codec.type_id, raw.ctypes.data
    tensor.nb[0] = codec.block_bytes
    for side in range(1, GGML_MAX_DIMS):
        tensor.nb[side] = codec.nbytes(sides[GGML_MAX_DIMS - side :])


def _aligned(raw: Bytes) -> Bytes:
    """The same bytes where the engine's vector instructions may read them."""
    if raw.ctypes.data % _ALIGNED == 0 and raw.flags.c_contiguous:
        return raw
    room = np.empty(raw.nbytes + _ALIGNED, np.uint8)
    first = -room.ctypes.data % _ALIGNED
    out = room[first : first + raw.nbytes]
    out[:] = raw
    return out


class _Survey:
    """Looks at every operation and what it reads, and asks for no result."""

    def __init__(self, names: frozenset[str]) -> None:
        self.seen: dict[tuple[str, str], set[Any]] = {}
        self.error: BaseException | None = None
        self._names = names
        self.callback = EvalCallback(self._see)

    def _see(self, pointer: Any, asking: bool, _data: Any) -> bool:
        try:
            if asking:
                self._look(pointer.contents)
        except BaseException as error:  # must not unwind through C
            self.error = error
        return False

    def _look(self, node: Tensor) -> None:
        operation = load().ggml_op_name(node.op).decode()
        for place in range(GGML_MAX_SRC):
            if not node.src[place]:
                continue
            source = node.src[place].contents
            whole = _whole(source)
            name = whole.name.decode("utf-8", "replace")
            if name in self._names:
                direct = place == 0 and ctypes.addressof(whole) == ctypes.addressof(source)
                self._note(name, node, whole, operation if direct else OTHER)

    def _note(self, name: str, node: Tensor, weight: Tensor, operation: str) -> None:
        known = operation in (*PRODUCTS, LOOKUP)
        self._add(name, "does", operation if known else OTHER)
        self._add(name, "lies", ctypes.addressof(weight))
        self.seen.setdefault((name, "reads"), set())
        if operation in PRODUCTS:
            self._add(name, "reads", ctypes.addressof(_whole(node.src[1].contents)))

    def _add(self, name: str, kind: str, value: object) -> None:
        self.seen.setdefault((name, kind), set()).add(value)


def _whole(tensor: Tensor) -> Tensor:
    """What a tensor is a view of, or itself."""
    while tensor.view_src:
        tensor = Tensor.from_address(tensor.view_src)
    return tensor
