"""How far one next-token distribution is from another, position by position, in nats.

Must not know models: only log-probabilities and logits.
"""

from __future__ import annotations

import torch

from penjing.core.errors import BadInput

_CHUNK_ELEMENTS = 1 << 17
"""Numbers worked on at once: half a MB of float32 stays in a core's cache, twice as fast."""


def kld(clean_logprobs: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """KL(clean || softmax(logits)) of [..., vocab] -> [...], in slices that bound the memory.

    `logits` may have more leading sides: variants of the same text. Small divergences keep their
    digits in float32, where the textbook sum of p log(p / q) is lost below 1e-6.
    """
    if logits.dim() > clean_logprobs.dim():
        return torch.stack([kld(clean_logprobs, variant) for variant in logits])
    if logits.shape != clean_logprobs.shape:
        raise BadInput(
            f"logits {list(logits.shape)} do not belong to log-probabilities "
            f"{list(clean_logprobs.shape)}: score the same positions of the same text"
        )
    vocab = logits.shape[-1]
    rows = max(1, _CHUNK_ELEMENTS // vocab)
    clean, other = (each.reshape(-1, vocab).split(rows) for each in (clean_logprobs, logits))
    parts = [_kld(*pair) for pair in zip(clean, other, strict=True)]
    return torch.cat(parts).reshape(logits.shape[:-1])


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
