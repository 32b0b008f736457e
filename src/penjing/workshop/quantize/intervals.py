"""The best way to cut sorted values into intervals: optimal k-means in one dimension.

    D_0[0] = 0        D_k[i] = min_{j < i} D_{k-1}[j] + cost(j, i)

cost(j, i) = Σ w (x - mean)² over the values from cut j to cut i, from prefix sums of w, w x and
w x². Clusters in one dimension are intervals, so the minimum over cuts is the minimum over all
clusterings: Wang and Song 2011, Ckmeans.1d.dp, The R Journal 3(2). O(k m²) for m places to cut.

Where values are too many, m places are chosen as a fine quantizer would choose them: with density
(w f)^(1/3) for values of density f (Panter and Dite 1951, Proc. IRE 39). The gap g between
neighbours is about 1 / f, so each gap is worth w^(1/3) g^(2/3) of a place.
"""

from __future__ import annotations

import torch
from torch.nn.functional import pad

from penjing.workshop.quantize.exact import quotient

_CHUNK_ELEMENTS = 1 << 21
"""Costs held at once: 16 MB of float64, and as much again while they are compared."""


def best_cuts(
    values: torch.Tensor, weights: torch.Tensor, count: int, *, places: int
) -> torch.Tensor:
    """Where to cut each row of ascending `values` [groups, members] into `count` intervals.

    [groups, count + 1] positions, the first 0 and the last `members`; no interval is empty. With
    `places` >= members every position is tried, and the weighted squared error is the least there
    is. `count` must not be above members or places.
    """
    edges = _edges(values, weights, min(places, values.shape[1]))
    if edges.shape[1] == count + 1:  # every place is needed
        return edges
    chunk = max(1, _CHUNK_ELEMENTS // edges.shape[1] ** 2)
    parts = zip(values.split(chunk), weights.split(chunk), edges.split(chunk), strict=True)
    return torch.cat([each[2].gather(1, _solve(_costs(*each), count)) for each in parts])


def _edges(values: torch.Tensor, weights: torch.Tensor, places: int) -> torch.Tensor:
    """Where cuts may be: [groups, places + 1] positions, strictly ascending, 0 and all included."""
    groups, members = values.shape
    index = torch.arange(places + 1, device=values.device)
    if places == members:
        return index.repeat(groups, 1)
    worth = (weights[:, 1:] + weights[:, :-1]) ** (1 / 3) * values.diff(dim=1) ** (2 / 3)
    reached = worth.cumsum(dim=1)
    shares = reached[:, -1:] * index[1:-1] / places
    inner = torch.searchsorted(reached, shares) + 1
    edges = pad(pad(inner, (1, 0)), (0, 1), value=members) - index
    return edges.cummax(dim=1).values.clamp(max=members - places) + index


def _costs(values: torch.Tensor, weights: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
    """cost(j, i) [groups, edges, edges], infinite unless j < i; centred, against cancellation."""
    centred = values - quotient((weights * values).sum(1, True), weights.sum(1, True))
    between = []
    for term in (weights, weights * centred, weights * centred.square()):
        prefix = pad(term.cumsum(dim=1), (1, 0)).gather(1, edges)
        between.append(prefix[:, None, :] - prefix[:, :, None])
    mass, first, second = between
    cost = (second - quotient(first.square(), mass)).clamp_(min=0.0)
    backwards = torch.ones(cost.shape[1:], dtype=torch.bool, device=cost.device).tril()
    return cost.masked_fill_(backwards, torch.inf)


def _solve(cost: torch.Tensor, count: int) -> torch.Tensor:
    """The cheapest path of `count` steps from the first edge to the last: [groups, count + 1]."""
    best = torch.full_like(cost[:, 0], torch.inf)
    best[:, 0] = 0.0
    came_from = []
    for _ in range(count):
        best, choice = (best[:, :, None] + cost).min(dim=1)
        came_from.append(choice)
    path = [torch.full_like(came_from[0][:, :1], cost.shape[1] - 1)]
    for choice in reversed(came_from):
        path.append(choice.gather(1, path[-1]))
    return torch.cat(path[::-1], dim=1)
