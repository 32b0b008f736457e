"""llama.cpp's own chain for the next token: for texts that must stay as they are.

Calibration texts are written with these, and what was measured with them would change with any
other draw of random numbers. Answers for people are chosen in `sampler.py`.
"""

from __future__ import annotations

import secrets

from penjing.core.messages import GenerationSettings
from penjing.ggml.library import load

_REPEAT_WINDOW = 64


class Sampler:
    """One answer's sampler. Use `close` when the answer is done."""

    def __init__(self, vocab_size: int, settings: GenerationSettings) -> None:
        self._library = load()
        self._vocab_size = vocab_size
        self._chain = self._build_chain(settings)

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
        return token

    def close(self) -> None:
        """Free it."""
        if self._chain:
            self._library.llama_sampler_free(self._chain)
        self._chain = 0
