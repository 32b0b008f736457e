"""One server for each file of attacks: what one breaks, the next test of the file notices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from premises import Premises, premises


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with premises(tmp_path_factory.mktemp("attacked") / "home") as running:
        yield running


@pytest.fixture
def home(server: Premises) -> Path:
    return server.home
