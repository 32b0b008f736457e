"""An intent classifier trained from a spec's own examples: a linear support vector machine. Numpy.

One more class is "elsewhere": everyday sentences that belong to no assistant in particular. What
its scores are worth, and from which on one is believed, is learnt by cross-validation over groups
(all samples of one template are one group), so that confidence means something on sentences never
seen. An embedding model gives a second opinion where the first is unsure. Deterministic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.assistant.understand import shelf, svm
from penjing.assistant.understand.calibration import Calibration, calibrated, surety
from penjing.assistant.understand.features import PLACES, counted
from penjing.assistant.understand.second import Middles, middles
from penjing.assistant.understand.thinning import MOST_ELSEWHERE, thinned
from penjing.assistant.understand.weighing import Weighing, rows_of, weighed, weighing_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from penjing.core.protocols import Embedder

    Matrix = npt.NDArray[np.float32]
    Reals = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

ELSEWHERE = "-"
"""The class of what is no intent."""
_COST = 3.0
_EPOCHS = 3
_FOLDS = 5
_FOLD_EPOCHS = 2
_EMBEDDED = 3000
"""Samples that an embedding model reads: it takes some 12 ms for each."""
_WORTH = (0.5, 1.0, 2.0, 3.0, 4.0)
"""What the second opinion may count, the first counting 1."""


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
class Second:
    """A second opinion and what it is worth."""

    middles: Middles
    """Gives scores."""
    worth: float
    """What they count."""
    calibration: Calibration
    """Of both opinions together."""
    unsure: float
    """It is asked when the first opinion gives less than this."""


@dataclass(frozen=True)
class Classifier:
    """A trained one."""

    intents: tuple[str, ...]
    """Classes, `ELSEWHERE` among them."""
    weights: Matrix
    """[features, classes]"""
    rows: Integers
    """[places] the feature at a hash place, -1 where there is none."""
    weighing: Weighing
    """What a feature weighs."""
    calibration: Calibration
    """Of the first opinion."""
    second: Second | None = None
    """What the embedder's vectors say."""
    embedder: Embedder | None = None
    """Gives the vectors."""

    @property
    def threshold(self) -> float:
        """Confidence from which an intent is believed."""
        return (self.second or self).calibration.threshold

    def scores(self, words: Sequence[str], text: str) -> Mapping[str, float]:
        """Probability of each intent, the likeliest first."""
        import numpy as np

        one = counted(words)
        rows = self.rows[one.places]
        known = rows >= 0
        asked = self.second if self.embedder is not None and text else None
        if not known.any() and asked is None:
            return {ELSEWHERE: 1.0}
        found = weighed(one, self.weighing)[known] @ self.weights[rows[known]]
        elsewhere = self.intents.index(ELSEWHERE)
        chances = self.calibration.chances(found[None], elsewhere)[0]
        if asked is not None and self.embedder is not None and chances.max() < asked.unsure:
            both = found + asked.worth * asked.middles.scores(self.embedder.embed([text], "query"))
            chances = asked.calibration.chances(both, elsewhere)[0]
        likely: list[float] = chances.tolist()
        order = np.argsort(-chances, kind="stable").tolist()
        return {self.intents[place]: likely[place] for place in order}


def trained(samples: Sequence[Sample], embedder: Embedder | None, cache: Path | None) -> Classifier:
    """A classifier of samples, from the cache when it lies there."""
    samples = affordable(samples)
    path = None if cache is None else cache / f"intents-{_key(samples, embedder)}.npz"
    found = None if path is None else shelf.load(path, embedder)
    if found is None:
        found = _train(samples, embedder)
        if path is not None:
            shelf.save(path, found)
    return found


def affordable(samples: Sequence[Sample]) -> list[Sample]:
    """All, or evenly fewer of each intent when they are too many; see `thinning`."""
    inside = [one for one in samples if one.intent != ELSEWHERE]
    away = [one for one in samples if one.intent == ELSEWHERE]
    return [
        *(inside[place] for place in thinned([one.intent for one in inside])),
        *(away[place] for place in thinned([ELSEWHERE] * len(away), MOST_ELSEWHERE)),
    ]


