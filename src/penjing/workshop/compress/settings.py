"""What was asked for and what the search decided: frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from penjing.core.errors import BudgetError, UnknownName
from penjing.core.units import format_size
from penjing.workshop.compress.methods import METHODS
from penjing.workshop.compress.short_type import short_type
from penjing.workshop.distill.schedule import Schedule
from penjing.workshop.mixture import Domain
from penjing.workshop.prune.shape import Shape
from penjing.workshop.search.effects import Effects
from penjing.workshop.search.goals import Goal
from penjing.workshop.search.groups import CANDIDATES, LATTICE
from penjing.workshop.search.means import Means


@dataclass(frozen=True)
class Effort:
    """How much work is spent."""

    calibration_tokens: int
    """Text the importance matrix comes from."""
    probe_windows: int
    """Windows of calibration text on which sensitivities are measured."""
    probe_length: int
    """Tokens of such a window."""
    held_out_windows: int
    """Windows of 512 tokens the passport is measured on."""
    method: str
    """What is done: a key of METHODS."""
    rounding_tokens: int
    """Text that errors are made up for on, where so much is given."""
    assemblies: int
    """How many whole assemblies are measured to better the first; 0: that is taken."""
    assembly_windows: int
    """Windows they are measured on, as long as those of sensitivities."""
    training_tokens: int = 0
    """Text to distil on, where so much is given."""
    training_minutes: float = 0.0
    """Time for distilling, unless the command line says another."""
    quick: bool = False
    """Whether codecs that this processor is slow at are left out where that costs little, though no
    speed was asked for."""
    shapes: int = 16
    """How many shapes of the model are tried, where parts of it may go."""
    finalists: int = 1
    """How many of them are healed and rounded as a whole, to be compared."""
    readings: int = 480
    """Passes in which effects are measured where only the engine runs the model, if that is no
    larger than `USUAL`; of larger ones as many fewer."""


EFFORTS = {
    "light": Effort(3072, 2, 96, 6, "gptq", 16_384, 12, 4, quick=True),
    "standard": Effort(
        6144, 3, 128, 6, "distilled", 32_768, 60, 6, 262_144, 4.0,
        shapes=32, finalists=2, readings=960,
    ),
    "best": Effort(
        16384, 4, 256, 16, "distilled", 65_536, 300, 8, 2_097_152, 120.0,
        shapes=96, finalists=3, readings=2000,
    ),
}  # fmt: skip

USUAL = 200 * 10**6
"""Weights of a model that the efforts were made for."""

ENGINE_METHOD = "searched"
"""What is done, at any effort, with a model that the workshop has no forward pass of."""

PROCESS_BYTES = 700 * 10**6
"""Python, torch and the engine, before anything is loaded, and what lies free between stages."""

LESS_TRAINING = "use --effort light, which does not train"
"""Where training takes more memory than there is."""

CONTEXT = 512
"""Tokens of a window of calibration and of held-out text."""

OWN_SHARE = 2.0
"""Of the model's own writing in the mix, beside the shares in the catalogue."""


def effort(name: str) -> Effort:
    """The effort of this name; UnknownName otherwise."""
    if name not in EFFORTS:
        raise UnknownName("effort", name, EFFORTS)
    return EFFORTS[name]


@dataclass(frozen=True)
class Ceiling:
    """Memory that the work may take."""

    size: int
    """Bytes."""
    asked: bool
    """By --ram; otherwise it is what this machine can spare."""

    def refused(self, need: int, remedy: str = "") -> BudgetError:
        """What to raise where `need` bytes are more; `remedy` is another way out."""
        who, more = (
            ("--ram allows", "allow more")
            if self.asked
            else ("this machine can spare", "close other programs")
        )
        return BudgetError(
            f"{format_size(need)} of memory are needed and {who} {format_size(self.size)}: {more}"
            f"{remedy and ', or ' + remedy}"
        )


Shaping = Literal["never", "needed", "always"]
"""When shapes are looked for: not at all; where rounding alone does not do; in any case."""


