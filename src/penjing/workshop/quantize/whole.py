"""Round a whole model, block after block, each on the inputs that the rounded ones before give it.

One block's weights are in memory at a time, with the hidden states of the calibration text. What
is finished lies in a `Store`; a run that goes on takes it from there. Tensors whose codec does not
change keep their bytes. Must not know how codecs were chosen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from penjing.bundle.codecs import Codec, codec
from penjing.core.errors import FormatError
from penjing.core.files import disk_errors, writing
from penjing.core.progress import Progress, Task
from penjing.core.strangers import open_plain
from penjing.ggml.quantize import dequantize, quantize
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.forward import TorchModel
from penjing.workshop.importance import EMBEDDING
from penjing.workshop.quantize.gptq import gptq
from penjing.workshop.quantize.grids import GRIDS, Grid
from penjing.workshop.streamed import load_rows, streamed_model
from penjing.workshop.tensors import Bytes, TensorSource
from penjing.workshop.threads import workers

_TOGETHER = 2048  # tokens that go through a block at once
_LARGE = 1 << 24  # weights rounded at once: of an embedding or a head some rows at a time
LATENT_BYTES = 4
"""Disk for each weight that is to be trained from."""

TIED_DAMPING = 1.0
"""Of a tied embedding: it is looked up as well as multiplied, so every channel counts in itself."""


@dataclass(frozen=True)
class Store:
    """Where rounded tensors lie: `NAME.bin` as stored, `NAME.npy` as it was before rounding."""

    folder: Path
    """Made when the first tensor comes."""

    def has(self, name: str, *, latent: bool) -> bool:
        """Whether the tensor is finished."""
        return self._raw(name).exists() and (not latent or self._latent(name).exists())

    def put(self, name: str, raw: Bytes, latent: torch.Tensor | None) -> None:
        """Keep a tensor; the stored bytes come last, and with them it counts as finished."""
        if latent is not None:
            with writing(self._latent(name)) as file:
                np.save(file, latent.numpy(), allow_pickle=False)
        with writing(self._raw(name)) as file:
            file.write(raw.tobytes())

    def raw(self, source: TensorSource, kind: Codec) -> Bytes:
        """The stored bytes; FormatError when they are not those of such a tensor."""
        with disk_errors(self._raw(source.name)), open_plain(self._raw(source.name)) as file:
            data = np.fromfile(file, dtype=np.uint8)
        if data.nbytes != kind.nbytes(source.shape):
            raise FormatError(f"{self._raw(source.name)} is damaged: use --restart")
        return data

    def latent(self, name: str) -> torch.Tensor:
        """The weights before rounding, float32."""
        try:
            with open_plain(self._latent(name)) as file:
                data = np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise FormatError(f"{self._latent(name)} is damaged: use --restart") from error
        return torch.from_numpy(np.ascontiguousarray(data, dtype=np.float32))

    def _raw(self, name: str) -> Path:
        return self.folder / f"{name}.bin"

    def _latent(self, name: str) -> Path:
        return self.folder / f"{name}.npy"


@dataclass(frozen=True)
class Wish:
    """What is wanted."""

    plan: Mapping[str, str]
    """Codec of every quantizable tensor."""
    latents: bool
    """Whether the weights before rounding are kept, to be trained from."""
    dtype: torch.dtype = torch.float32
    """What blocks are computed in."""


def round_model(
    checkpoint: Checkpoint,
    wish: Wish,
    windows: Sequence[Sequence[int]],
    store: Store,
    progress: Progress,
) -> None:
    """Round every tensor of the plan into `store`, by GPTQ where its codec is a grid.

    `windows` are equally long calibration texts. A lattice codec (IQ2, IQ3) gets ggml's own
    encoder, with the importance of the same inputs.
    """
    worker = _Worker(checkpoint, wish, store)
    tokens = torch.tensor([list(window) for window in windows])
    wanted = [name for name in wish.plan if not worker.finished(name)]
    if not wanted:
        return
    model = streamed_model(checkpoint, dtype=wish.dtype)
    with (
        torch.no_grad(),
        progress.task("rounding, errors made up for", len(wanted), unit="tensors") as task,
    ):
        worker.ends(model, tokens, task)
        with model.replaced(worker.table()):
            hidden = list(model.embed(tokens).split(_together(tokens)))
        for layer in range(checkpoint.config.layers):
            rounded = worker.block(model, layer, hidden, task)
            with model.replaced(rounded):
                hidden = [model.block(layer, part) for part in hidden]


class _Worker:
    """The walk's memory: what is wanted and where it goes."""

    def __init__(self, checkpoint: Checkpoint, wish: Wish, store: Store) -> None:
        self.checkpoint, self.wish, self.store = checkpoint, wish, store

    def finished(self, name: str) -> bool:
        latent = self.wish.latents and self.wish.plan[name] in GRIDS
        return self.store.has(name, latent=latent)

    def ends(self, model: TorchModel, tokens: torch.Tensor, task: Task) -> None:
        """Embedding and head, in the metric of what the clean model gives the head."""
        names = [name for name in self.wish.plan if not name.startswith("blk.")]
        if missing := [name for name in names if not self.finished(name)]:
            total = _Hessian()
            hidden = model.embed(tokens).split(_together(tokens))
            for layer in range(self.checkpoint.config.layers):
                hidden = [model.block(layer, part) for part in hidden]
            for part in hidden:
                total.add(model.normed(part))
            for name in missing:
                task.advance(self._round([name], self._metric(name, total.mean())))

    def table(self) -> dict[str, torch.Tensor]:
        """The rounded embedding, if it was to be: large, and to be held only while it is used."""
        return {EMBEDDING: self._values(EMBEDDING)} if EMBEDDING in self.wish.plan else {}

    def _metric(self, name: str, head: torch.Tensor) -> torch.Tensor:
        """Of the head its input's; of a lookup every channel's own; of a tied one both."""
        even = torch.eye(len(head)) * head.diagonal().mean()
        if name != EMBEDDING:
            return head
        return even if "output.weight" in self.checkpoint.tensors else head + TIED_DAMPING * even

    def block(
        self, model: TorchModel, layer: int, hidden: Sequence[torch.Tensor], task: Task
    ) -> dict[str, torch.Tensor]:
        """All matrices of a block that are in the plan, rounded."""
        places = self._inputs(layer)
        names = [name for members in places for name in members if name in self.wish.plan]
        if not all(self.finished(name) for name in names):
            sums = {members[0].removesuffix(".weight"): _Hessian() for members in places}

            def product(x: torch.Tensor, name: str) -> torch.Tensor:
                if name in sums:
                    sums[name].add(x)
                return model.product(x, name)

            watched = model.variant({}, product)
            for part in hidden:
                watched.block(layer, part)
            jobs = [
                (names, sums[members[0].removesuffix(".weight")].mean())
                for members in places
                for names in self._by_codec(members)
            ]
            with workers() as side_by_side:
                for found in side_by_side(lambda job: self._round(*job), jobs):
                    task.advance(found)
        return {name: self._values(name) for name in names}

    def _inputs(self, layer: int) -> list[list[str]]:
        """The matrices of a block, those that read one input together."""
        groups = [
            [f"blk.{layer}.{member}" for member in group.members]
            for group in self.checkpoint.architecture.groups
        ]
        present = [[name for name in names if name in self.checkpoint.tensors] for names in groups]
        return [names for names in present if names]

    def _by_codec(self, members: Sequence[str]) -> list[list[str]]:
        """The readers of one input; those of one codec together, since they share the Hessian."""
        by_codec: dict[str, list[str]] = {}
        for name in members:
            if name in self.wish.plan and not self.finished(name):
                by_codec.setdefault(self.wish.plan[name], []).append(name)
        return list(by_codec.values())

    @torch.no_grad()
    def _round(self, names: Sequence[str], hessian: torch.Tensor) -> int:
        """Round tensors of one codec and one Hessian into the store; gives how many."""
        sources = [self.checkpoint.tensors[name] for name in names]
        kind = codec(self.wish.plan[names[0]])
        for source in [s for s in sources if s.codec == kind]:
            latent = torch.from_numpy(source.load()) if kind.name in GRIDS else None
            self._keep(source.name, source.raw(), latent)
        sources = [source for source in sources if source.codec != kind]
        if not sources:
            return len(names)
        if kind.name not in GRIDS:
            importance = hessian.diagonal().numpy().copy()
            for source in sources:
                self._keep(source.name, quantize(kind, source.load(), importance), None)
            return len(names)
        wanted = self.wish.latents
        for source, raw, latent in rounded_together(sources, kind, hessian, latents=wanted):
            self._keep(source.name, raw, latent)
        return len(names)

    def _keep(self, name: str, raw: Bytes, latent: torch.Tensor | None) -> None:
        self.store.put(name, raw, latent if self.wish.latents else None)

    def _values(self, name: str) -> torch.Tensor:
        """What the network will compute with."""
        source, kind = self.checkpoint.tensors[name], codec(self.wish.plan[name])
        values = torch.from_numpy(dequantize(kind, self.store.raw(source, kind), source.shape))
        return values.to(self.wish.dtype) if name.startswith("blk.") else values


