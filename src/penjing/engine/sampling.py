"""Choosing the next token: llama.cpp's samplers in llama.cpp's order, and a grammar beside them."""

from __future__ import annotations

import ctypes
import json
import secrets
import time

import numpy as np

from penjing.core.errors import BadInput, EngineError
from penjing.core.messages import GenerationSettings
from penjing.engine.overheard import overheard
from penjing.ggml import layout
from penjing.ggml.layout import TokenData, TokenDataArray
from penjing.ggml.library import last_complaint, load

_REPEAT_WINDOW = 64
_MAX_GRAMMAR = 256 * 1024
_MAX_PARENTHESES = 5000


class Sampler:
    """One answer's sampler. Use `close` when the answer is done."""

    def __init__(self, vocab: int, vocab_size: int, settings: GenerationSettings) -> None:
        self._library = load()
        self._chain = 0
        self._vocab_size = vocab_size
        if settings.grammar is not None and settings.json_schema is not None:
            raise BadInput("a grammar and a JSON schema exclude each other: give one")
        self._grammar = self._build_grammar(vocab, settings)  # may refuse: before the chain
        self._chain = self._build_chain(settings)

    def _build_grammar(self, vocab: int, settings: GenerationSettings) -> int | None:
        if settings.json_schema is not None:
            kind, text = "JSON schema", json.dumps(settings.json_schema)
        elif settings.grammar is not None:
            kind, text = "grammar", settings.grammar
        else:
            return None
        if len(text) > _MAX_GRAMMAR:
            raise BadInput(f"the {kind} is longer than {_MAX_GRAMMAR} characters: shorten it")
        if text.count("(") > _MAX_PARENTHESES:  # the parser recurses
            raise BadInput(f"the {kind} has over {_MAX_PARENTHESES} parentheses: simplify it")
        last_complaint()
        with overheard() as said:
            sampler = self._init_grammar(vocab, kind, text)
            if not sampler:
                time.sleep(0.05)  # llguidance may complain from a thread of its own
        if not sampler:
            reason = last_complaint()
            if said:  # "parse: error parsing grammar: ...", "llg error: ..."
                reason = (
                    said[0].rpartition("error parsing grammar: ")[2].removeprefix("llg error: ")
                )
            raise BadInput(f"the {kind} cannot be used ({reason or 'no reason given'}): correct it")
        return int(sampler)

    def _init_grammar(self, vocab: int, kind: str, text: str) -> int | None:
        library = self._library
        if kind == "grammar":
            return library.llama_sampler_init_grammar(vocab, text.encode(), b"root") or None
        sampler: int = getattr(library, layout.INIT_LLG)(vocab, b"json", text.encode()) or 0
        if sampler and self._permits(sampler, self._closing_brace(vocab)):
            # a schema llguidance refuses becomes a sampler that constrains nothing
            library.llama_sampler_free(sampler)
            return None
        return sampler or None

    def _closing_brace(self, vocab: int) -> int:
        """A token no JSON text can begin with; some vocabularies put a space before it."""
        out = (ctypes.c_int32 * 4)()
        count: int = self._library.llama_tokenize(vocab, b"}", 1, out, 4, False, False)
        return out[max(count, 1) - 1]

    def _build_chain(self, settings: GenerationSettings) -> int:
        library = self._library
        chain: int = library.llama_sampler_chain_init(library.llama_sampler_chain_default_params())
        links = []
        if settings.repeat_penalty != 1.0:
            links.append(
                library.llama_sampler_init_penalties(
                    self._vocab_size, _REPEAT_WINDOW, settings.repeat_penalty, 0.0, 0.0
                )
            )
        if settings.temperature <= 0:
            links.append(library.llama_sampler_init_greedy())
        else:
            if settings.top_k > 0:
                links.append(library.llama_sampler_init_top_k(settings.top_k))
            if settings.top_p < 1:
                links.append(library.llama_sampler_init_top_p(settings.top_p, 1))
            if settings.min_p > 0:
                links.append(library.llama_sampler_init_min_p(settings.min_p, 1))
            seed = secrets.randbits(32) if settings.seed is None else settings.seed & 0xFFFFFFFF
            links.append(library.llama_sampler_init_temp(settings.temperature))
            links.append(library.llama_sampler_init_dist(seed))
        for link in links:
            library.llama_sampler_chain_add(chain, link)
        return chain

    def sample(self, context: int, at: int = -1) -> int:
        """The token that follows row `at` of the last batch decoded in `context`."""
        token: int = self._library.llama_sampler_sample(self._chain, context, at)
        if self._grammar is None:
            return token
        if not self._permits(
            self._grammar, token
        ):  # only then pay for masking the whole vocabulary
            token = self._sample_masked(context, at)
            if not self._permits(self._grammar, token):  # accepting it would end the process
                raise EngineError(
                    "no token of this model can follow the grammar here: change the grammar, "
                    "or use another model"
                )
        self._library.llama_sampler_accept(self._grammar, token)
        return token

    def close(self) -> None:
        """Free both samplers."""
        for sampler in (self._chain, self._grammar):
            if sampler:
                self._library.llama_sampler_free(sampler)
        self._chain, self._grammar = 0, None

    def _permits(self, grammar: int, token: int) -> bool:
        one = (TokenData * 1)(TokenData(token, 1.0, 0.0))
        array = TokenDataArray(one, 1, -1, False)
        self._library.llama_sampler_apply(grammar, ctypes.byref(array))
        return bool(np.isfinite(one[0].logit))

    def _sample_masked(self, context: int, at: int) -> int:
        pointer = self._library.llama_get_logits_ith(context, at)
        logits = np.ctypeslib.as_array(
            ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (self._vocab_size,)
        )
        table = np.zeros(
            self._vocab_size, dtype=[("id", np.int32), ("logit", np.float32), ("p", np.float32)]
        )
        table["id"] = np.arange(self._vocab_size)
        table["logit"] = logits
        data = table.ctypes.data_as(ctypes.POINTER(TokenData))
        array = TokenDataArray(data, self._vocab_size, -1, False)
        self._library.llama_sampler_apply(self._grammar, ctypes.byref(array))
        self._library.llama_sampler_apply(self._chain, ctypes.byref(array))
        token: int = array.data[array.selected].id
        return token
