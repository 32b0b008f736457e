"""Find the engine's shared library, check that we understand it, and load it once."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import threading
from pathlib import Path
from typing import Any

from penjing.core.errors import EngineError
from penjing.ggml import lastwords, layout

WHEEL = "xllamacpp==2026.10.11549"

_recent: list[str] = []
_recent_lock = threading.Lock()


@functools.cache
def load() -> ctypes.CDLL:
    """The library, every function typed. Raises EngineError when absent or of another layout."""
    path = _find()
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise EngineError(f"the engine cannot be loaded ({error}): reinstall {WHEEL}") from error
    for name, (result, arguments) in layout.FUNCTIONS.items():
        function = getattr(library, name, None)
        if function is None:
            raise EngineError(f"the engine lacks {name}: install the version we know, {WHEEL}")
        function.restype, function.argtypes = result, arguments
    _check_layout(library)
    library.llama_log_set(_on_log, None)
    lastwords.install(library)
    library.llama_backend_init()
    return library


def last_complaint() -> str:
    """The newest warning or error of the engine since the last call, for error messages.

    Loading ends with a line that only says it failed; what failed stands in the line before.
    """
    with _recent_lock:
        telling = [line for line in _recent if not line.endswith("failed to load model")]
        text = (telling or _recent or [""])[-1]
        _recent.clear()
    return text.rpartition("error loading model: ")[2]


def _find() -> Path:
    # find_spec of the submodule would run the package: it prints, and costs 0.4 s
    spec = importlib.util.find_spec("xllamacpp")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for candidate in sorted(Path(folder).glob("xllamacpp*.so")) + sorted(
            Path(folder).glob("xllamacpp*.pyd")
        ):
            return candidate
    raise EngineError(f"the engine is not installed: pip install {WHEEL}")


def _check_layout(library: ctypes.CDLL) -> None:
    for params, expected in (
        (library.llama_model_default_params(), layout.MODEL_DEFAULTS),
        (library.llama_context_default_params(), layout.CONTEXT_DEFAULTS),
    ):
        for field, value in expected.items():
            if getattr(params, field) != value:
                raise EngineError(
                    f"the engine is of another version ({field} is {getattr(params, field)}, "
                    f"not {value}): install the version we know, {WHEEL}"
                )


def _remember(level: int, text: bytes | None, _data: Any) -> None:
    if level >= 3 and text:  # warnings and errors; 5 continues a line
        line = text.decode("utf-8", "replace").strip()
        if line:
            with _recent_lock:
                _recent.append(line[:300])
                del _recent[:-8]


_on_log = layout.LogCallback(_remember)
