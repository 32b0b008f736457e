"""What lies behind the logits, compared between student and teacher: features and relations.

hidden     ||P h_s - h_t||^2 / ||h_t||^2 of what leaves a block (Romero et al. 2015, FitNets,
           arXiv:1412.6550, eq. 3, over the teacher's own size); P is a projection, trained along,
           where widths differ
attention  KL(teacher's map || student's map), both the mean over their heads (Jiao et al. 2020,
           TinyBERT, arXiv:1909.10351, eq. 7, with KL in the place of squares; Wang et al. 2020,
           MiniLM, arXiv:2002.10957, eq. 3)
distances  Huber loss of ||h_i - h_j|| over their mean, between tokens i and j of a text
           (Park et al. 2019, relational knowledge distillation, arXiv:1904.05068, eq. 4 and 5)
angles     Huber loss of cos(h_i - h_j, h_k - h_j) between three tokens (the same, eq. 6 and 7)

Compared at a few places of equal depth, each counts alike. Relations need no projection: they are
numbers whatever the width. Must not know codecs, files or optimizers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch.nn import functional

from penjing.workshop.distill.loss import Objective
from penjing.workshop.forward import sliding_mask

_PLACES = 4
"""At which student and teacher are compared."""
_RIDGE = 1e-2
"""Of a projection's first values: a few windows are fewer than its numbers."""
_TOKENS = 48
"""Of each text whose relations are compared: their number goes with the square, or the cube."""

Pair = tuple[torch.Tensor, torch.Tensor]


@dataclass
class Activations:
    """What a model computed at the places that are compared."""

    hidden: dict[int, torch.Tensor] = field(default_factory=dict)
    """What left a block [texts, T, width], by layer."""
    attention: dict[int, torch.Tensor] = field(default_factory=dict)
    """Attention maps, the mean over heads [texts, T, T], by layer."""


def places(student: int, teacher: int) -> dict[int, int]:
    """Layers of the student that are compared, and the teacher's of equal depth; the last too."""
    count = min(_PLACES, student, teacher)
    return {
        round(student * at / count) - 1: round(teacher * at / count) - 1
        for at in range(1, count + 1)
    }


def attention_map(
    q: torch.Tensor, k: torch.Tensor, scale: float, window: int | None
) -> torch.Tensor:
    """Where the heads look on average [texts, T, T], of q and k [texts, heads, T, head_dim]."""
    length = q.shape[-2]
    mask = sliding_mask(length, window, q.device)
    seen = mask if mask is not None else torch.ones(length, length, dtype=torch.bool).tril()
    k = k.repeat_interleave(q.shape[1] // k.shape[1], 1)
    scores = (q.float() * scale) @ k.float().transpose(-1, -2)
    return scores.masked_fill(~seen.to(q.device), -torch.inf).softmax(-1).mean(1)


def hidden_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Squared distance of [..., width] over the teacher's own squares."""
    return (student - teacher).square().sum() / teacher.square().sum()


def attention_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """KL of maps [texts, T, T], the mean over rows, nats."""
    tiny = torch.finfo(student.dtype).tiny
    ratio = teacher.clamp(min=tiny).log() - student.clamp(min=tiny).log()
    return (teacher * ratio).sum(-1).mean()


def distance_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Of the distances between all tokens of [texts, T, width], each text over its mean."""
    return functional.huber_loss(_distances(student), _distances(teacher))


def angle_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Of the cosines between all three tokens of [texts, T, width]."""
    return functional.huber_loss(_angles(student), _angles(teacher))


_LOSSES: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "hidden": hidden_loss,
    "attention": attention_loss,
    "distances": distance_loss,
    "angles": angle_loss,
}


def _distances(states: torch.Tensor) -> torch.Tensor:
    length = states.shape[-2]
    upper = torch.triu_indices(length, length, 1, device=states.device)
    apart = states[:, upper[0]] - states[:, upper[1]]
    found = apart.square().sum(-1).clamp(min=torch.finfo(states.dtype).tiny).sqrt()
    return found / found.detach().mean(-1, keepdim=True).clamp(min=torch.finfo(states.dtype).tiny)


def _angles(states: torch.Tensor) -> torch.Tensor:
    """[texts, T, T, T]: at j, between i and k."""
    ways = functional.normalize(states[:, :, None] - states[:, None], dim=-1)
    return torch.einsum("bijd,bkjd->bijk", ways, ways)


class Features:
    """The losses behind the logits, and the projections that are trained along."""

    def __init__(
        self, objective: Objective, places: Mapping[int, int], widths: tuple[int, int]
    ) -> None:
        """`widths` of student and teacher."""
        self.weights = objective.features
        self.places = dict(places) if self.weights else {}
        self.projections: dict[int, torch.Tensor] = {}
        """[teacher's width, student's width], by the student's layer."""
        self._widths = widths

    @property
    def wants_maps(self) -> bool:
        """Whether attention is looked at."""
        return "attention" in self.weights

    @property
    def projected(self) -> bool:
        """Whether hidden states of different widths are compared."""
        return "hidden" in self.weights and self._widths[0] != self._widths[1]

    @torch.no_grad()
    def fit(self, student: Sequence[torch.Tensor], teacher: Activations) -> None:
        """Projections to begin with: least squares between what left both models' blocks."""
        for layer, place in self.places.items():
            h = student[layer].flatten(0, -2).double()
            gram = h.t() @ h
            gram.diagonal().add_(gram.diagonal().mean() * _RIDGE)
            wanted = teacher.hidden[place].flatten(0, -2).double()
            found = torch.linalg.solve(gram, h.t() @ wanted).t()
            self.projections[layer] = found.float().contiguous().requires_grad_()

    def loss(
        self, layer: int, hidden: torch.Tensor, attention: torch.Tensor | None, wanted: Activations
    ) -> torch.Tensor | None:
        """What one block of the student adds, weighted; None where it is not compared."""
        place = self.places.get(layer)
        if place is None:
            return None
        total = hidden.new_zeros((), dtype=torch.float32)
        for name, weight in self.weights.items():
            pair = self._pair(name, layer, place, hidden, attention, wanted)
            if pair is not None:
                total = total + weight * _LOSSES[name](*pair)
        return total / len(self.places)

    def _pair(  # noqa: PLR0917 - one comparison at one place
        self,
        name: str,
        layer: int,
        place: int,
        hidden: torch.Tensor,
        attention: torch.Tensor | None,
        wanted: Activations,
    ) -> Pair | None:
        if name == "attention":
            theirs = wanted.attention.get(place)
            return None if attention is None or theirs is None else (attention, theirs)
        ours, theirs = hidden.float(), wanted.hidden[place].float()
        if name == "hidden":
            projection = self.projections.get(layer)
            return (ours if projection is None else ours @ projection.t()), theirs
        step = max(1, ours.shape[-2] // _TOKENS)
        return ours[:, ::step][:, :_TOKENS], theirs[:, ::step][:, :_TOKENS]

    def trained(self) -> dict[str, torch.Tensor]:
        """The projections, by a name of their own."""
        return {f"projection {layer}": each for layer, each in self.projections.items()}
