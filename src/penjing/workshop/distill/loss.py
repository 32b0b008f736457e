"""The distillation loss and its gradient, a few positions at a time.

L = alpha * CE(token, student) + (1 - alpha) * T^2 * KL(teacher_T || student_T), where _T means
logits divided by the temperature T (Hinton et al. 2015, arXiv:1503.02531, section 2; T^2 keeps the
gradient's size). The gradient with respect to student logits z is written out,
alpha (softmax(z) - onehot) + (1 - alpha) T (softmax(z / T) - softmax(t / T)), because a vocabulary
of 49,152 makes automatic differentiation keep five copies of the largest tensor there is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from penjing.workshop.divergence import kld

_ROWS = 512  # positions multiplied with the head at once
_ELEMENTS = 1 << 20  # logits that a CPU works on at once: what its cache holds


@dataclass(frozen=True)
class Objective:
    """What is minimised."""

    alpha: float = 0.0
    """Weight of the cross-entropy with the text's own next token, 0 to 1."""
    temperature: float = 1.0
    """Both distributions are flattened by it in the KL term; positive."""


@dataclass(frozen=True)
class Losses:
    """Means over positions, nats."""

    kl: float
    """KL(teacher || student) at the temperature, times its square."""
    cross_entropy: float
    """Of the text's own next token; 0 where alpha is 0."""


@torch.no_grad()
def logit_gradient(
    student: torch.Tensor, teacher: torch.Tensor, targets: torch.Tensor, objective: Objective
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """KL and CE summed over positions, and the gradient of the summed L on student [n, vocab].

    Logits are float32; targets [n] are token ids.
    """
    t, alpha = objective.temperature, objective.alpha
    log_p = functional.log_softmax(teacher / t, -1)
    log_q = functional.log_softmax(student / t, -1)
    p = log_p.exp()
    kl = log_p.sub_(log_q).mul_(p).sum() * t * t
    gradient = log_q.exp().sub_(p).mul_((1 - alpha) * t)
    ce = kl.new_zeros(())
    if alpha:
        log_s = log_q if t == 1 else functional.log_softmax(student, -1)
        ce = functional.nll_loss(log_s, targets, reduction="sum")
        gradient.add_(log_s.exp(), alpha=alpha)
        gradient[torch.arange(len(targets), device=targets.device), targets] -= alpha
    return kl, ce, gradient


def head_backward(  # noqa: PLR0917 - two models, each with hidden states and a head
    hidden: torch.Tensor,
    head: torch.Tensor,
    teacher: torch.Tensor,
    teacher_head: torch.Tensor,
    targets: torch.Tensor,
    objective: Objective,
    *,
    cap: float | None = None,
) -> Losses:
    """Loss of normalised hidden states; its mean's gradient is left on `hidden` and `head`.

    hidden and teacher [n, width] enter the heads [vocab, width]; `cap` is the model's soft cap of
    logits. What `hidden.grad` held is replaced, what `head.grad` held is added to. Only a few rows
    of logits exist at once.
    """
    kind, count = head.dtype, len(hidden)
    kl, ce = (torch.zeros((), device=hidden.device) for _ in range(2))
    given = torch.empty_like(hidden)
    collected = torch.zeros(head.shape, dtype=torch.float32, device=head.device)
    with torch.no_grad():
        for at in range(0, count, _ROWS):
            part = slice(at, at + _ROWS)
            inputs = hidden[part].to(kind)
            logits = functional.linear(inputs, head)
            other = functional.linear(teacher[part].to(kind), teacher_head.to(kind))
            more_kl, more_ce = _in_place(logits, other, targets[part], objective, cap)
            kl, ce = kl + more_kl, ce + more_ce
            logits.div_(count)
            given[part] = logits @ head
            collected.add_(logits.t() @ inputs)
    hidden.grad = given
    collected = collected.to(kind)
    head.grad = collected if head.grad is None else head.grad.add_(collected)
    return Losses(float(kl) / count, float(ce) / count)


def _in_place(
    logits: torch.Tensor,
    teacher: torch.Tensor,
    targets: torch.Tensor,
    objective: Objective,
    cap: float | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn logits into the gradient with respect to them; gives the sums of KL and CE."""
    kl, ce = (torch.zeros((), device=logits.device) for _ in range(2))
    on_cpu = logits.device.type == "cpu"
    rows = max(1, _ELEMENTS // logits.shape[-1]) if on_cpu else len(logits)
    for at in range(0, len(logits), rows):
        part = slice(at, at + rows)
        student, other = logits[part].float(), teacher[part].float()
        if cap is not None:
            student, other = cap * torch.tanh(student / cap), cap * torch.tanh(other / cap)
        more_kl, more_ce, gradient = logit_gradient(student, other, targets[part], objective)
        if cap is not None:
            gradient.mul_(1 - (student / cap).square())
        logits[part] = gradient
        kl, ce = kl + more_kl, ce + more_ce
    return kl, ce


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
        if cap is not None:
            logits, wanted = cap * torch.tanh(logits / cap), cap * torch.tanh(wanted / cap)
        total += float(kld(wanted.log_softmax(-1), logits).sum())
    return total / len(hidden)
