"""The engine's library is understood, or refused; never half understood."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from penjing.core.errors import EngineError
from penjing.ggml import layout, library


def test_defaults_are_where_the_layout_says() -> None:
    loaded = library.load()
    for name, expected in layout.CONTEXT_DEFAULTS.items():
        assert getattr(loaded.llama_context_default_params(), name) == expected


def test_another_layout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(layout.CONTEXT_DEFAULTS, "n_batch", 4096)
    with pytest.raises(EngineError, match=r"another version.*xllamacpp=="):
        library._check_layout(library.load())


def test_a_missing_engine_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(EngineError, match="pip install xllamacpp"):
        library._find()


def test_loading_prints_nothing_and_opens_no_socket() -> None:
    script = (
        "import socket, sys; socket.socket = None;"
        "from penjing.ggml.library import load; load(); assert 'numpy' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
