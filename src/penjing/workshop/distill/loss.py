"""The distillation loss and its gradient, a few positions at a time.

L = alpha * CE(token, student) + (1 - alpha) * D, where D = T^2 * KL(teacher_T || student_T), _T
means logits divided by the temperature T (Hinton et al. 2015, arXiv:1503.02531, section 2; T^2
keeps the gradient's size), and of D the share `reverse` is T^2 * KL(student_T || teacher_T), which
would rather miss what the teacher says than say what it never would (Gu et al. 2023, MiniLLM,
arXiv:2306.08543, eq. 1). The gradient with respect to student logits z is written out: with p and q
the two distributions at the temperature, alpha (softmax(z) - onehot) + (1 - alpha) T G, where
G = (1 - reverse) (q - p) + reverse q (log(q / p) - KL(q || p)),
because a vocabulary of 49,152 makes automatic differentiation keep five copies of the largest
tensor there is. What the teacher says comes from its hidden states (`LiveTargets`) or from kept
soft labels (`labels.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch.nn import functional

from penjing.core.errors import BadInput
from penjing.workshop.divergence import kld

_ROWS = 512  # positions multiplied with the head at once
_ELEMENTS = 1 << 20  # logits that a CPU works on at once: what its cache holds


@dataclass(frozen=True)
class Objective:
    """What is minimised: of the logits, and of what lies behind them."""

    alpha: float = 0.0
    """Weight of the cross-entropy with the text's own next token, 0 to 1."""
    temperature: float = 1.0
    """Both distributions are flattened by it in the KL term; positive."""
    reverse: float = 0.0
    """Share of the KL term that is KL(student || teacher), 0 to 1."""
    hidden: float = 0.0
    """Weight of the distance of hidden states (`features.py`); so are the next three."""
    attention: float = 0.0
    """Of attention maps."""
    distances: float = 0.0
    """Of the distances between tokens."""
    angles: float = 0.0
    """Of the angles between tokens."""

    def __post_init__(self) -> None:
        """BadInput for what no loss is."""
        for name in ("alpha", "reverse"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"{name} is a share: give a number from 0 to 1")
        if not self.temperature > 0:
            raise BadInput("the temperature flattens distributions: give a positive number")
        for name in FEATURES:
            if not getattr(self, name) >= 0:
                raise BadInput(f"{name} is a weight: give a number of at least 0")

    @property
    def features(self) -> dict[str, float]:
        """Weights of what is compared behind the logits, where there are any."""
        return {name: getattr(self, name) for name in FEATURES if getattr(self, name)}


FEATURES = ("hidden", "attention", "distances", "angles")


@dataclass(frozen=True)
class Losses:
    """Means over positions, nats."""

    kl: float
    """The KL term, its share reversed, at the temperature, times its square."""
    cross_entropy: float
    """Of the text's own next token; 0 where alpha is 0."""


