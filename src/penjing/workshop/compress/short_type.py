"""The number type that torch multiplies in, measured once for a machine and its store.

A timing on a busy machine may come out otherwise. A run that goes on, or another budget, must
compute as the first one did: else nothing that was measured is found again, and the same recipe
gives other bytes.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import torch

from penjing.core.errors import FormatError
from penjing.core.files import write_text
from penjing.devices.machine import look
from penjing.workshop.arithmetic import fast_dtype
from penjing.workshop.compress.work import read_json

_TYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def short_type(store: Path) -> torch.dtype:
    """What was measured here before; measured now where nothing was. Writes nothing."""
    try:
        found = _TYPES.get(str(read_json(_path(store)))) if _path(store).exists() else None
    except FormatError:
        found = None
    return found or fast_dtype(torch.device("cpu"))


def keep_short_type(store: Path) -> None:
    """Let every later run on this machine use the type of this one."""
    name = str(short_type(store)).removeprefix("torch.")
    write_text(_path(store), json.dumps(name))


def _path(store: Path) -> Path:
    machine = sha256(f"{look().model}\0{torch.__version__}".encode()).hexdigest()[:16]
    return store / f"arithmetic-{machine}.json"
