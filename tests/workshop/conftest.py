"""Tiny models for every test of the workshop, and the catalogue's default model.

`tiny` (tests/support/tiny.py) has the builders themselves.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import tiny

from penjing.bundle.catalogue import load_catalogue
from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model
from penjing.core.errors import NetworkError
from penjing.core.progress import Silent
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


@pytest.fixture(scope="session")
def default_model() -> Path:
    """The catalogue's default model, downloaded once into PENJING_HOME."""
    home = Home.from_environment()
    name = load_catalogue().default
    try:
        return find_model(name, home, progress=Silent(), download=True)
    except NetworkError as error:
        pytest.skip(f"{name} cannot be downloaded: {error}")
