"""How far changed hidden states push the next-token distribution, without ever holding all logits.

With d the change of the logits and E over the clean distribution, KL(clean || changed) =
log E[exp(d)] - E[d]. Both means are sums over the vocabulary, so that the head's matrix is needed a
piece at a time. Only differences are multiplied in a short number type: its rounding is then
relative to the change, not to the logits (see `wavefront.py`). Must not know files or codecs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch.nn import functional

from penjing.workshop.threads import SideBySide

Rows = Callable[[slice], torch.Tensor]
"""Some rows of a head's matrix, [rows, hidden]."""

PIECE = 1024
"""Rows of the head worked on at once."""
_POSITIONS = 192  # positions at once: with PIECE, what stays in a core's cache


@dataclass(frozen=True)
class Reading:
    """What some change of the weights does to the output."""

    kld: float
    """Mean over the scored positions, nats."""
    same_top: float | None = None
    """Share of positions whose top token is unchanged; None where nobody asked."""


@dataclass(frozen=True)
class Head:
    """The output matrix."""

    rows: Rows
    """Its rows, loaded when asked for."""
    vocab: int
    """How many."""
    cap: float | None
    """Logits become cap x tanh(logits / cap); None: as they are."""

    def pieces(self) -> Iterator[slice]:
        """Slices of the vocabulary."""
        for first in range(0, self.vocab, PIECE):
            yield slice(first, min(first + PIECE, self.vocab))

    def capped(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits as they count."""
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)


@dataclass(frozen=True)
class HeadVariant:
    """One variant at the head."""

    hidden: torch.Tensor
    """Normalised [positions, hidden]."""
    rows: Rows | None = None
    """Its own head, where that was changed too."""


class CleanHead:
    """The clean run's distributions [positions, vocab], kept as what they can be computed from."""

    def __init__(self, head: Head, hidden: torch.Tensor) -> None:
        self.head = head
        self.hidden = hidden
        """Normalised [positions, hidden]."""
        self._log_total = self._log_totals()
        self._slope = self._slopes()

    @torch.no_grad()
    def read(
        self,
        variants: Sequence[HeadVariant],
        side_by_side: SideBySide,
        *,
        dtype: torch.dtype,
        tops: bool = False,
    ) -> list[Reading]:
        """The reading of each variant; differences are multiplied in `dtype`."""
        sums = [_Sums(self, variant, dtype) for variant in variants]
        for piece in self.head.pieces():
            weight = self.head.rows(piece)
            raw = functional.linear(self.hidden, weight)
            clean = self.head.capped(raw)
            p = (clean - self._log_total).exp_()
            part = _Piece(weight.to(dtype), raw, clean, p)
            side_by_side(partial(_Sums.add, piece=piece, clean=part, tops=tops), sums)
        return [each.reading(tops=tops) for each in sums]

    def _log_totals(self) -> torch.Tensor:
        """log of the sum of exp(logits), [positions, 1]."""
        total = self.hidden.new_full((len(self.hidden), 1), -torch.inf)
        for piece in self.head.pieces():
            logits = self.head.capped(functional.linear(self.hidden, self.head.rows(piece)))
            total = torch.logaddexp(total, logits.logsumexp(-1, keepdim=True))
        return total

    def _slopes(self) -> torch.Tensor:
        """How the mean logit changes with the hidden state, to first order: [positions, hidden]."""
        out = torch.zeros_like(self.hidden)
        for piece in self.head.pieces():
            weight = self.head.rows(piece)
            clean = self.head.capped(functional.linear(self.hidden, weight))
            p = (clean - self._log_total).exp_()
            if self.head.cap is not None:
                p *= 1 - (clean / self.head.cap).square()
            out += p @ weight
        return out

    def expected(self, difference: torch.Tensor) -> torch.Tensor:
        """First guess [positions, 1] of E[d] for a difference of hidden states."""
        return (self._slope * difference).sum(-1, keepdim=True)


@dataclass(frozen=True)
class _Piece:
    """A piece of the vocabulary in the clean run."""

    short: torch.Tensor
    """Rows of the head [piece, hidden], in the short type."""
    raw: torch.Tensor
    """Logits before the cap [positions, piece]."""
    clean: torch.Tensor
    """And after."""
    p: torch.Tensor
    """Probabilities."""


class _Sums:
    """What is added up over the vocabulary for one variant."""

    def __init__(self, clean: CleanHead, variant: HeadVariant, dtype: torch.dtype) -> None:
        self._head = clean.head
        self._rows = variant.rows
        self._hidden = variant.hidden
        difference = variant.hidden - clean.hidden
        self._difference = difference.to(dtype)
        self._guess = clean.expected(difference)
        positions = len(difference)
        self._excess, self._mean = difference.new_zeros((2, positions), dtype=torch.float64)
        self._best = difference.new_full((positions,), -torch.inf)
        self._clean_best, self._there = self._best.clone(), self._best.clone()

    def add(self, piece: slice, clean: _Piece, *, tops: bool) -> None:
        """One more piece. The guess keeps both sums small, so that no digits cancel."""
        own = None if self._rows is None else self._rows(piece)
        for first in range(0, len(self._guess), _POSITIONS):
            span = slice(first, first + _POSITIONS)
            change = self._change(span, clean, own)
            if tops:
                self._add_tops(span, clean.clean[span], change)
            x, p = change - self._guess[span], clean.p[span]
            self._mean[span] += torch.linalg.vecdot(x, p)
            excess = torch.linalg.vecdot(x.expm1(), p)
            if not bool(excess.isfinite().all()):  # expm1 overflowed
                excess = torch.linalg.vecdot(x.double().expm1(), p.double())
            self._excess[span] += excess

    def _change(self, span: slice, clean: _Piece, own: torch.Tensor | None) -> torch.Tensor:
        """Of the logits, [positions, piece]; perhaps still in the short type."""
        raw = clean.raw[span]
        if own is not None:
            after = self._head.capped(functional.linear(self._hidden[span], own))
            return after - clean.clean[span]
        difference = functional.linear(self._difference[span], clean.short)
        if self._head.cap is None:
            return difference
        return self._head.capped(raw + difference) - clean.clean[span]

    def _add_tops(self, span: slice, clean: torch.Tensor, change: torch.Tensor) -> None:
        """Remember the largest logit, and what became of the clean run's largest."""
        after = clean + change
        best, at = clean.max(-1)
        newer = best > self._clean_best[span]
        there = after.gather(-1, at[:, None])[:, 0]
        self._there[span] = torch.where(newer, there, self._there[span])
        self._clean_best[span] = torch.where(newer, best, self._clean_best[span])
        self._best[span] = torch.maximum(self._best[span], after.amax(-1))

    def reading(self, *, tops: bool) -> Reading:
        """KL = log1p(E[expm1(d - guess)]) - E[d - guess], for any guess."""
        kld = float((self._excess.log1p() - self._mean).mean())
        same = float((self._there >= self._best).double().mean()) if tops else None
        return Reading(kld, same)