def rounded_together(
    sources: Sequence[TensorSource], kind: Codec, hessian: torch.Tensor, *, latents: bool
) -> Iterator[tuple[TensorSource, Bytes, torch.Tensor | None]]:
    """Stored bytes, and weights before rounding where `latents` says so, of matrices that read one
    input, in one grid.
    """
    grid = GRIDS[kind.name]
    if len(sources) == 1 and sources[0].parameters > _LARGE:
        yield sources[0], *_rounded_in_pieces(sources[0], grid, hessian, latents=latents)
        return
    stacked = torch.from_numpy(np.concatenate([source.load() for source in sources]))
    found, first = gptq(grid, stacked, hessian), 0
    raw = grid.encode(found.blocks).reshape(len(stacked), -1)
    for source in sources:
        rows = slice(first, first + source.shape[0])
        yield source, raw[rows].reshape(-1), found.latent[rows] if latents else None
        first += source.shape[0]


def _rounded_in_pieces(
    source: TensorSource, grid: Grid, hessian: torch.Tensor, *, latents: bool
) -> tuple[Bytes, torch.Tensor | None]:
    """A large matrix some rows at a time: they do not touch each other."""
    rows, row = source.shape
    step = max(1, _LARGE // row)
    raw, latent = [], []
    for first in range(0, rows, step):
        found = gptq(grid, load_rows(source, slice(first, min(first + step, rows))), hessian)
        raw.append(grid.encode(found.blocks).reshape(-1))
        if latents:
            latent.append(found.latent)
    return np.concatenate(raw), torch.cat(latent) if latents else None


class _Hessian:
    """Mean of x x^T over the inputs that were seen."""

    def __init__(self) -> None:
        self.total = torch.zeros(1, 1)
        self.count = 0

    def add(self, x: torch.Tensor) -> None:
        flat = x.reshape(-1, x.shape[-1]).float()
        self.total = self.total + flat.T @ flat
        self.count += len(flat)

    def mean(self) -> torch.Tensor:
        """Of an input that is always zero, behind a switched off layer, every channel alike."""
        found = self.total / self.count
        return found if found.diagonal().any() else torch.eye(len(found))


def _together(tokens: torch.Tensor) -> int:
    """Windows that go through a block at once."""
    return max(1, _TOGETHER // tokens.shape[-1])


def rounding_bytes(checkpoint: Checkpoint, tokens: int, *, latents: bool) -> int:
    """Memory of `round_model`, the process itself apart.

    A block's weights in two shapes, the calibration text's hidden states twice, a Hessian for every
    input in both halves of a product, and the embedding: its values, and some rows as they are
    rounded, or all of them as they were.
    """
    config = checkpoint.config
    blocks = Counter[str]()
    for name, source in checkpoint.tensors.items():
        if name.startswith("blk."):
            blocks[name.split(".")[1]] += source.parameters
    rows = [config.hidden, config.ffn, config.size("queries")]
    hessians = sum(4 * 4 * row * row for row in rows) + 4 * 8 * max(rows) ** 2
    inside = _TOGETHER * 4 * (6 * config.hidden + 4 * config.ffn)
    whole = config.vocab * config.hidden
    ends = (4 + 1 + 2 * 4 * latents) * whole + 6 * 4 * min(whole, _LARGE)
    return 4 * 4 * max(blocks.values()) + 2 * 4 * tokens * config.hidden + hessians + inside + ends
