"""How far one next-token distribution is from another, position by position, in nats.

Must not know models: only log-probabilities and logits.
"""

from __future__ import annotations

import torch

_CHUNK_ELEMENTS = 1 << 20
"""Numbers worked on at once: 4 MB of float32, which a core's cache nearly holds."""


def kld(clean_logprobs: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """KL(clean || softmax(logits)) of [..., vocab] -> [...], in slices that bound the memory.

    Leading sides broadcast: many variants' logits may meet one clean text. Good to about 1e-7 of
    a nat in float32, where the textbook sum of p log(p / q) is lost below 1e-5.
    """
    shape = torch.broadcast_shapes(clean_logprobs.shape, logits.shape)
    clean = clean_logprobs.expand(shape).reshape(-1, shape[-1])
    other = logits.expand(shape).reshape(-1, shape[-1])
    rows = max(1, _CHUNK_ELEMENTS // shape[-1])
    parts = [_kld(c, o) for c, o in zip(clean.split(rows), other.split(rows), strict=True)]
    return torch.cat(parts).reshape(shape[:-1])


def _kld(clean: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """KL of rows, as log E[exp(x)] of the centred difference x = logits - clean - E[...].

    With E over the clean distribution, KL = log1p(E[expm1(x)]) - E[x]. Both terms are of the size
    of the answer, so nothing large cancels, and errors of x enter squared.
    """
    clean, logits = clean.float(), logits.float()
    p = clean.exp()
    difference = logits - clean
    difference = difference - (p * difference).sum(-1, keepdim=True)
    excess = (p * difference.expm1()).sum(-1)
    if not bool((excess < 1.0).all()):  # also when not a number: far apart, expm1 overflows
        return (p * (clean - logits.log_softmax(-1))).sum(-1)
    return excess.log1p() - (p * difference).sum(-1)