class Targets(Protocol):
    """What a teacher says at some positions."""

    def compare(
        self, at: slice, student: torch.Tensor, objective: Objective
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The sum of the KL term, and its gradient on these logits [n, vocab] float32."""


@dataclass(frozen=True, eq=False)
class LiveTargets:
    """What a teacher says, from what enters its head."""

    hidden: torch.Tensor
    """[positions, width]"""
    head: torch.Tensor
    """[vocab, width]"""
    cap: float | None = None
    """The model's soft cap of logits."""

    def compare(
        self, at: slice, student: torch.Tensor, objective: Objective
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Of all tokens."""
        inputs = self.hidden[at].to(self.head.dtype)
        logits = capped(functional.linear(inputs, self.head).float(), self.cap)
        return divergence_gradient(student, logits, objective)


@torch.no_grad()
def divergence_gradient(
    student: torch.Tensor, teacher: torch.Tensor, objective: Objective
) -> tuple[torch.Tensor, torch.Tensor]:
    """The KL term summed over positions, and its gradient on student [n, vocab], both float32."""
    t, reverse = objective.temperature, objective.reverse
    log_p = functional.log_softmax(teacher / t, -1)
    log_q = functional.log_softmax(student / t, -1)
    p, q = log_p.exp(), log_q.exp()
    ratio = log_p.sub_(log_q)
    total, gradient = (ratio * p).sum(), q - p
    if reverse:
        back = -(ratio * q).sum(-1, keepdim=True)  # KL(student || teacher)
        total = (1 - reverse) * total + reverse * back.sum()
        gradient.mul_(1 - reverse).sub_(reverse * q * (ratio + back))
    return total * t * t, gradient.mul_(t)


@torch.no_grad()
def logit_gradient(
    student: torch.Tensor, wanted: Targets, at: slice, targets: torch.Tensor, objective: Objective
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """KL and CE summed over positions, and the gradient of the summed L on student [n, vocab].

    Logits are float32; targets [n] are token ids.
    """
    alpha = objective.alpha
    kl, gradient = wanted.compare(at, student, objective)
    gradient.mul_(1 - alpha)
    ce = kl.new_zeros(())
    if alpha:
        log_q = functional.log_softmax(student, -1)
        ce = functional.nll_loss(log_q, targets, reduction="sum")
        gradient.add_(log_q.exp_(), alpha=alpha)
        gradient[torch.arange(len(targets), device=targets.device), targets] -= alpha
    return kl, ce, gradient


def head_backward(
    hidden: torch.Tensor,
    head: torch.Tensor,
    wanted: Targets,
    targets: torch.Tensor,
    objective: Objective,
    *,
    cap: float | None = None,
) -> Losses:
    """Loss of normalised hidden states; its mean's gradient is left on `hidden` and `head`.

    hidden [n, width] enters the head [vocab, width]; `cap` is the model's soft cap of logits. What
    `hidden.grad` held is replaced, what `head.grad` held is added to. Only a few rows of logits
    exist at once.
    """
    kind, count = head.dtype, len(hidden)
    kl, ce = (torch.zeros((), device=hidden.device) for _ in range(2))
    given = torch.empty_like(hidden)
    collected = torch.zeros(head.shape, dtype=torch.float32, device=head.device)
    with torch.no_grad():
        for part in _slices(0, count, _ROWS):
            inputs = hidden[part].to(kind)
            logits = functional.linear(inputs, head)
            more_kl, more_ce = _in_place(logits, wanted, part, targets, objective, cap)
            kl, ce = kl + more_kl, ce + more_ce
            logits.div_(count)
            given[part] = logits @ head
            collected.add_(logits.t() @ inputs)
    hidden.grad = given
    collected = collected.to(kind)
    head.grad = collected if head.grad is None else head.grad.add_(collected)
    return Losses(float(kl) / count, float(ce) / count)


def _in_place(  # noqa: PLR0917 - a loss of a model, at some positions of a text
    logits: torch.Tensor,
    wanted: Targets,
    part: slice,
    targets: torch.Tensor,
    objective: Objective,
    cap: float | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn logits into the gradient with respect to them; gives the sums of KL and CE."""
    kl, ce = (torch.zeros((), device=logits.device) for _ in range(2))
    on_cpu = logits.device.type == "cpu"
    rows = max(1, _ELEMENTS // logits.shape[-1]) if on_cpu else len(logits)
    for at in _slices(part.start, part.start + len(logits), rows):
        here = slice(at.start - part.start, at.stop - part.start)
        student = capped(logits[here].float(), cap)
        more_kl, more_ce, gradient = logit_gradient(student, wanted, at, targets[at], objective)
        if cap is not None:
            gradient.mul_(1 - (student / cap).square())
        logits[here] = gradient
        kl, ce = kl + more_kl, ce + more_ce
    return kl, ce


def _slices(first: int, last: int, length: int) -> Iterator[slice]:
    for at in range(first, last, length):
        yield slice(at, min(at + length, last))


def capped(logits: torch.Tensor, cap: float | None) -> torch.Tensor:
    """Softly, where the model has a cap."""
    return logits if cap is None else cap * torch.tanh(logits / cap)


@torch.no_grad()
def divergence(
    hidden: torch.Tensor,
    head: torch.Tensor,
    teacher: torch.Tensor,
    teacher_head: torch.Tensor,
    cap: float | None,
) -> float:
    """Mean KLD of positions [n, width], nats; nothing is left on anything."""
    total, rows = 0.0, max(1, _ELEMENTS // head.shape[0])
    for student, other in zip(hidden.split(rows), teacher.split(rows), strict=True):
        logits = functional.linear(student.to(head.dtype), head).float()
        wanted = functional.linear(other.to(head.dtype), teacher_head).float()
        wanted, logits = capped(wanted, cap), capped(logits, cap)
        total += float(kld(wanted.log_softmax(-1), logits).sum())
    return total / len(hidden)
