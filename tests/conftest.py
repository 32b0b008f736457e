"""What every test may use: the default model, and tiny models (`tests/support/tiny.py`)."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "support"))

from penjing.bundle.catalogue import load_catalogue
from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model
from penjing.core.egress import shutter
from penjing.core.egress.receipt import Layer, Receipt
from penjing.core.errors import NetworkError
from penjing.core.progress import Silent

# how long an example takes says more of the machine than of the code
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_configure() -> None:
    """Tests side by side (`-n 2`) have cores of their own each: they disturb nobody's clock.

    A shell's job in the background ignores Ctrl-C and so would all that tests start.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
        share = cores[number :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]
        os.sched_setaffinity(0, share or cores)
    os.environ.pop("COLUMNS", None)  # of the process that hands out the tests: nobody's screen


@pytest.fixture(autouse=True)
def _the_shutter_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command run in this process must not close the network for every test after it.

    That it closes is tested in processes of their own (`core/test_egress.py`, `security/`).
    """
    pretended = Receipt((), (Layer("seccomp", True, "not really"),), ())
    monkeypatch.setattr(shutter, "close_shutter", lambda *_, **__: pretended)


@pytest.fixture(scope="session")
def default_model() -> Path:
    """The catalogue's default model, downloaded once into PENJING_HOME."""
    return _pulled(load_catalogue().default)


@pytest.fixture(scope="session")
def embedding_model() -> Path:
    """The catalogue's embedding model, downloaded once into PENJING_HOME."""
    return _pulled("multilingual-e5-small")


def _pulled(name: str) -> Path:
    try:
        return find_model(name, Home.from_environment(), progress=Silent(), download=True)
    except NetworkError as error:
        pytest.skip(f"{name} cannot be downloaded: {error}")
