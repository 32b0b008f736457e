"""Trained classifiers as files: small, by the hash of what they were trained from. Numpy.

Weights are kept in 8 bits, and only of features that some sample has. A file that is damaged, or
of another version, is as good as none.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.assistant.understand.calibration import Calibration
from penjing.assistant.understand.features import PLACES
from penjing.assistant.understand.second import Middles
from penjing.assistant.understand.weighing import Weighing
from penjing.core.files import writing

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from penjing.assistant.understand.classifier import Classifier
    from penjing.core.protocols import Embedder

    Matrix = npt.NDArray[np.float32]

VERSION = 6
"""Of features and training: old files are not read."""


def key(what: Any) -> str:
    """The name of what was trained from this."""
    return hashlib.sha256(json.dumps([VERSION, what]).encode()).hexdigest()[:32]


def rounded(weights: Matrix) -> Matrix:
    """As they come back from a file: what is trained and what is kept are the same."""
    whole, scale = _whole(weights)
    return whole.astype(scale.dtype) * scale


def _whole(weights: Matrix) -> tuple[npt.NDArray[np.int8], Matrix]:
    """In 8 bits, with a scale for each feature."""
    import numpy as np

    scale = np.abs(weights).max(axis=1, keepdims=True, initial=1e-9) / np.float32(127)
    return np.rint(weights / scale).astype(np.int8), scale.astype(np.float32)


def save(path: Path, found: Classifier) -> None:
    """Keep one."""
    import numpy as np

    whole, scale = _whole(found.weights)
    parts: dict[str, Any] = {
        "intents": np.array(found.intents),
        "weights": whole,
        "scale": scale,
        "places": np.flatnonzero(found.rows >= 0).astype(np.int32),
        "rare": found.weighing.rare[found.rows >= 0],
        "unseen": found.weighing.rare[found.rows < 0][:1],
        "shares": np.array(found.weighing.shares),
        "numbers": [*_numbers(found.calibration), found.worth],
        **_middles("meanings", found.meanings),
    }
    if found.second is not None:
        one = found.second
        parts |= _middles("vectors", one.middles)
        parts["second"] = [*_numbers(one.calibration), one.worth, one.unsure]
    data = io.BytesIO()
    np.savez_compressed(data, **parts)
    with writing(path) as file:
        file.write(data.getvalue())


def load(path: Path, embedder: Embedder | None) -> Classifier | None:
    """One that was kept; None when there is none, or none that is whole."""
    import zipfile
    import zlib

    import numpy as np

    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
            return _found({name: data[name] for name in data.files}, embedder)
    except (OSError, ValueError, KeyError, EOFError, IndexError, TypeError):
        return None
    except (zipfile.BadZipFile, zlib.error):
        return None


def _middles(name: str, one: Middles) -> dict[str, Matrix]:
    return {
        f"{name}_press": one.press,
        f"{name}_centre": one.centre,
        f"{name}_middles": one.middles,
    }


def _found_middles(name: str, data: dict[str, Any]) -> Middles:
    return Middles(data[f"{name}_press"], data[f"{name}_centre"], data[f"{name}_middles"])


def _numbers(one: Calibration) -> list[float]:
    return [one.sharpness, one.held_back, one.threshold]


def _found(data: dict[str, Any], embedder: Embedder | None) -> Classifier:
    import numpy as np

    from penjing.assistant.understand.classifier import Classifier, Second

    second = None
    if "second" in data:
        *numbers, worth, unsure = (float(one) for one in data["second"])
        second = Second(_found_middles("vectors", data), worth, Calibration(*numbers), unsure)
    *numbers, worth = (float(one) for one in data["numbers"])
    rows = np.full(PLACES, -1, dtype=np.int64)
    rows[data["places"]] = np.arange(len(data["weights"]))
    rare = np.full(PLACES, data["unseen"][0] if len(data["unseen"]) else 1, dtype=np.float32)
    rare[data["places"]] = data["rare"]
    return Classifier(
        tuple(str(one) for one in data["intents"]),
        data["weights"].astype(np.float32) * data["scale"],
        rows,
        Weighing(rare, tuple(float(one) for one in data["shares"])),
        _found_middles("meanings", data),
        worth,
        Calibration(*numbers),
        second,
        embedder,
    )
