"""Tiny models for every test of the workshop; `tests/support/tiny.py` has the builders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny

from penjing.workshop.checkpoint import Checkpoint

TinyFolder = Callable[..., Path]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> TinyFolder:
    """Builds (once) a Hugging Face folder: tiny_folder("qwen2", attention_bias=True)."""
    built: dict[str, Path] = {}

    def build(family: str, **changes: Any) -> Path:
        key = json.dumps([family, changes], sort_keys=True)
        if key not in built:
            built[key] = tiny.folder(tmp_path_factory.mktemp(family), family, **changes)
        return built[key]

    tiny.hf_logits(build("llama"), [1])  # slow the first time: not in anybody's test
    return build


@pytest.fixture(scope="session")
def tiny_checkpoint() -> Callable[..., Checkpoint]:
    """Builds a model in memory: tiny_checkpoint("gemma3", hidden=256)."""
    return tiny.checkpoint
