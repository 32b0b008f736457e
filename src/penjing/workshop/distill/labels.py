"""Soft labels that are kept: of each position the teacher's k likeliest tokens, the rest as one.

Written once, a training needs no teacher beside the student: 6 k bytes a position where all logits
of 49,152 tokens take 196,608. What is left out of k tokens is kept as one more class, so the loss
is the KL divergence between both distributions over k + 1 classes, which by the data-processing
inequality is never more than that over all tokens, and its gradient spreads over the rest by the
student's own shares. Labels are those of temperature 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch.nn import functional

from penjing.core.errors import BadInput
from penjing.core.files import writing
from penjing.core.progress import Progress
from penjing.core.strangers import open_plain
from penjing.workshop.distill.loss import Objective, capped, divergence_gradient
from penjing.workshop.distill.teacher import Teacher

_ROWS = 256
"""Positions whose logits exist at once."""
_LEAST = 1e-30
"""Of what is left out of the labels, so that its logarithm is a number."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Of some windows of text, equally long."""

    tokens: torch.Tensor
    """The k likeliest at each position [windows, T, k], int32."""
    logprobs: torch.Tensor
    """Their log-probabilities, float16."""

    @property
    def nbytes(self) -> int:
        """What they take."""
        return self.tokens.nbytes + self.logprobs.nbytes

    def of(self, windows: Sequence[int], device: torch.device) -> TopKTargets:
        """What the teacher says of these windows, at all positions but each one's last."""
        chosen = torch.as_tensor(list(windows))
        tokens, logprobs = (
            each[chosen][:, :-1].flatten(0, 1).to(device) for each in (self.tokens, self.logprobs)
        )
        return TopKTargets(tokens.long(), logprobs.float())

    def save(self, path: Path) -> None:
        """Whole or not at all."""
        with writing(path) as file:
            np.savez(file, allow_pickle=False, tokens=self.tokens.numpy(),
                     logprobs=self.logprobs.numpy())  # fmt: skip

    @classmethod
    def load(cls, path: Path, windows: int, length: int) -> Labels | None:
        """What `save` wrote for as many windows; None where there is nothing, or half of it."""
        try:
            with open_plain(path) as file, np.load(file, allow_pickle=False) as archive:
                tokens, logprobs = archive["tokens"], archive["logprobs"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None
        if tokens.shape != logprobs.shape or tokens.shape[:2] != (windows, length):
            return None
        return cls(torch.from_numpy(tokens), torch.from_numpy(logprobs))


@dataclass(frozen=True, eq=False)
class TopKTargets:
    """Labels of some positions. Satisfies `Targets`."""

    tokens: torch.Tensor
    """[positions, k]"""
    logprobs: torch.Tensor
    """[positions, k]"""

    @torch.no_grad()
    def compare(
        self, at: slice, student: torch.Tensor, objective: Objective
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Of k tokens, and of all others as one."""
        if objective.temperature != 1:
            raise BadInput("soft labels are kept at temperature 1: leave the temperature out")
        tokens, log_p = self.tokens[at], self.logprobs[at]
        log_q = functional.log_softmax(student, -1)
        q, ours = log_q.exp(), log_q.gather(-1, tokens)
        rest = (1 - ours.exp().sum(-1, keepdim=True)).clamp(min=_LEAST)
        theirs = (1 - log_p.exp().sum(-1, keepdim=True)).clamp(min=_LEAST)
        kl, gradient = divergence_gradient(
            torch.cat([ours, rest.log()], -1), torch.cat([log_p, theirs.log()], -1), objective
        )
        out = q.mul_(gradient[:, -1:] / rest)
        return kl, out.scatter_(-1, tokens, gradient[:, :-1])


@torch.no_grad()
def write_labels(
    teacher: Teacher, text: torch.Tensor, count: int, cap: float | None, progress: Progress
) -> Labels:
    """The `count` likeliest tokens at every position of text [windows, T]."""
    if not 0 < count <= len(teacher.head):
        raise BadInput(f"{count} soft labels of {len(teacher.head)} tokens: give at least 1")
    tokens = torch.empty((*text.shape, count), dtype=torch.int32)
    logprobs = torch.empty((*text.shape, count), dtype=torch.float16)
    with progress.task("the teacher labels the text", len(text), unit="windows") as task:
        for place, window in enumerate(text):
            hidden = teacher.hidden(window[None].to(teacher.head.device))[0]
            parts = []
            for rows in hidden.split(_ROWS):
                logits = functional.linear(rows.to(teacher.head.dtype), teacher.head).float()
                parts.append(capped(logits, cap).log_softmax(-1).topk(count, -1))
            tokens[place] = torch.cat([part.indices for part in parts]).cpu()
            logprobs[place] = torch.cat([part.values for part in parts]).cpu()
            task.advance()
    return Labels(tokens, logprobs)
