"""Codec-exact distillation: a model is trained, as it will be stored, to say what its teacher says.

Every step decodes the student exactly as the engine will (`latent.py`), compares its next-token
distributions with the teacher's on calibration text (`loss.py`), or what lies behind them too
(`features.py`), and moves latent weights, block scales, norms and biases. The teacher of a rounded
model is the model it was. What is exported afterwards is what was trained, to the bit. Liu et
al. 2023 (LLM-QAT, arXiv:2305.17888) train abstract grids this way; here the grid is the file's.

A step goes forward block by block and keeps what entered each, then backward block by block: each
is computed again with gradients (Chen et al. 2016, arXiv:1604.06174), moved, and forgotten (Lv et
al. 2023, LOMO, arXiv:2306.09782). Values, gradients and activations are of one block at a time.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

import numpy as np
import torch

from penjing.core.errors import BadInput
from penjing.core.memory import give_back
from penjing.core.progress import Progress
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.distill.features import Activations, Features, places
from penjing.workshop.distill.labels import Labels, write_labels
from penjing.workshop.distill.loss import LiveTargets, Targets, divergence, head_backward
from penjing.workshop.distill.models import ENDS, Start, Student
from penjing.workshop.distill.schedule import Schedule
from penjing.workshop.distill.state import StateFile
from penjing.workshop.distill.teacher import Teacher, mapper, require_same_tokens
from penjing.workshop.tensors import Bytes

_WARM_UP = 5  # steps until the rates are reached
_TIMED = 3  # steps after which the time of one is known
_SAVE_EVERY = 180.0  # seconds
_FITTED = 4  # windows that a projection begins with
_MUCH = 1.5  # nats from which on the rates are used in full


@dataclass(frozen=True)
class TrainingResult:
    """What came out."""

    tensors: Mapping[str, Bytes]
    """Stored bytes of everything trained, in the codecs of the plan; norms as F32. None at all
    where training did not make it better: what it started from is then to be kept."""
    steps: int
    """How many were taken."""
    before: float
    """Mean KLD on windows that are not trained on, nats; every domain counts alike."""
    after: float
    """The same at the end."""
    kl: Sequence[float]
    """Of every step, before it, on the text of that step, nats (`Losses.kl`)."""
    domains: Mapping[str, tuple[float, float]]
    """Before and after, by domain."""


def distill(
    checkpoint: Checkpoint,
    plan: Mapping[str, str],
    start: Start,
    windows: Sequence[Sequence[int]],
    schedule: Schedule,
    *,
    apart: Mapping[str, Sequence[Sequence[int]]],
    saved: StateFile,
    device: torch.device,
    dtype: torch.dtype,
    progress: Progress,
    of: Checkpoint | None = None,
    floats: bool = False,
) -> TrainingResult:
    """Train the model in `start` towards the teacher `of` on equally long `windows`.

    The teacher is `checkpoint` itself where none is given; BadInput unless both have the same
    tokens. `apart` are windows by domain that are not trained on, to see whether it helps. A tensor
    in a codec that is no grid stays as it is, but for floating point where `floats` are trained.
    `saved` keeps the state for a run that is killed. Peak memory: see `memory_needed`.
    """
    if of is not None:
        require_same_tokens(checkpoint, of)
    student = Student(checkpoint, plan, start, device=device, dtype=dtype, floats=floats)
    teacher = Teacher(of or checkpoint, device=device, dtype=dtype)
    if not (windows and apart):
        raise BadInput("one window of text is too little to train on: give a longer --text")
    text = torch.tensor([list(window) for window in windows])
    run = _Run(student, teacher, schedule, text, saved, progress)
    history = saved.restore(run.trained, run.optimizer)
    if history.before is None:
        history.before = run.divergences(apart)
    before = fmean(history.before.values())
    _soften(run.optimizer, before)
    if schedule.steps is not None:
        history.steps = schedule.steps
    if history.steps is None:
        with progress.task("how long a step takes", _TIMED, unit="steps") as task:
            begun = time.monotonic()
            for _ in range(_TIMED):
                history.kl.append(run.step(len(history.kl), None))
                task.advance()
            each = (time.monotonic() - begun) / _TIMED
        history.steps = max(_TIMED, int(schedule.seconds / each))
    kept = time.monotonic()
    left = history.steps - len(history.kl)
    with progress.task("training through the codecs", left, unit="steps") as task:
        for step in range(len(history.kl), history.steps):
            history.kl.append(run.step(step, history.steps))
            task.advance()
            if time.monotonic() - kept > _SAVE_EVERY and step + 1 != history.steps:
                saved.keep(run.trained, run.optimizer, history)
                kept = time.monotonic()
    found = run.divergences(apart)
    after = fmean(found.values())
    better = after < before
    if not better:
        progress.note(f"training did not help (KLD {before:.4f} to {after:.4f}): left out")
    tensors = student.stored() if better else {}
    domains = {name: (value, found[name]) for name, value in history.before.items()}
    return TrainingResult(tensors, history.steps, before, after, tuple(history.kl), domains)


@dataclass(frozen=True)
class _Run:
    """One training."""

    student: Student
    """Is changed."""
    teacher: Teacher
    """Is not."""
    schedule: Schedule
    """How."""
    text: torch.Tensor
    """Token ids [windows, T]."""
    saved: StateFile
    """Where soft labels lie, if any are kept."""
    progress: Progress

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        """Of everything that is trained."""
        return self.student.optimizer(self.schedule, self.features.trained())

    @cached_property
    def trained(self) -> dict[str, torch.Tensor]:
        """The same, by name."""
        return self.student.trained() | self.features.trained()

    @cached_property
    def features(self) -> Features:
        """What is compared behind the logits."""
        ours, theirs = self.student.config, self.teacher.config
        pairs = places(ours.layers, theirs.layers)
        out = Features(self.schedule.objective, pairs, (ours.hidden, theirs.hidden))
        if out.projected:
            ids = self.text[:_FITTED].to(self.student.device)
            with torch.no_grad(), self.student.exact(ENDS) as ends:
                _, *left = self._forward(self.student.embed(ends, ids))
            out.fit(left, self.teacher.seen(ids, set(out.places.values()))[1])
        return out

    @cached_property
    def labels(self) -> Labels | None:
        """What the teacher says of all text, where it is asked once and for all."""
        count = self.schedule.labels
        if not count:
            return None
        if self.features.weights:
            raise BadInput("soft labels tell nothing of what lies behind them: leave out "
                           f"{' and '.join(self.features.weights)}, or the labels")  # fmt: skip
        return self.saved.labels(
            self.text,
            lambda: write_labels(
                self.teacher, self.text, count, self.teacher.config.logit_softcap, self.progress
            ),
        )

    def _wanted(self, chosen: Sequence[int], ids: torch.Tensor) -> tuple[Targets, Activations]:
        """What the teacher says of these windows, and what it thinks."""
        if self.labels is not None:
            return self.labels.of(chosen, ids.device), Activations()
        layers = set(self.features.places.values())
        hidden, seen = self.teacher.seen(ids, layers, maps=self.features.wants_maps)
        flat = hidden[:, :-1].flatten(0, 1)
        return LiveTargets(flat, self.teacher.head, self.teacher.config.logit_softcap), seen

    def step(self, number: int, total: int | None) -> float:
        """One step; its KL before it, nats."""
        _set_rates(self.optimizer, number, total)
        chosen = _draw(len(self.text), self.schedule, number)
        ids = self.text[chosen].to(self.student.device)
        wanted, seen = self._wanted(chosen, ids)
        with self.student.exact(ENDS) as ends:
            entering = list(self._forward(self.student.embed(ends, ids).detach()))
            last = entering.pop().requires_grad_()
            hidden = ends.normed(last)[:, :-1].flatten(0, 1)
            leaf = hidden.detach()
            give_back(cycles=False)  # or what lies free in pieces adds up
            losses = head_backward(
                leaf, self.student.head(ends), wanted, ids[:, 1:].flatten(),
                self.schedule.objective, cap=self.student.config.logit_softcap,
            )  # fmt: skip
            hidden.backward(leaf.grad)
            given = last.grad
            while entering:
                given = self._backward(entering.pop().requires_grad_(), len(entering), given, seen)
            self.student.embed_backward(ends, ids, given)
            self._move(ENDS)
        give_back(cycles=False)
        return losses.kl

    @torch.no_grad()
    def _forward(self, hidden: torch.Tensor) -> Iterator[torch.Tensor]:
        """What enters each block, and what leaves the last."""
        yield hidden
        for layer in range(self.student.config.layers):
            with self.student.exact(self.student.block(layer)) as model:
                hidden = model.block(layer, hidden)
            yield hidden

    def _backward(
        self, entering: torch.Tensor, layer: int, given: torch.Tensor | None, wanted: Activations
    ) -> torch.Tensor | None:
        """Move a block by the gradient of what left it; gives that of what entered it."""
        names = self.student.block(layer)
        with self.student.exact(names) as model:
            ours = Activations()
            model.watch = mapper(model, (layer,), ours) if self.features.wants_maps else None
            left = model.block(layer, entering)
            more = self.features.loss(layer, left, ours.attention.get(layer), wanted)
            if more is None:
                left.backward(given)
            else:
                torch.autograd.backward([left, more], [given, None])
            self._move(names)
        return entering.grad

    def _move(self, names: Collection[str]) -> None:
        self.student.receive(names)
        self.optimizer.step()  # of all that has a gradient
        for tensor in self.trained.values():
            tensor.grad = None

    def divergences(self, apart: Mapping[str, Sequence[Sequence[int]]]) -> dict[str, float]:
        """Mean KLD of the student as it would be exported now by domain, nats."""
        found = {name: self._divergence(windows) for name, windows in apart.items()}
        give_back()
        return found

    @torch.no_grad()
    def _divergence(self, windows: Sequence[Sequence[int]]) -> float:
        ids = torch.tensor([list(window) for window in windows]).to(self.student.device)
        with self.student.exact(ENDS) as ends:
            *_, last = self._forward(self.student.embed(ends, ids))
            return divergence(
                ends.normed(last).flatten(0, 1), self.student.head(ends),
                self.teacher.hidden(ids).flatten(0, 1), self.teacher.head,
                self.student.config.logit_softcap,
            )  # fmt: skip


def _draw(count: int, schedule: Schedule, step: int) -> list[int]:
    """The windows of a step: a new shuffle of all for every pass."""
    first = step * schedule.together
    out = []
    for at in range(first, first + schedule.together):
        order = np.random.default_rng([schedule.seed, at // count]).permutation(count)
        out.append(int(order[at % count]))
    return out


def _soften(optimizer: torch.optim.Optimizer, divergence: float) -> None:
    """Smaller rates where little is wrong: the weights' error goes with the root of the KLD."""
    for group in optimizer.param_groups:
        group["rate"] *= min(1.0, (divergence / _MUCH) ** 0.5)


def _set_rates(optimizer: torch.optim.Optimizer, step: int, total: int | None) -> None:
    """Up over a few steps, then down in a straight line to nothing."""
    left = 1.0 if total is None or step < _TIMED else 1 - step / total
    for group in optimizer.param_groups:
        group["lr"] = group["rate"] * min(1.0, (step + 1) / _WARM_UP) * left
