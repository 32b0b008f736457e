"""One llama.cpp context: the memory of what was read, and the batches that are run in it.

The only file that fills a `llama_batch`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penjing.core.errors import EngineError
from penjing.core.interrupts import deferred
from penjing.ggml.library import last_complaint, load

BATCH = 512
"""Tokens the engine takes in one call."""


@dataclass(frozen=True)
class Entry:
    """One token of a batch."""

    token: int
    """Its id."""
    position: int
    """Its place in the text."""
    rows: tuple[int, ...]
    """The sequences it belongs to, at least one."""
    wanted: bool
    """Whether its logits are kept."""


class Context:
    """Keys and values of up to `length` tokens, shared by `sequences` rows.

    outputs: for how many tokens of one batch logits may be asked; each costs a row of the
    vocabulary in float32. watcher: a `ggml.layout.EvalCallback` that sees every operation.
    """

    def __init__(
        self,
        model: int,
        length: int,
        *,
        threads: int,
        outputs: int = 1,
        sequences: int = 1,
        watcher: ctypes._FuncPointer | None = None,
    ) -> None:
        self._library = load()
        self._pointer = 0
        self.length = length
        params = self._library.llama_context_default_params()
        params.n_ctx = length
        params.n_batch = params.n_ubatch = min(length, BATCH)
        params.n_seq_max, params.kv_unified = sequences, sequences > 1
        params.n_outputs_max = params.n_outputs_max_per_seq = min(outputs, BATCH)
        params.n_threads = params.n_threads_batch = threads
        if watcher is not None:
            params.cb_eval = ctypes.cast(watcher, ctypes.c_void_p)
        last_complaint()
        with deferred():
            self._pointer = self._library.llama_init_from_model(model, params) or 0
        if not self._pointer:
            raise EngineError(
                f"no context of {length} tokens ({last_complaint() or 'out of memory'}): "
                "try a smaller --context"
            )

    @property
    def pointer(self) -> int:
        """For the samplers, which read the logits themselves."""
        return self._pointer

    def clear(self) -> None:
        """Forget everything."""
        self._library.llama_memory_clear(self._memory(), False)

    def keep(self, count: int) -> bool:
        """Forget all but the first `count` tokens; False where the model's memory cannot."""
        return bool(self._library.llama_memory_seq_rm(self._memory(), 0, count, -1))

    def read(self, tokens: Sequence[int], first: int, *, all_logits: bool = False) -> None:
        """Run tokens of one sequence that begin at position `first`."""
        positions = range(first, first + len(tokens))
        self.run(tokens, positions, [0] * len(tokens), all_logits=all_logits)

    def run(
        self,
        tokens: Sequence[int],
        positions: Sequence[int],
        rows: Sequence[int],
        *,
        all_logits: bool,
    ) -> None:
        """Run one batch of at most 512 tokens; logits are kept for all of it or for its last."""
        last = len(tokens) - 1
        self.run_entries(
            [
                Entry(token, positions[i], (rows[i],), all_logits or i == last)
                for i, token in enumerate(tokens)
            ]
        )

    def run_entries(self, entries: Sequence[Entry]) -> None:
        """Run one batch of at most 512 tokens, of which each may belong to several sequences."""
        count = len(entries)
        batch = self._library.llama_batch_init(count, 0, max(len(each.rows) for each in entries))
        try:
            batch.n_tokens = count
            for i, each in enumerate(entries):
                batch.token[i] = each.token
                batch.pos[i] = each.position
                batch.n_seq_id[i] = len(each.rows)
                for at, row in enumerate(each.rows):
                    batch.seq_id[i][at] = row
                batch.logits[i] = each.wanted
            with deferred():  # a watcher is Python code
                status = self._library.llama_decode(self._pointer, batch)
        finally:
            self._library.llama_batch_free(batch)
        if status != 0:
            raise EngineError(
                f"the engine could not run {count} tokens (status {status}): "
                f"{last_complaint() or 'try a smaller --context'}"
            )

    def logits(self, count: int, vocabulary: int) -> npt.NDArray[np.float32]:
        """[count, vocabulary] of the last batch: a view, overwritten by the next one."""
        pointer = self._library.llama_get_logits(self._pointer)
        floats = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(floats, (count, vocabulary))

    def free(self) -> None:
        """Give the memory back. Calling it twice is harmless."""
        if self._pointer:
            with deferred():
                self._library.llama_free(self._pointer)
        self._pointer = 0

    def _memory(self) -> int:
        pointer: int = self._library.llama_get_memory(self._pointer)
        return pointer
