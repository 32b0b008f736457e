"""Codec-exact distillation: the rounded model is trained, as it will be stored, to say what the
starting model says.

Every step decodes the student exactly as the engine will (`latent.py`), compares its next-token
distributions with the starting model's on calibration text (`loss.py`), and moves latent weights,
block scales, norms and biases with Adam (Kingma and Ba 2015, arXiv:1412.6980). What is exported
afterwards is what was trained, to the bit. Liu et al. 2023 (LLM-QAT, arXiv:2305.17888) train
abstract grids this way; here the grid is the file's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from penjing.core.progress import Progress
from penjing.workshop.checkpoint import Bytes, Checkpoint
from penjing.workshop.distill.loss import Losses, Objective, head_backward
from penjing.workshop.distill.models import Student, Teacher
from penjing.workshop.distill.schedule import Schedule
from penjing.workshop.distill.state import Saved
from penjing.workshop.quantize.whole import Store

_WARM_UP = 5  # steps until the rates are reached
_TIMED = 3  # steps after which the time of one is known
_SAVE_EVERY = 180.0  # seconds


@dataclass(frozen=True)
class Trained:
    """What came out."""

    tensors: Mapping[str, Bytes]
    """Stored bytes of everything trained, in the codecs of the plan; norms as F32."""
    steps: int
    """How many were taken."""
    first: float
    """Mean KL of the first steps, nats."""
    last: float
    """And of the last ones."""


def distill(
    checkpoint: Checkpoint,
    plan: Mapping[str, str],
    start: Store,
    windows: Sequence[Sequence[int]],
    schedule: Schedule,
    *,
    saved: Saved,
    device: torch.device,
    dtype: torch.dtype,
    progress: Progress,
) -> Trained:
    """Train the model rounded in `start` towards `checkpoint` on equally long `windows`.

    A tensor in a codec that is no grid stays as it is. `saved` keeps the state for a run that is
    killed. Peak memory: see `memory_needed`.
    """
    student = Student(checkpoint, plan, start, device=device, dtype=dtype)
    teacher = Teacher(checkpoint, device=device, dtype=dtype)
    optimizer = student.optimizer(schedule)
    text = torch.tensor([list(window) for window in windows])
    begun, losses, total = time.monotonic(), saved.restore(student, optimizer), schedule.steps
    if losses.steps is not None:
        total = losses.steps
    kept = time.monotonic()
    first_step = len(losses.kl)
    with progress.task("training through the codecs", total, unit="steps") as task:
        task.advance(first_step)
        step = first_step
        while total is None or step < total:
            _set_rates(optimizer, step, total)
            ids = text[_draw(len(text), schedule, step)].to(device)
            found = _step(student, teacher, ids, schedule.objective)
            optimizer.step()
            student.forget_gradients()
            losses.kl.append(found.kl)
            step += 1
            task.advance()
            if total is None and step - first_step >= _TIMED:
                each = (time.monotonic() - begun) / (step - first_step)
                total = max(step, int(schedule.seconds / each))
                losses.steps = total
            if time.monotonic() - kept > _SAVE_EVERY and step != total:
                saved.keep(student, optimizer, losses)
                kept = time.monotonic()
    edge = max(1, len(losses.kl) // 10)
    mean = [float(np.mean(part)) for part in (losses.kl[:edge], losses.kl[-edge:])]
    return Trained(student.stored(), step, *mean)


def _step(student: Student, teacher: Teacher, ids: torch.Tensor, objective: Objective) -> Losses:
    """Gradients of one step, left on what is trained."""
    wanted = teacher.hidden(ids).flatten(0, 1)
    with student.exact() as model:
        hidden = model.normed(model.hidden_from(0, student.embed(ids))).flatten(0, 1)
        leaf = hidden.detach()
        targets = ids.roll(-1, -1).flatten()
        losses = head_backward(
            leaf, student.head(), wanted, teacher.head, targets, objective,
            cap=model.config.logit_softcap,
        )  # fmt: skip
        hidden.backward(leaf.grad)
    student.receive()
    return losses


def _draw(count: int, schedule: Schedule, step: int) -> list[int]:
    """The windows of a step: a new shuffle of all for every pass."""
    first = step * schedule.together
    out = []
    for at in range(first, first + schedule.together):
        order = np.random.default_rng([schedule.seed, at // count]).permutation(count)
        out.append(int(order[at % count]))
    return out


def _set_rates(optimizer: torch.optim.Optimizer, step: int, total: int | None) -> None:
    """Up over a few steps, then down in a straight line to nothing."""
    left = 1.0 if total is None or step < _TIMED else 1 - step / total
    for group in optimizer.param_groups:
        group["lr"] = group["rate"] * min(1.0, (step + 1) / _WARM_UP) * left