def _key(samples: Sequence[Sample], embedder: Embedder | None) -> str:
    how = [embedder.name if embedder else "", _COST, _EPOCHS, _FOLDS, _FOLD_EPOCHS]
    return shelf.key([how, [(s.intent, s.words, s.text, s.group) for s in samples]])


def _train(samples: Sequence[Sample], embedder: Embedder | None) -> Classifier:
    import numpy as np

    intents = tuple(sorted({one.intent for one in samples} | {ELSEWHERE}))
    number = {intent: place for place, intent in enumerate(intents)}
    labels = np.array([number[one.intent] for one in samples])
    many = [counted(one.words) for one in samples]
    weighing = weighing_of(many)
    rows = rows_of(many, labels, weighing)
    used, packed = np.unique(rows.places, return_inverse=True)
    rows = svm.Rows(rows.starts, packed, rows.values, labels)
    # every intent weighs the same, however many samples its templates have
    sizes = np.bincount(labels, minlength=len(intents))
    weight = 1.0 / np.sqrt(sizes[labels] / sizes[labels].mean())
    cost = (_COST * weight).astype(np.float32)
    found = svm.nothing(rows, len(used), len(intents))
    svm.descend(found, rows, cost, _EPOCHS, np.arange(len(samples)))
    folds = _folds(samples)
    held_out = np.zeros((len(samples), len(intents)), dtype=np.float32)
    for fold in range(_FOLDS):
        away, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(away) and len(rest):
            left = svm.without(found, rows, away)
            svm.descend(left, rows, cost, _FOLD_EPOCHS, rest)
            held_out[away] = svm.scores(left.weights, rows, away)
    elsewhere = number[ELSEWHERE]
    calibration = calibrated(held_out, labels, elsewhere, weight)
    second = None
    if embedder is not None:
        first = _Opinion(held_out, labels, folds, weight, calibration, elsewhere)
        second = _second(samples, embedder, first)
    places = np.full(PLACES, -1, dtype=np.int64)
    places[used] = np.arange(len(used))
    weights = shelf.rounded(found.weights)
    return Classifier(intents, weights, places, weighing, calibration, second, embedder)


def _folds(samples: Sequence[Sample]) -> Integers:
    """The fold of each: the groups of an intent go round, so that few folds lack an intent."""
    import numpy as np

    fold: dict[tuple[str, int], int] = {}
    groups: dict[str, int] = {}
    for one in samples:
        if (one.intent, one.group) not in fold:
            groups.setdefault(one.intent, len(groups))  # not all begin with the first fold
            fold[one.intent, one.group] = groups[one.intent] % _FOLDS
            groups[one.intent] += 1
    return np.array([fold[one.intent, one.group] for one in samples], dtype=np.int64)


@dataclass(frozen=True)
class _Opinion:
    """The first opinion about held-out samples."""

    scores: Matrix
    labels: Integers
    folds: Integers
    weight: Reals
    calibration: Calibration
    elsewhere: int


def _second(samples: Sequence[Sample], embedder: Embedder, first: _Opinion) -> Second:
    import numpy as np

    some = np.array(thinned([one.intent for one in samples], _EMBEDDED))
    vectors = embedder.embed([samples[place].text for place in some], "query").astype(np.float32)
    labels, folds, weight = first.labels[some], first.folds[some], first.weight[some]
    before, classes = first.scores[some], first.scores.shape[1]
    held_out = np.zeros((len(some), classes), dtype=np.float32)
    for fold in range(_FOLDS):
        away = folds == fold
        if away.any() and not away.all():
            learnt = middles(vectors[~away], labels[~away], classes)
            held_out[away] = learnt.scores(vectors[away])

    def right(worth: float) -> float:
        said = (before + worth * held_out).argmax(axis=1)
        return float(weight[said == labels].sum())

    worth = max(_WORTH, key=right)
    calibration = calibrated(before + worth * held_out, labels, first.elsewhere, weight)
    chances = first.calibration.chances(before, first.elsewhere)
    return Second(
        middles(vectors, labels, classes), worth, calibration, surety(chances, labels, weight)
    )
