"""L1 magnitude: small weights matter least.

    s_ij = |W_ij|

LeCun, Denker and Solla 1989 call it the simplest saliency; Han et al. 2015 (arXiv:1506.02626,
section 3) prune whole networks by it. Of a structure see `importance_sum.py`.
"""

from __future__ import annotations

import torch

from penjing.workshop.prune.evidence import Evidence


def scores(weights: torch.Tensor, evidence: Evidence) -> torch.Tensor:  # noqa: ARG001
    """|W| [rows, columns]."""
    return weights.abs()
