"""What was measured, on disk, so that nothing is measured twice: not for another budget, not after
a kill.

Content-addressed: the name of a file is a hash of model, text, importance and rounding, and inside
stands a hash of what it holds. What is damaged or foreign is told and measured again. Must not know
torch.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.core.errors import PenjingError
from penjing.core.files import write_text
from penjing.core.plain_json import finite, is_whole, read_json
from penjing.core.progress import Progress
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.quantize.stored import VERSION
from penjing.workshop.search.damage import Damage
from penjing.workshop.search.effects import Effects

_SCHEMA = 1
_MOST_BYTES = 64 * 2**20


class EffectStore:
    """A folder of tables of effects and of measured plans."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def key(
        checkpoint: Checkpoint,
        importance: Mapping[str, npt.NDArray[np.float32]],
        windows: Sequence[Sequence[int]],
        extra: str = "",
    ) -> str:
        """Hash of everything that decides an effect besides group and codec.

        `extra` is for what only the caller knows, such as the number type or how weights were made.
        """
        digest = hashlib.sha256(f"{_SCHEMA}\0{VERSION}\0{extra}\0".encode())
        digest.update(checkpoint.sha256().encode())
        digest.update(json.dumps([list(map(int, window)) for window in windows]).encode())
        for name in sorted(importance):
            digest.update(f"\0{name}\0".encode())
            digest.update(np.ascontiguousarray(importance[name], np.float32).tobytes())
        return digest.hexdigest()

    def load(self, key: str, progress: Progress) -> dict[str, Effects]:
        """The table of this key, as far as it was measured; empty where nothing sound is."""
        content = self._read(f"effects-{key[:32]}.json", key, progress)
        try:
            return {name: _effects(row) for name, row in content.items()}
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            progress.note(f"effects of other versions in {self.folder} are measured again")
            return {}

    def save(self, key: str, table: Mapping[str, Effects]) -> None:
        """Keep the table, whole or not at all; StorageError when the disk refuses."""
        self._write(f"effects-{key[:32]}.json", key, {n: asdict(row) for n, row in table.items()})

    def plans(self, key: str, progress: Progress) -> dict[str, float]:
        """Measured KLD by plan hash (see `refine.py`)."""
        content = self._read(f"plans-{key[:32]}.json", key, progress)
        return {name: real for name, kld in content.items() if (real := finite(kld)) is not None}

    def save_plans(self, key: str, measured: Mapping[str, float]) -> None:
        """Keep them, whole or not at all."""
        self._write(f"plans-{key[:32]}.json", key, measured)

    def _write(self, name: str, key: str, content: Mapping[str, Any]) -> None:
        body = {"schema": _SCHEMA, "key": key, "sum": _sum(content), "content": content}
        write_text(self.folder / name, json.dumps(body, sort_keys=True))

    def _read(self, name: str, key: str, progress: Progress) -> dict[str, Any]:
        path = self.folder / name
        try:
            if not path.exists():
                return {}
            body = read_json(path, limit=_MOST_BYTES)
            content = body["content"]
            sound = is_whole(body["schema"]) and body["schema"] == _SCHEMA and body["key"] == key
            if sound and isinstance(content, dict) and body["sum"] == _sum(content):
                return content
        except (PenjingError, OSError, ValueError, KeyError, TypeError):
            pass
        progress.note(f"{path} is damaged or not ours: what it held is measured again")
        return {}


def _effects(row: Mapping[str, Any]) -> Effects:
    damage = {name: Damage(**each) for name, each in row["damage"].items()}
    measured = {str(name): float(kld) for name, kld in row["measured"].items()}
    numbers = [*measured.values(), *(n for d in damage.values() for n in (d.total, d.typical))]
    if not all(isinstance(n, float) and math.isfinite(n) for n in numbers):
        raise ValueError("a number is not finite")
    if not measured.keys() <= damage.keys():
        raise ValueError("a measured codec has no error")
    return Effects(str(row["own"]), measured, damage)


def _sum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
