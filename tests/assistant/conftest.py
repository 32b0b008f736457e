"""A spec is made ready once for all tests that share it: that takes seconds, and is the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penjing.assistant.spec.values import Spec
from penjing.assistant.understand import cascade
from penjing.assistant.understand.compiled import Compiled, compile_language


@pytest.fixture(scope="module", autouse=True)
def _made_ready_once() -> Iterator[None]:
    """For one module: its specs are gone after it."""
    kept: dict[Any, tuple[Spec, Compiled]] = {}

    def compiled(
        spec: Spec,
        language: str,
        embedder: Any = None,
        cache: Path | None = None,
        *,
        train: bool = True,
    ) -> Compiled:
        key = (id(spec), language, id(embedder), cache, train)
        if key not in kept:
            kept[key] = spec, compile_language(spec, language, embedder, cache, train=train)
        return kept[key][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cascade, "compile_language", compiled)
        yield