@dataclass(frozen=True)
class Settings:
    """One compression."""

    model_name: str
    """What to call the starting model."""
    model: Path
    """A .gguf file or a Hugging Face folder."""
    out: Path
    """The bundle folder to be made."""
    budget: int
    """Bytes the model file may have."""
    effort: str
    """A key of EFFORTS."""
    seed: int
    """Of the calibration text, the shuffled control and the intervals."""
    threads: int
    """Cores used."""
    text: str | None
    """The user's calibration text."""
    held_out_name: str
    """What to call the held-out text."""
    held_out: str
    """The held-out text; never calibration text."""
    licence: str
    """Of the weights; empty when unknown."""
    note: str
    """What a reader must know about the starting model; empty when nothing."""
    store: Path
    """Folder of what was measured for a model and its texts, for every budget."""
    schedule: Schedule
    """How a distillation is run."""
    ram: Ceiling | None = None
    """None: what it needs."""
    goal: Goal | None = None
    """What must be kept in as few bytes as possible; the budget is then the most there may be."""
    speed: float | None = None
    """How many times as fast as the starting model it is to decode here, at least."""
    prefill: float | None = None
    """How many times as fast it is to read a prompt here, at least."""
    shape: Shape | None = None
    """What of the model is to stay, before anything is rounded; None: all of it."""
    shaping: Shaping = "never"
    """When shapes are looked for."""
    shapes: int = 16
    """How many of them are tried."""
    healing_steps: int | None = None
    """Of a pruned model, from a recipe; None: as many as the time allows."""
    teacher: str | None = None
    """Name or path of another model that is learnt from; None: the starting model."""
    plan: Mapping[str, str] | None = None
    """Codec of every tensor, from a recipe; None searches."""
    mix: Sequence[Domain] = ()
    """The default calibration mix; empty where `text` stands for it."""
    forward: bool = True
    """Whether the workshop computes the model itself; the engine does all of it otherwise."""

    @property
    def method(self) -> str:
        """What is done: a key of METHODS."""
        return effort(self.effort).method if self.forward else ENGINE_METHOD

    @property
    def path(self) -> str:
        """What computes it, as passports and recipes say."""
        return "forward" if self.forward else "engine"


def readings(settings: Settings, parameters: int) -> int:
    """Passes in which effects are measured in the engine, of a model of so many weights."""
    return max(1, int(effort(settings.effort).readings * min(1.0, USUAL / max(parameters, 1))))


LOW_BITS = 3.5
"""Of a file for each weight: below it lattice codecs are in the search."""


def codec_names(settings: Settings, parameters: int) -> tuple[str, ...]:
    """What the search chooses from, for a model of so many weights.

    Lattice codecs too where bits are few, but not where rounding errors are trained away, which on
    a lattice is not possible, where a speed is asked for, or in the engine.
    """
    few = 8 * settings.budget < LOW_BITS * parameters
    simple = not METHODS[settings.method].distilled and settings.forward
    if few and simple and settings.speed is None:
        return (*CANDIDATES, *LATTICE)
    return CANDIDATES


def domains(settings: Settings) -> Sequence[Domain]:
    """The texts that stand beside the model's own writing."""
    if settings.text is not None:
        return (Domain("your text", settings.text, 1.0),)
    return settings.mix


def means(settings: Settings) -> Means:
    """What measuring effects may use of the memory that is allowed."""
    dtype = short_type(settings.store)
    if settings.ram is None:
        return Means(dtype=dtype)
    room = max(1, settings.ram.size - PROCESS_BYTES)
    return Means(ram=room if settings.ram.asked else min(room, Means.ram), dtype=dtype)


@dataclass(frozen=True)
class Share:
    """What a tensor's part of its group's effect is: tensors that take one codec are measured as
    one, and each is given its share by weights."""

    part: float
    """This tensor's weights over those of its group."""
    effects: Effects
    """Of the group."""

    @property
    def kld(self) -> float:
        """How much it matters, nats."""
        return self.part * self.effects.kld

    def loss(self, codec: str) -> float:
        """Mean KLD that it adds in `codec`, nats."""
        return self.part * self.effects.loss(codec)


@dataclass(frozen=True)
class Search:
    """What the search found."""

    measured: Mapping[str, Share]
    """By tensor; empty when a recipe named the codecs."""
    plan: Mapping[str, str]
    """The codec of every quantizable tensor."""
    predicted: Sequence[tuple[int, float]]
    """File bytes and predicted KLD over the whole range of sizes."""
