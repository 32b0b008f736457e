"""The KV cache of several texts in one llama.cpp context: each row has its own keys and values.

Rows lie apart in memory (no unified cache): attention reads only its own row, and what one row
holds can never be read by another. Knows tokens and rows; must not know whose they are.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from penjing.core.errors import EngineError
from penjing.core.interrupts import deferred
from penjing.ggml.layout import Batch
from penjing.ggml.library import last_complaint, load

BATCH = 512
"""Tokens the engine takes in one call."""


@dataclass(frozen=True)
class Piece:
    """Tokens that go on in one row."""

    row: int
    """Which row."""
    first: int
    """Position of the first of them."""
    tokens: Sequence[int]
    """The tokens."""
    wanted: bool
    """Whether the logits of the last one are."""


class Rows(Protocol):
    """The memory of several texts and the steps that extend them. `LlamaRows`, or a fake."""

    @property
    def count(self) -> int:
        """How many rows there are."""
        ...

    @property
    def length(self) -> int:
        """Tokens that fit a row."""
        ...

    def run(self, pieces: Sequence[Piece]) -> npt.NDArray[np.float32]:
        """One step of at most `BATCH` tokens, at most one piece for a row, in order of rows.

        (Neighbouring rows are computed together.) Returns [wanted, vocabulary], in the order of
        the pieces: memory that the next step overwrites and that the caller may change. Raises
        EngineError when it could not be run; what its rows hold is then unknown.
        """
        ...

    def keep(self, row: int, count: int) -> bool:
        """Forget all but a row's first `count` tokens; False: all was forgotten."""
        ...

    def copy(self, source: int, target: int) -> None:
        """Let a row hold what another holds, instead of what it held."""
        ...

    def close(self) -> None:
        """Free the memory. Calling it twice is harmless."""
        ...


class LlamaRows:
    """Satisfies `Rows`. `model` is llama.cpp's; `length` tokens for each of `count` rows."""

    def __init__(self, model: int, vocabulary: int, *, count: int, length: int, threads: int):
        self._library = load()
        self._vocabulary = vocabulary
        self._pointer = 0
        self._count, self._length = count, length
        params = self._library.llama_context_default_params()
        params.n_ctx = count * length
        params.n_batch = params.n_ubatch = BATCH
        params.n_seq_max, params.kv_unified = count, False
        params.n_outputs_max, params.n_outputs_max_per_seq = count, 1
        params.n_threads = params.n_threads_batch = threads
        last_complaint()
        with deferred():
            self._pointer = self._library.llama_init_from_model(model, params) or 0
        if not self._pointer:
            raise EngineError(
                f"no memory for {count} texts of {length} tokens "
                f"({last_complaint() or 'out of memory'}): try fewer places or a smaller --context"
            )
        self._memory: int = self._library.llama_get_memory(self._pointer)
        self._make_batch()

    def _make_batch(self) -> None:
        """A batch in numpy's memory: filling it takes a few copies, not a call for each token."""
        self._tokens = np.zeros(BATCH, np.int32)
        self._positions = np.zeros(BATCH, np.int32)
        self._ones = np.ones(BATCH, np.int32)
        self._rows = np.zeros(BATCH, np.int32)
        self._row_pointers = np.arange(BATCH, dtype=np.uint64) * 4 + self._rows.ctypes.data
        self._wanted = np.zeros(BATCH, np.int8)
        ints, bytes_ = ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_int8)
        self._batch = Batch(
            0,
            self._tokens.ctypes.data_as(ints),
            None,
            self._positions.ctypes.data_as(ints),
            self._ones.ctypes.data_as(ints),
            self._row_pointers.ctypes.data_as(ctypes.POINTER(ints)),
            self._wanted.ctypes.data_as(bytes_),
        )

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._count

    @property
    def length(self) -> int:
        """Tokens that fit a row."""
        return self._length

    def run(self, pieces: Sequence[Piece]) -> npt.NDArray[np.float32]:
        """One step; see `Rows.run`."""
        at = wanted = 0
        for piece in pieces:
            end = at + len(piece.tokens)
            self._tokens[at:end] = piece.tokens
            self._positions[at:end] = np.arange(piece.first, piece.first + end - at)
            self._rows[at:end] = piece.row
            self._wanted[at:end] = 0
            self._wanted[end - 1] = piece.wanted
            wanted += piece.wanted
            at = end
        self._batch.n_tokens = at
        with deferred():
            status = self._library.llama_decode(self._pointer, self._batch)
        if status != 0:
            raise EngineError(
                f"the engine could not run {at} tokens (status {status}): "
                f"{last_complaint() or 'try a smaller --context'}"
            )
        return self._logits(wanted)

    def _logits(self, count: int) -> npt.NDArray[np.float32]:
        if not count:
            return np.empty((0, self._vocabulary), np.float32)
        pointer = self._library.llama_get_logits(self._pointer)
        floats = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(floats, (count, self._vocabulary))

    def keep(self, row: int, count: int) -> bool:
        """Forget all but a row's first `count` tokens; False: all was forgotten."""
        if count and self._library.llama_memory_seq_rm(self._memory, row, count, -1):
            return True
        self._library.llama_memory_seq_rm(self._memory, row, -1, -1)
        return not count

    def copy(self, source: int, target: int) -> None:
        """Let a row hold what another holds; the engine copies the bytes at the next step."""
        self._library.llama_memory_seq_rm(self._memory, target, -1, -1)
        self._library.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def close(self) -> None:
        """Free the memory. Calling it twice is harmless."""
        if self._pointer:
            with deferred():
                self._library.llama_free(self._pointer)
        self._pointer = 0
