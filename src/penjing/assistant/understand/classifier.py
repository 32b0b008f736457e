"""An intent classifier trained from a spec's own examples: ridge regression in closed form. Numpy.

One more class is "elsewhere": everyday sentences that belong to no assistant in particular. What
its scores are worth is learnt by cross-validation over groups (all samples of one template are one
group), so that confidence means something on sentences never seen. Deterministic; kept by the
hash of what it was trained from.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.assistant.understand.features import vector
from penjing.core.files import writing

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from penjing.core.protocols import Embedder

    Matrix = npt.NDArray[np.float32]

ELSEWHERE = "-"
"""The class of what is no intent."""
VERSION = 2
"""Of features and training: old files are not read."""
_RIDGE = 0.3
_FOLDS = 5
_DENSE_WEIGHT = 1.0
_MAX_SAMPLES = 6000
FLOOR = 0.38
"""No intent is believed below this, whatever held-out sentences say: they are few."""


@dataclass(frozen=True)
class Sample:
    """A sentence whose intent is known."""

    intent: str
    """`ELSEWHERE` for none."""
    words: tuple[str, ...]
    """With `@slot` for slots."""
    text: str
    """As it might be said, for the embedding model."""
    group: int
    """Samples of one template share it."""


@dataclass(frozen=True)
class Classifier:
    """A trained one."""

    intents: tuple[str, ...]
    """Classes, `ELSEWHERE` among them."""
    weights: Matrix
    """[features, classes]"""
    sharpness: float
    """What scores are multiplied with before the softmax."""
    threshold: float
    """Confidence from which an intent is believed."""
    embedder: Embedder | None = None
    """Gives the second half of the features."""

    def scores(self, words: Sequence[str], text: str) -> Mapping[str, float]:
        """Probability of each intent, the likeliest first."""
        import numpy as np

        features = _features([Sample("", tuple(words), text, 0)], self.embedder)
        if not np.any(features):
            return {ELSEWHERE: 1.0}
        chances = _softmax(self.sharpness * (features @ self.weights))[0]
        order = np.argsort(-chances, kind="stable")
        return {self.intents[one]: float(chances[one]) for one in order}


def trained(samples: Sequence[Sample], embedder: Embedder | None, cache: Path | None) -> Classifier:
    """A classifier of samples, from the cache when it lies there."""
    samples = samples[:_MAX_SAMPLES]
    path = None if cache is None else cache / f"intents-{_key(samples, embedder)}.npz"
    found = None if path is None else _load(path, embedder)
    if found is None:
        found = _train(samples, embedder)
        if path is not None:
            _save(path, found)
    return found


def _key(samples: Sequence[Sample], embedder: Embedder | None) -> str:
    what = [VERSION, embedder.name if embedder else "", _RIDGE, _FOLDS]
    data = json.dumps([what, [(s.intent, s.words, s.text, s.group) for s in samples]])
    return hashlib.sha256(data.encode()).hexdigest()[:32]


def _features(samples: Sequence[Sample], embedder: Embedder | None) -> Matrix:
    import numpy as np

    sparse = np.stack([vector(one.words) for one in samples])
    if embedder is None:
        return sparse
    dense = embedder.embed([one.text for one in samples], "query").astype(np.float32)
    return np.concatenate([sparse, _DENSE_WEIGHT * dense], axis=1)


def _train(samples: Sequence[Sample], embedder: Embedder | None) -> Classifier:
    import numpy as np

    intents = tuple(sorted({one.intent for one in samples} | {ELSEWHERE}))
    features = _features(samples, embedder)
    labels = np.array([intents.index(one.intent) for one in samples])
    groups = np.array([one.group for one in samples])
    # every intent weighs the same, however many samples its templates have
    sizes = np.bincount(labels, minlength=len(intents))
    weight = 1.0 / np.sqrt(sizes[labels] / sizes[labels].mean())
    held_out = np.zeros((len(samples), len(intents)), dtype=np.float32)
    for fold in range(_FOLDS):
        away = groups % _FOLDS == fold
        if away.any() and not away.all():
            held_out[away] = features[away] @ _ridge(
                features[~away], labels[~away], weight[~away], len(intents)
            )
    sharpness = _sharpness(held_out, labels, weight)
    threshold = _threshold(_softmax(sharpness * held_out), labels, intents.index(ELSEWHERE), weight)
    weights = _ridge(features, labels, weight, len(intents))
    return Classifier(intents, weights, sharpness, threshold, embedder)


def _ridge(
    features: Matrix, labels: npt.NDArray[np.int64], weight: npt.NDArray[np.float64], classes: int
) -> Matrix:
    """Weighted ridge regression to one-of-many targets, solved for the samples (they are fewer)."""
    import numpy as np

    root = np.sqrt(weight)[:, None]
    rows = features.astype(np.float64) * root
    targets = np.eye(classes)[labels] * root
    kernel = rows @ rows.T
    kernel[np.diag_indices_from(kernel)] += _RIDGE
    return np.asarray(rows.T @ np.linalg.solve(kernel, targets), dtype=np.float32)


def _softmax(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    import numpy as np

    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _sharpness(
    scores: Matrix, labels: npt.NDArray[np.int64], weight: npt.NDArray[np.float64]
) -> float:
    """The factor under which held-out labels are likeliest."""
    import numpy as np

    best, chosen = np.inf, 6.0
    for factor in (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0, 16.0, 20.0):
        chances = _softmax(factor * scores)[np.arange(len(labels)), labels]
        loss = float((weight * -np.log(np.maximum(chances, 1e-9))).sum())
        if loss < best:
            best, chosen = loss, factor
    return chosen


def _threshold(
    chances: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    elsewhere: int,
    weight: npt.NDArray[np.float64],
) -> float:
    """The confidence under which held-out sentences are best told from those of elsewhere."""
    import numpy as np

    inside = np.delete(chances, elsewhere, axis=1).max(axis=1)
    away = labels == elsewhere
    best, chosen = -1.0, FLOOR
    for step in range(int(100 * FLOOR), 90, 4):
        said = (inside < step / 100) | (chances.argmax(axis=1) == elsewhere)
        right = float((weight * (said & away)).sum())
        score = 2 * right / max(float((weight * said).sum() + (weight * away).sum()), 1e-9)
        if score > best + 1e-9:
            best, chosen = score, step / 100
    return chosen


def _save(path: Path, found: Classifier) -> None:
    import numpy as np

    data = io.BytesIO()
    np.savez(
        data,
        intents=np.array(found.intents),
        weights=found.weights,
        numbers=np.array([found.sharpness, found.threshold]),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as file:
        file.write(data.getvalue())


def _load(path: Path, embedder: Embedder | None) -> Classifier | None:
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as data:
            intents = tuple(str(one) for one in data["intents"])
            sharpness, threshold = (float(one) for one in data["numbers"])
            return Classifier(intents, data["weights"], sharpness, threshold, embedder)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # absent or damaged: it is trained again
