"""Holding an answer to a grammar or a JSON schema: which tokens may come next, by llguidance.

Its parser works in polynomial time and stops at limits of its own; then it lets everything pass
without a word, so every question is asked together with a token that may never pass. Both notations
are bounded before the parser sees them. Knows tokens; must not know who is talking.
"""

from __future__ import annotations

import ctypes
import json
import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.core.errors import BadInput, EngineError
from penjing.core.json_schema import loosened
from penjing.core.messages import GenerationSettings
from penjing.engine.gbnf import to_lark
from penjing.engine.stderr_capture import overheard
from penjing.ggml import layout
from penjing.ggml.layout import TokenData, TokenDataArray
from penjing.ggml.library import last_complaint, load

_LONGEST_SCHEMA = 64 * 1024
_DEEPEST_SCHEMA = 64
_MOST_NODES = 10_000
_COMPLAINT = "llg error: "
_SLOWEST = 2.0  # seconds for one token; llguidance's own limits come first on a sane machine

# what the parser writes to stderr while one grammar is built is told to whom it belongs: no other
# answer's complaint may come between
_one_at_a_time = threading.Lock()

# The engine makes llguidance's table of tokens once and knows whose it is by the vocabulary's
# address (llama.cpp, common/llguidance.cpp): this one.
_table_of = [0]

_LOST = "the grammar became too complex here: simplify it"


class Constraint:
    """One answer's grammar. Use `close` when the answer is done.

    sentinel: a control token that ends nothing, which no grammar permits.
    """

    def __init__(self, vocab: int, size: int, sentinel: int, settings: GenerationSettings) -> None:
        self._library = load()
        self._sentinel = sentinel
        self._table = np.zeros(
            size, dtype=[("id", np.int32), ("logit", np.float32), ("p", np.float32)]
        )
        self._sampler = 0
        if settings.json_schema is not None:
            kind, text = "JSON schema", _checked(settings.json_schema)
        else:
            kind, text = "grammar", to_lark(settings.grammar or "")
        self._sampler = self._build(vocab, kind, text)

    def permits(self, token: int) -> bool:
        """Whether a token may come next. Raises EngineError when the parser gave up."""
        asked = (TokenData * 2)(TokenData(token, 1.0, 0.0), TokenData(self._sentinel, 1.0, 0.0))
        self._apply(TokenDataArray(asked, 2, -1, False))
        if np.isfinite(asked[1].logit):
            raise EngineError(_LOST)
        return bool(np.isfinite(asked[0].logit))

    def allowed(self) -> npt.NDArray[np.bool_]:
        """For each token, whether it may come next."""
        self._table["id"] = np.arange(len(self._table))
        self._table["logit"] = 0
        data = self._table.ctypes.data_as(ctypes.POINTER(TokenData))
        self._apply(TokenDataArray(data, len(self._table), -1, False))
        allowed: npt.NDArray[np.bool_] = np.isfinite(self._table["logit"])
        if allowed[self._sentinel]:
            raise EngineError(_LOST)
        if not allowed.any():
            raise EngineError(
                "no token of this model can follow the grammar here: change the grammar, "
                "or use another model"
            )
        return allowed

    def accept(self, token: int) -> None:
        """Go on after a token that `permits`; any other would end the process."""
        self._library.llama_sampler_accept(self._sampler, token)

    def close(self) -> None:
        """Free it. Calling it twice is harmless."""
        if self._sampler:
            self._library.llama_sampler_free(self._sampler)
        self._sampler = 0

    def _apply(self, array: TokenDataArray) -> None:
        with _one_at_a_time:
            started = time.perf_counter()
            self._library.llama_sampler_apply(self._sampler, ctypes.byref(array))
        if time.perf_counter() - started > _SLOWEST:
            raise EngineError(_LOST)

    def _build(self, vocab: int, kind: str, text: str) -> int:
        last_complaint()
        with _one_at_a_time, overheard() as said:
            how = b"json" if kind == "JSON schema" else b"lark"
            init = getattr(self._library, layout.INIT_LLG)
            _table_of[0] = vocab
            self._sampler = init(vocab, how, text.encode()) or 0
            refused = not self._sampler or self._lets_pass(self._sentinel)
            if refused:
                time.sleep(0.05)  # llguidance may complain from a thread of its own
        if refused:
            self.close()
            told = [line for line in said if line.startswith(_COMPLAINT)]
            reason = told[0].removeprefix(_COMPLAINT) if told else last_complaint()
            if "NoExtensionBias" in reason:
                reason = "no text can follow it"
            raise BadInput(f"the {kind} cannot be used ({reason or 'no reason given'}): correct it")
        return self._sampler

    def _lets_pass(self, token: int) -> bool:
        # what llguidance refuses becomes a sampler that constrains nothing
        asked = (TokenData * 1)(TokenData(token, 1.0, 0.0))
        self._library.llama_sampler_apply(
            self._sampler, ctypes.byref(TokenDataArray(asked, 1, -1, False))
        )
        return bool(np.isfinite(asked[0].logit))


def mistaken(vocab: int) -> bool:
    """Whether a model just loaded lies where one lay that is gone, and would be given its tokens.

    Its grammars would be held to the words of the other, or the process would end.
    """
    return vocab == _table_of[0]


def _checked(schema: Mapping[str, Any]) -> str:
    """What a grammar can hold of a schema as text, once its size and depth are known to be sane."""
    nodes, level = 0, list[Any]([schema])
    for _ in range(_DEEPEST_SCHEMA):
        nodes += len(level)
        if nodes > _MOST_NODES:
            raise BadInput(f"the JSON schema has over {_MOST_NODES} parts: simplify it")
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, Mapping) else node)
            if isinstance(child, Mapping | list | tuple)
        ]
        if not level:
            break
    else:
        raise BadInput(f"the JSON schema is over {_DEEPEST_SCHEMA} levels deep: simplify it")
    try:
        text = json.dumps(loosened(schema))
    except (TypeError, ValueError) as error:
        raise BadInput(f"the JSON schema is not JSON ({error}): correct it") from error
    if len(text) > _LONGEST_SCHEMA:
        raise BadInput(f"the JSON schema is longer than {_LONGEST_SCHEMA} characters: shorten it")
    return text
