"""What scores are worth, learnt from scores of sentences that training had not seen. Pure, numpy.

A probability comes from a softmax. Three numbers are learnt. How sharp it is: labels are
likeliest. From which probability on an intent is believed: the highest at which nearly all is
still believed that is right in scope, so that as much as can be is refused of what is not; this
needs no sentence out of scope. How much elsewhere is held back: what is right, less what is wrong,
is most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]
    Reals = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

KEPT = 0.985
"""The share of what is right in scope that stays believed among held-out sentences."""
KEPT_OF_FEW = 0.99
"""The same where intents have few samples: new sentences resemble them less than they do each
other, and what is refused is lost more often than it is rightly refused."""
_FEW = 20
"""Right held-out samples of a class."""
SURE = 0.98
"""The share of first opinions, from the surest on, that must be right to ask no second."""
_SURELY = 0.6
_OUTSIDE = 0.1
"""The share of sentences that is taken to be out of scope when right and wrong are counted."""
_CLEAR = 0.5
"""An intent that is likelier than all else together is believed, however clear the samples are."""
_CHANCE = 8.0
"""Nothing is believed that is not so many times as likely as by chance."""
_ENOUGH = 30
"""With fewer right held-out sentences, nothing is learnt from them."""
_SHARPNESS = (2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0)
_HELD_BACK = (0.0, 0.1, 0.2, 0.4, 0.8)


@dataclass(frozen=True)
class Calibration:
    """How scores become probabilities, and which are believed."""

    sharpness: float = 6.0
    """What scores are multiplied with before the softmax."""
    held_back: float = 0.0
    """What elsewhere loses of its score before that."""
    threshold: float = 0.38
    """The probability from which an intent is believed."""

    def chances(self, scores: Matrix, outside: Sequence[int]) -> Reals:
        """[sentences, classes] probabilities. `outside`: classes that are no intent; the first is
        elsewhere, and the probability of the others is added to its own."""
        import numpy as np

        elsewhere, *others = outside
        powers = scores.astype(np.float64)
        powers[:, elsewhere] -= self.held_back
        powers *= self.sharpness
        powers -= powers.max(axis=1, keepdims=True)
        np.exp(powers, out=powers)
        powers /= powers.sum(axis=1, keepdims=True)
        powers[:, elsewhere] += powers[:, others].sum(axis=1)
        powers[:, others] = 0
        return powers


def calibrated(
    scores: Matrix, labels: Integers, outside: Sequence[int], weight: Reals
) -> Calibration:
    """Learn from held-out scores. Of what is out of scope only elsewhere counts: nobody knows how
    often people say the rest."""
    import numpy as np

    elsewhere, *others = outside
    some = ~np.isin(labels, others)
    scores, labels, weight = scores[some], labels[some], weight[some]
    right = (scores.argmax(axis=1) == labels) & (labels != elsewhere)
    if right.sum() < _ENOUGH:
        return Calibration()
    sharpness = _sharpness(scores, labels, outside, weight)
    best, found = -np.inf, Calibration()
    for held_back in _HELD_BACK:
        one = Calibration(sharpness, held_back)
        threshold, worth = _threshold(one.chances(scores, outside), labels, elsewhere, weight)
        if worth > best + 1e-9:
            best, found = worth, Calibration(sharpness, held_back, threshold)
    return found


def _sharpness(scores: Matrix, labels: Integers, outside: Sequence[int], weight: Reals) -> float:
    """The one under which labels are likeliest."""
    import numpy as np

    every = np.arange(len(labels))

    def loss(sharpness: float) -> float:
        chances = Calibration(sharpness).chances(scores, outside)[every, labels]
        return float((weight * -np.log(np.maximum(chances, 1e-9))).sum())

    return min(_SHARPNESS, key=loss)


def _threshold(
    chances: Reals, labels: Integers, elsewhere: int, weight: Reals
) -> tuple[float, float]:
    """The highest that keeps enough, and what is dealt with rightly less what wrongly."""
    import numpy as np

    said = chances.argmax(axis=1)
    sure = np.where(said == elsewhere, 0.0, chances.max(axis=1))
    away = labels == elsewhere
    right = (said == labels) & ~away
    order = np.argsort(sure[right], kind="stable")
    share = np.cumsum(weight[right][order])
    kept = KEPT_OF_FEW if right.sum() < _FEW * chances.shape[1] else KEPT
    place = min(int(np.searchsorted(share, (1 - kept) * share[-1])), len(share) - 1)
    least = min(Calibration.threshold, _CHANCE / chances.shape[1])
    threshold = min(max(float(sure[right][order][place]), least), _CLEAR)
    believed = sure >= threshold
    within = weight * believed * np.where(right, 1.0, -1.0)
    inside = float(within[~away].sum() / weight[~away].sum())
    outside = float((weight * ~believed)[away].sum() / max(weight[away].sum(), 1e-9))
    return threshold, (1 - _OUTSIDE) * inside + _OUTSIDE * outside


def surety(chances: Reals, labels: Integers, weight: Reals) -> float:
    """The probability from which on opinions are right in that share; more than just clear."""
    import numpy as np

    sure = chances.max(axis=1)
    order = np.argsort(-sure, kind="stable")
    right = np.cumsum((weight * (chances.argmax(axis=1) == labels))[order])
    enough = np.flatnonzero(right >= SURE * np.cumsum(weight[order]))
    return max(float(sure[order[enough[-1]]]), _SURELY) if len(enough) else 1.0
