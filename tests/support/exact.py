"""The engine with attention in 32 bits, so that it can be compared with an exact computation."""

from __future__ import annotations

from typing import Any

import pytest

from penjing.engine import context
from penjing.ggml.library import load

GGML_TYPE_F32, FLASH_ATTENTION_OFF = 0, 0


def make_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model opened from now on in this test."""
    monkeypatch.setattr(context, "load", _ExactLibrary)


class _ExactLibrary:
    """The engine's library, with attention in 32 bits: by default keys and values are halves."""

    def __getattr__(self, name: str) -> Any:
        return getattr(load(), name)

    def llama_context_default_params(self) -> Any:
        params = load().llama_context_default_params()
        params.type_k = params.type_v = GGML_TYPE_F32
        params.flash_attn_type = FLASH_ATTENTION_OFF
        return params
