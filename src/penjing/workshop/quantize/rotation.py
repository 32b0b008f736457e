"""Rotation: the residual stream, or the values of heads, in another orthogonal basis.

A few loud channels make a block's scale coarse for all the others; in a random basis every channel
is about as loud as any other (QuaRot, Ashkboos et al. 2024, arXiv:2404.00456; SpinQuant,
Liu et al. 2024, arXiv:2405.16406, whose names R1 and R2 are used here). Both rotations are folded
into the weights, row vectors times matrices:

    R1   hidden states h -> h R: embedding E R, writers R^T W, readers W diag(norm) R, norms 1
         (the root mean square of h R is that of h, so an RMSNorm without weights commutes with R)
    R2   values of a head v -> v R: its rows of V become R^T V, its columns of O become O R

The file stays a plain model of its family. What the matrices read changes, so the importance of
those in `stale` must be collected again, on the rotated checkpoint, before it is rounded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penjing.core.errors import BadInput
from penjing.core.progress import Progress, Silent
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.quantize.fold import bias_of, links

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

WRITERS = ("attn_output.weight", "ffn_down.weight")
"""Tensor kinds whose rows are added to the residual stream, in every family."""

_EMBEDDING, _HEAD = "token_embd.weight", "output.weight"
_AT_ONCE = 4096  # rows that exist in float64


@dataclass(frozen=True, eq=False)
class RotatedCheckpoint:
    """The same function as before, up to float32 rounding of the weights."""

    checkpoint: Checkpoint
    """In the new basis."""
    stale: frozenset[str]
    """Matrices that now read something else: their importance must be collected again."""
    added: tuple[str, ...]
    """Tensors the model did not have: an own head costs the bytes of a second embedding."""

    def still_true(self, importance: Mapping[str, Floats]) -> dict[str, Floats]:
        """The part of an importance matrix of the model before that holds for this one too.

        What is missing from it is then an error wherever importance is required.
        """
        return {name: row for name, row in importance.items() if name not in self.stale}


def rotate_residual(
    checkpoint: Checkpoint, seed: int, *, untie: bool = False, progress: Progress | None = None
) -> RotatedCheckpoint:
    """R1: the whole residual stream in a random basis; norm weights go into the readers.

    With the output norm folded into it, the head is no longer the embedding: a model where they are
    one gets an own head with `untie`, and is BadInput without. BadInput, too, for families with
    norms behind the mixers (Gemma 3): their weights belong to channels of the old basis.
    """
    _refuse_norms_behind_mixers(checkpoint)
    added = _own_head(checkpoint, untie)
    whole = checkpoint.replacing(added)
    rotation = orthogonal(checkpoint.config.hidden, seed)
    inputs = [link for link in links(whole) if link.norm]
    norms = {link.producer: whole.tensor(link.producer).load() for link in inputs}
    before = {name: norms[link.producer] for link in inputs for name in link.members}
    before[_EMBEDDING] = np.ones(len(rotation), np.float32)
    writers = [f"blk.{layer}.{kind}" for layer in range(whole.config.layers) for kind in WRITERS]
    out = {name: np.ones_like(norm) for name, norm in norms.items()}
    with (progress or Silent()).task(
        "rotating the residual stream", len(before) + len(writers), unit="tensors"
    ) as task:
        for name, norm in before.items():
            out[name] = _rotated(whole.tensor(name).load(), norm[:, None] * rotation)
            task.advance(1)
        for name in writers:
            out |= _writer(whole, name, rotation)
            task.advance(1)
    return RotatedCheckpoint(whole.replacing(out), frozenset(before), tuple(added))


def rotate_values(
    checkpoint: Checkpoint, seed: int, *, layers: Collection[int] | None = None
) -> RotatedCheckpoint:
    """R2: the values of every head in a random basis, another one in each layer; all by default.

    Nothing is added and a tied head stays tied. Query heads that share a value head share its
    basis. BadInput for a layer that is not there, and where values have no matrix of their own.
    """
    if checkpoint.architecture.fused:
        raise BadInput(
            f"the values of a {checkpoint.architecture.name} model are in one matrix with its "
            "queries, and cannot be rotated alone: leave this step out"
        )
    chosen = range(checkpoint.config.layers) if layers is None else layers
    if any(layer not in range(checkpoint.config.layers) for layer in chosen):
        raise BadInput(
            f"{checkpoint.name} has the layers 0 to {checkpoint.config.layers - 1}, "
            f"not all of {sorted(chosen)}: choose among them"
        )
    out: dict[str, Floats] = {}
    stale: set[str] = set()
    for link in links(checkpoint):
        if link.head == 1 or link.layer not in chosen:
            continue
        rotation = orthogonal(link.head, (seed, link.layer or 0))
        out |= _writer(checkpoint, link.producer, rotation)
        for name in link.members:
            weights = checkpoint.tensor(name).load()
            heads = weights.reshape(-1, link.head)
            out[name] = _rotated(heads, rotation).reshape(weights.shape)
        stale.update(link.members)
    return RotatedCheckpoint(checkpoint.replacing(out), frozenset(stale), ())


def orthogonal(size: int, seed: int | Sequence[int]) -> Doubles:
    """A random orthogonal matrix [size, size]; the same seed gives the same.

    A Hadamard matrix over the root of its size, behind random signs (as in QuaRot), where
    `hadamard` knows one; else a QR decomposition of Gaussian noise, with the signs that make it
    uniformly distributed (Mezzadri 2007, arXiv:math-ph/0609050).
    """
    noise = np.random.default_rng(seed)
    regular = hadamard(size)
    if regular is not None:
        # rows, which row vectors meet first: signs behind the mixing would mix nothing anew
        return noise.choice((-1.0, 1.0), (size, 1)) * regular / np.sqrt(size)
    q, r = np.linalg.qr(noise.normal(size=(size, size)))
    return q * np.sign(np.diagonal(r))


def hadamard(size: int) -> Doubles | None:
    """A matrix of 1 and -1 with orthogonal columns: a Kronecker product of orders 2, 12, 20, 28.

    None where there is no such product: 576 = 12 x 12 x 4 has one, 36 and 44 do not.
    """
    factors: list[Doubles] = []
    for order, factor in ((12, paley(11)), (20, paley(19)), (28, paley_double(13))):
        while size % (order // 4) == 0:
            if size % order:
                return None
            size //= order
            factors.append(factor)
    while size % 2 == 0:
        size //= 2
        factors.append(np.array([[1.0, 1.0], [1.0, -1.0]]))
    out: Doubles = np.ones((1, 1))
    for factor in factors:
        out = np.kron(out, factor).astype(np.float64)
    return out if size == 1 else None


def paley(prime: int) -> Doubles:
    """Paley's first construction: a Hadamard matrix of order prime + 1, for 3 modulo 4.

    Q_ij is 1 where i - j is a square modulo the prime, -1 where it is none (Paley 1933).
    """
    border = _bordered(prime, -1.0)
    return border + np.eye(prime + 1)


def paley_double(prime: int) -> Doubles:
    """Paley's second construction: a Hadamard matrix of order 2 (prime + 1), for 1 modulo 4."""
    on, off = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([[1.0, -1.0], [-1.0, -1.0]])
    return np.kron(_bordered(prime, 1.0), on) + np.kron(np.eye(prime + 1), off)


