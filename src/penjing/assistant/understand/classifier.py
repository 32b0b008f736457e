"""An intent classifier trained from a spec's own examples: a linear support vector machine. Numpy.

One more class is "elsewhere": everyday sentences that belong to no assistant in particular; another
is "turned": sentences of intents with not, if, did you (`turned.py`). What words mean counts beside
the words (`meanings.py`). What scores are worth, and from which on one is believed, is learnt by
cross-validation over groups (all samples of one template are one group), so that confidence means
something on sentences never seen. An embedding model gives a second opinion where the first is
unsure. Deterministic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.assistant.understand import shelf, svm
from penjing.assistant.understand.calibration import Calibration, calibrated, surety
from penjing.assistant.understand.features import PLACES, counted
from penjing.assistant.understand.meanings import meant
from penjing.assistant.understand.second import Middles, middles
from penjing.assistant.understand.thinning import MOST_ELSEWHERE, thinned
from penjing.assistant.understand.weighing import MANY, Weighing, rows_of, weighed, weighing_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from penjing.core.protocols import Embedder

    Matrix = npt.NDArray[np.float32]
    Reals = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

ELSEWHERE = "-"
"""The class of what is no intent."""
TURNED = "~"
"""The class of what speaks of an intent and is no command; it counts as elsewhere."""
_COST = 3.0
_EPOCHS = 3
_FOLDS = 5
_FOLD_EPOCHS = 2
_EMBEDDED = 3000
"""Samples that an embedding model reads: it takes some 12 ms for each."""
_WORTH = (0.5, 1.0, 2.0, 3.0, 4.0)
"""What the second opinion may count, the first counting 1."""
_WORTH_OF_MEANINGS = (0.0, 1.0, 2.0)
_WORTH_OF_FEW = (0.0, 0.5)
"""What the meanings of words may count, features counting 1; and where samples are few."""
_NOISE = 0.005
"""The share of held-out samples that a higher count must be right about beyond a lower one."""


@dataclass(frozen=True)
class Sample:
    """A sentence whose intent is known."""

    intent: str
    """`ELSEWHERE` or `TURNED` for none."""
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
    """Of all opinions together."""
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
    meanings: Middles
    """What the meanings of words say; a part of the first opinion."""
    worth: float
    """What that counts, features counting 1."""
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
        meaning = meant([words])
        if not known.any() and not meaning.any() and asked is None:
            return {ELSEWHERE: 1.0}
        found = weighed(one, self.weighing)[known] @ self.weights[rows[known]]
        if self.worth:
            found = found + self.worth * self.meanings.scores(meaning)[0]
        outside = _outside(self.intents)
        chances = self.calibration.chances(found[None], outside)[0]
        if asked is not None and self.embedder is not None and chances.max() < asked.unsure:
            both = found + asked.worth * asked.middles.scores(self.embedder.embed([text], "query"))
            chances = asked.calibration.chances(both, outside)[0]
        likely: list[float] = chances.tolist()
        order = np.argsort(-chances, kind="stable").tolist()
        return {
            self.intents[place]: likely[place] for place in order if self.intents[place] != TURNED
        }


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


def _outside(intents: Sequence[str]) -> list[int]:
    return [intents.index(one) for one in (ELSEWHERE, TURNED) if one in intents]


def affordable(samples: Sequence[Sample]) -> list[Sample]:
    """All, or evenly fewer of each intent when they are too many; see `thinning`."""
    outside = (ELSEWHERE, TURNED)
    inside = [one for one in samples if one.intent not in outside]
    away = [one for one in samples if one.intent in outside]
    return [
        *(inside[place] for place in thinned([one.intent for one in inside])),
        *(away[place] for place in thinned([one.intent for one in away], MOST_ELSEWHERE)),
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
    outside = _outside(intents)
    alike = ~np.isin(labels, outside[1:])
    first = _Opinion(held_out, labels, folds, weight, alike)
    ways = _WORTH_OF_FEW if len(samples) < MANY else _WORTH_OF_MEANINGS
    learnt, worth, held_out = _joined(meant([one.words for one in samples]), first, ways)
    calibration = calibrated(held_out, labels, outside, weight)
    second = None
    if embedder is not None:
        first = replace(first, scores=held_out)
        second = _second(samples, embedder, first, calibration, outside)
    places = np.full(PLACES, -1, dtype=np.int64)
    places[used] = np.arange(len(used))
    weights = shelf.rounded(found.weights)
    return Classifier(
        intents, weights, places, weighing, learnt, worth, calibration, second, embedder
    )


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
    """An opinion about held-out samples."""

    scores: Matrix
    labels: Integers
    folds: Integers
    weight: Reals
    alike: npt.NDArray[np.bool_]
    """Those that are like their class: turned ones mean what all others do."""

    def of(self, some: Integers) -> _Opinion:
        """About some of them."""
        return _Opinion(
            self.scores[some],
            self.labels[some],
            self.folds[some],
            self.weight[some],
            self.alike[some],
        )


def _joined(
    vectors: Matrix, before: _Opinion, ways: Sequence[float]
) -> tuple[Middles, float, Matrix]:
    """What vectors say of samples, what that is worth beside the opinion before, and both."""
    import numpy as np

    classes, alike = before.scores.shape[1], before.alike
    held_out = np.zeros_like(before.scores)
    for fold in range(_FOLDS):
        away = before.folds == fold
        rest = ~away & alike
        if away.any() and rest.any():
            learnt = middles(vectors[rest], before.labels[rest], classes)
            held_out[away] = learnt.scores(vectors[away])

    def right(worth: float) -> float:
        said = (before.scores + worth * held_out).argmax(axis=1)
        return float(before.weight[said == before.labels].sum())

    gains = {worth: right(worth) for worth in ways}
    enough = max(gains.values()) - _NOISE * float(before.weight.sum())
    worth = min(worth for worth, gain in gains.items() if gain >= enough)
    learnt = middles(vectors[alike], before.labels[alike], classes)
    return learnt, worth, before.scores + worth * held_out


def _second(
    samples: Sequence[Sample],
    embedder: Embedder,
    first: _Opinion,
    calibration: Calibration,
    outside: Sequence[int],
) -> Second:
    import numpy as np

    some = np.array(thinned([one.intent for one in samples], _EMBEDDED))
    vectors = embedder.embed([samples[place].text for place in some], "query").astype(np.float32)
    before = first.of(some)
    learnt, worth, both = _joined(vectors, before, _WORTH)
    chances = calibration.chances(before.scores, outside)
    return Second(
        learnt,
        worth,
        calibrated(both, before.labels, outside, before.weight),
        surety(chances, before.labels, before.weight),
    )
