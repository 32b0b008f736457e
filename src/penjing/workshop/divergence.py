"""How far one next-token distribution is from another, position by position, in nats.

Must not know models: only log-probabilities and logits.
"""

from __future__ import annotations

import torch

_CHUNK_ELEMENTS = 1 << 17
"""Numbers worked on at once: half a MB of float32 stays in a core's cache, twice as fast."""


def kld(clean_logprobs: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """KL(clean || softmax(logits)) of [..., vocab] -> [...], in slices that bound the memory.

    Leading sides broadcast: many variants' logits may meet one clean text. Small divergences keep
    their digits in float32, where the textbook sum of p log(p / q) is lost below 1e-6.
    """
    shape = torch.broadcast_shapes(clean_logprobs.shape, logits.shape)
    clean = clean_logprobs.expand(shape).reshape(-1, shape[-1])
    other = logits.expand(shape).reshape(-1, shape[-1])
    rows = max(1, _CHUNK_ELEMENTS // shape[-1])
    parts = [_kld(c, o) for c, o in zip(clean.split(rows), other.split(rows), strict=True)]
    return torch.cat(parts).reshape(shape[:-1])


def _kld(clean: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """KL of rows, from the centred difference x = logits - clean - E[logits - clean].

    With E over the clean distribution, KL = log1p(E[expm1(x)]) - E[x]. Both terms are of the size
    of the answer, so nothing large cancels, and errors of x enter squared.
    """
    p = clean.exp()
    x = logits - clean
    x -= (p * x).sum(-1, keepdim=True)
    mean = (p * x).sum(-1)
    excess = (p * x.expm1_()).sum(-1)
    if not bool(excess.isfinite().all()):  # expm1 overflowed: far apart, where no digits are lost
        return (p * (clean - logits.log_softmax(-1))).sum(-1)
    return excess.log1p() - mean