def _bordered(prime: int, corner: float) -> Doubles:
    """Quadratic characters of i - j, with a row of ones above and a column of `corner` beside."""
    squares = {i * i % prime for i in range(1, prime)}
    character = np.array([0.0, *(1.0 if i in squares else -1.0 for i in range(1, prime))])
    index = np.arange(prime)
    out = np.zeros((prime + 1, prime + 1))
    out[0, 1:], out[1:, 0] = 1.0, corner
    out[1:, 1:] = character[(index[:, None] - index[None, :]) % prime]
    return out


def _own_head(checkpoint: Checkpoint, untie: bool) -> dict[str, Floats]:
    if not checkpoint.config.tied:
        return {}
    embedding = checkpoint.tensor(_EMBEDDING)
    if not untie:
        raise BadInput(
            f"the head of {checkpoint.name} is its embedding, and a rotated residual stream needs "
            f"a second one ({embedding.parameters} weights more): allow it with untie, or rotate "
            "the values only"
        )
    return {_HEAD: embedding.load()}


def _refuse_norms_behind_mixers(checkpoint: Checkpoint) -> None:
    family = checkpoint.architecture
    before = {group.producer for group in family.groups}
    for kind in family.tensors:
        if kind.shape == ("hidden",) and "_norm." in kind.name and kind.name not in before:
            raise BadInput(
                f"the residual stream of a {family.name} model cannot be rotated: '{kind.name}' "
                "weighs channels of what is added to it; rotate the values only"
            )


def _writer(checkpoint: Checkpoint, name: str, rotation: Doubles) -> dict[str, Floats]:
    """A matrix and its bias once what it makes is rotated, head by head where it is of heads."""
    weights, size = checkpoint.tensor(name).load(), len(rotation)
    turned = rotation.T @ weights.reshape(-1, size, weights.shape[1])
    out: dict[str, Floats] = {name: turned.reshape(weights.shape).astype(np.float32)}
    bias = checkpoint.tensors.get(bias_of(name))
    if bias is not None:
        out[bias.name] = _rotated(bias.load().reshape(-1, size), rotation).reshape(-1)
    return out


def _rotated(rows: Floats, rotation: Doubles) -> Floats:
    """rows [n, size] times the rotation, computed in float64 and rounded once."""
    out = np.empty(rows.shape, np.float32)
    for first in range(0, len(rows), _AT_ONCE):
        piece = slice(first, first + _AT_ONCE)
        out[piece] = rows[piece] @ rotation
    return out
