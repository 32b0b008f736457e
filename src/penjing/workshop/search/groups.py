"""Tensors that take one codec together, and which codecs those can be.

Queries and keys of a layer are one group, gate and up are one, every other matrix is one alone.
They read the same input and their errors meet in one product, so that measuring them apart would
cost twice the time and say little more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from penjing.bundle.codecs import CODECS, Codec
from penjing.core.errors import BadInput
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.tensors import TensorSource

APART = ("attn_v.weight",)
"""Read the input of others and yet stand alone: values go through no softmax."""

KEEP = "as it is"
"""What a group's own codec is called when its members came in several."""

CANDIDATES = (
    "Q1_0", "Q2_0", "Q2_K", "Q3_K", "MXFP4", "IQ4_XS", "Q4_0", "IQ4_NL", "Q4_K", "Q4_1",
    "Q5_0", "Q5_K", "Q5_1", "Q6_K", "Q8_0",
)  # fmt: skip
"""Codecs the budget solver may choose from, where the row length allows them."""

LATTICE = ("IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S")
"""More of them, for the matrices of blocks where few bits are left. At the same bits their error is
a tenth to a quarter less than that of K-quants, but ggml encodes one or two million weights a
second of a core, processors decode them slowly, and neither GPTQ nor training can work on them.
They are predicted from their error, and encoded whole only where an assembly has them."""

LADDERS = {256: ("Q2_0", "Q2_K", "Q3_K", "Q4_K"), 32: ("Q2_0", "IQ4_NL", "Q5_0")}
"""Codecs whose effect is measured, by what the row length is a multiple of (the first that is)."""


@dataclass(frozen=True)
class Group:
    """Tensors that take one codec."""

    name: str
    """The members' names in one: "blk.0.attn_q+attn_k"."""
    members: tuple[TensorSource, ...]
    """All of one row length."""
    layer: int | None
    """Their block; None for embedding and head."""

    @property
    def row(self) -> int:
        """Row length."""
        return self.members[0].shape[-1]

    @property
    def parameters(self) -> int:
        """Weights of all members."""
        return sum(source.parameters for source in self.members)

    @property
    def own(self) -> str:
        """The codec they came in, or `KEEP`."""
        names = {source.codec.name for source in self.members}
        return names.pop() if len(names) == 1 else KEEP

    def codec_of(self, source: TensorSource, codec: str) -> Codec:
        """What a member is stored in when the group takes `codec`."""
        return source.codec if codec == self.own else CODECS[codec]

    def plan(self, codec: str) -> dict[str, str]:
        """Codec name by tensor name."""
        return {source.name: self.codec_of(source, codec).name for source in self.members}

    def nbytes(self, codec: str, padded: Callable[[int], int]) -> int:
        """Bytes in the file, each member padded on its own."""
        return sum(padded(self.codec_of(s, codec).nbytes(s.shape)) for s in self.members)


def groups_of(checkpoint: Checkpoint) -> tuple[Group, ...]:
    """Every quantizable tensor in exactly one group, in the file's order of their first members."""
    family, left = checkpoint.architecture, dict.fromkeys(checkpoint.quantizable)
    sharing = {
        kind: [other for other in group.members if other not in APART]
        for group in family.groups
        for kind in group.members
        if kind not in APART
    }
    out = []
    for name in checkpoint.quantizable:
        if name not in left:
            continue
        kind = family.kind_of(name)
        prefix = name.removesuffix(kind.name)
        wanted = [prefix + other for other in sharing.get(kind.name, [kind.name])]
        members = [other for other in wanted if other in left]
        for other in members:
            del left[other]
        out.append(_group(prefix, [checkpoint.tensors[other] for other in members]))
    return tuple(out)


def candidates(source: TensorSource, names: Iterable[str] = CANDIDATES) -> list[Codec]:
    """Codecs this tensor can be stored in, the one it came in first, none larger than that."""
    own = source.codec
    fitting = [CODECS[n] for n in names if n != own.name and CODECS[n].fits(source.shape[-1])]
    return [own, *(codec for codec in fitting if codec.bits < own.bits)]


def codecs_of(group: Group, names: Iterable[str] = CANDIDATES) -> list[str]:
    """Codecs the whole group can take, its own first: no member gets more bits than it came with.

    A member that came in the codec the others are rounded to stays as it is.
    """
    known = tuple(names)
    possible = [{codec.name for codec in candidates(source, known)} for source in group.members]
    shared = set.intersection(*possible) - {group.own}
    if group.layer is None:
        shared -= set(LATTICE)  # an embedding would take too long
    return [group.own, *(name for name in known if name in shared)]


def ladder(group: Group, names: Iterable[str] = CANDIDATES) -> list[str]:
    """Which of the group's codecs are measured; the others are interpolated between them.

    Where the ladder leaves a single codec though there are more, all are measured.
    """
    possible = codecs_of(group, names)[1:]
    fitting = (steps for width, steps in LADDERS.items() if group.row % width == 0)
    chosen = [name for name in next(fitting, ()) if name in possible]
    return chosen if len(chosen) > 1 else possible


def expand(groups: Iterable[Group], chosen: Mapping[str, str]) -> dict[str, str]:
    """Codec by group name -> codec by tensor name, as an exporter needs it.

    BadInput when a group has none.
    """
    out: dict[str, str] = {}
    for group in groups:
        if group.name not in chosen:
            raise BadInput(f"no codec was chosen for {group.name}: give one for every group")
        out.update(group.plan(chosen[group.name]))
    return out


def _group(prefix: str, members: list[TensorSource]) -> Group:
    stems = [source.name.removeprefix(prefix).removesuffix(".weight") for source in members]
    layer = int(prefix.split(".")[1]) if prefix.startswith("blk.") else None
    return Group(prefix + "+".join(stems), tuple(members), layer)
