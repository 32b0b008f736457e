"""What making one file and making many to compare share: what was asked for, as settings.

The workshop is imported when something is made, never at start-up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.app.calibration_mix import STAND_IN, mix
from penjing.core.errors import BadInput, Cancelled, FormatError, UsageError
from penjing.core.extras import require_extra

if TYPE_CHECKING:
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import FoundText
    from penjing.core.progress import Progress
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.compress.prepare import Forecast
    from penjing.workshop.compress.settings import Settings
    from penjing.workshop.compress.work import Work
    from penjing.workshop.prune.shape import Shape


_LONGEST_LICENCE = 1000
"""Characters a manifest takes."""


@dataclass(frozen=True)
class Making:
    """What is to be made, as a person says it; None is the default of `penjing compress`."""

    model: str
    """A name of the catalogue, a .gguf file or a Hugging Face folder."""
    output: Path
    """The folder to be made."""
    text: Path | None = None
    """Calibration text, UTF-8; None: the default mix."""
    held_out: str = "encyclopedia"
    """Text that is measured on: a name of the catalogue or a file."""
    effort: str | None = None
    """light, standard or best."""
    seed: int | None = None
    """Of text, order and controls."""
    threads: int | None = None
    """Cores; None: all."""
    ram: int | None = None
    """Bytes it may take; None: what this machine can spare."""
    minutes: float | None = None
    """Time for training."""
    keep: str | None = None
    """What must be kept in as few bytes as possible, such as "same-top>=0.85"."""
    speed: float | None = None
    """How many times as fast as the model given it is to decode here."""
    prefill_speed: float | None = None
    """How many times as fast as that it is to read a prompt here."""
    prune: str | None = None
    """What of it goes before rounding, such as "ffn=0.75,sublayers=4"; "search": what is best."""
    teacher: str | None = None
    """Another model that is learnt from; None: the model given."""
    shapes: int | None = None
    """How many shapes are tried where they are looked for; None: as the effort says."""
    in_engine: bool = False
    """Measure everything in the engine, even where the workshop has a forward pass."""
    resume: bool = False
    """Go on with unfinished work."""
    restart: bool = False
    """Throw unfinished work away."""
    overwrite: bool = False
    """Replace what is in `output`."""
    dry_run: bool = False
    """Nothing is downloaded and nothing made."""


@dataclass(frozen=True)
class PreparedWork:
    """Work with everything read and checked, and nothing done yet."""

    making: Making
    """What was asked for."""
    settings: Settings
    """The same, settled."""
    checkpoint: Checkpoint
    """The starting model, open."""
    forecast: Forecast
    """What it will take."""
    teacher: Checkpoint | None = None
    """Another model that is learnt from, open; None: the starting model."""

    @property
    def downloads(self) -> list[str]:
        """Texts that must be downloaded first."""
        return downloads(self.making)


def require_workshop(task: str) -> None:
    """MissingExtra unless what the workshop needs is installed."""
    require_extra(f"penjing {task}", "workshop", "torch", "yaml")


def require_memory(need: int, ram: int | None, remedy: str = "") -> None:
    """BudgetError where `need` bytes are more than `ram` allows (None: than there are to spare)."""
    from penjing.devices.machine import look
    from penjing.workshop.compress.settings import Ceiling

    ceiling = Ceiling(look().available_bytes if ram is None else ram, ram is not None)
    if need > ceiling.size:
        raise ceiling.refused(need, remedy)


def settings(
    making: Making,
    opened: tuple[Path, Checkpoint],
    budget: Callable[[], int],
    progress: Progress,
    recipe: Mapping[str, Any],
) -> Settings:
    """All of it as settings, the texts read; a recipe's words where nothing was said."""
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.folders import folder_name
    from penjing.bundle.gguf_parts import whole_name
    from penjing.bundle.home import Home
    from penjing.core.files import read_text
    from penjing.devices.machine import look
    from penjing.engine.llamacpp import usable_cores
    from penjing.workshop.compress.settings import Ceiling, Settings, effort
    from penjing.workshop.distill.schedule import Schedule
    from penjing.workshop.search.goals import parse_goal

    home, (model, checkpoint) = Home.from_environment(), opened
    entry = catalogue_of(home).models.get(making.model)
    licence = checkpoint.metadata.get("general.license")
    name = recipe.get("effort", "standard") if making.effort is None else making.effort
    chosen = effort(name)
    held_out = _held_out(making, home, progress)
    seed = making.seed if making.seed is not None else recipe.get("seed", 0)
    asked = making.ram is not None
    name_of = folder_name if model.is_dir() else whole_name
    return Settings(
        model_name=making.model if entry else name_of(model),
        model=model,
        out=making.output,
        budget=budget(),
        effort=name,
        seed=seed,
        threads=making.threads or usable_cores(),
        text=read_text(making.text) if making.text else None,
        held_out_name=held_out.name,
        held_out=held_out.text,
        licence=entry.licence if entry else _line(licence.plain if licence else ""),
        note=entry.note if entry else "",
        store=home.work / "measured",
        schedule=Schedule(
            seconds=60.0 * (making.minutes or chosen.training_minutes),
            steps=recipe.get("training_steps"),
            seed=seed,
        ),
        ram=Ceiling(look().available_bytes if making.ram is None else making.ram, asked),
        goal=parse_goal(making.keep) if making.keep else None,
        speed=making.speed,
        prefill=making.prefill_speed,
        shape=shape_asked(making.prune, recipe),
        shaping="always" if making.prune == "search" else "never",
        healing_steps=recipe.get("healing_steps"),
        teacher=making.teacher or recipe.get("teacher"),
        shapes=making.shapes or chosen.shapes,
        plan=recipe.get("codecs"),
        forward=checkpoint.architecture.forward,
        mix=[] if making.text else mix(home, held_out.text, progress, dry_run=making.dry_run),
    )


def shape_asked(said: str | None, recipe: Mapping[str, Any]) -> Shape | None:
    """ "ffn=0.75,sublayers=4", or a recipe's; None: all stays, or it is looked for."""
    from penjing.workshop.prune.shape import Shape

    if said is None and "prune" in recipe:
        return Shape(**recipe["prune"])
    if said is None or said == "search":
        return None
    found: dict[str, Any] = {"repair": True}
    for pair in said.split(","):
        name, _, number = (part.strip() for part in pair.partition("="))
        found[name] = _part(name, number)
    return Shape(**found)


def _part(name: str, number: str) -> float | int | bool | str:
    """One word of `--prune`; BadInput says what there is."""
    if name in ("ffn", "heads", "hidden") and re.fullmatch(r"0?\.\d{1,6}|1(\.0)?", number):
        return float(number)
    if name in ("layers", "sublayers") and re.fullmatch(r"[0-9]{1,4}", number):
        return int(number)
    if name == "uneven" and not number:
        return True
    if name == "score" and number:
        return number
    raise BadInput(
        f"'{f'{name}={number}'[:40]}' is nothing that can be left out: write for example "
        "ffn=0.75,sublayers=4, or heads=, hidden=, layers=, uneven, score=; or search"
    )


def _held_out(making: Making, home: Home, progress: Progress) -> FoundText:
    """The text that is measured on; a plan is made with other words where it is not here."""
    from penjing.bundle.resolve import FoundText, find_text

    if making.dry_run and making.held_out in downloads(making):
        return FoundText(making.held_out, STAND_IN)
    return find_text(making.held_out, home, progress=progress, download=True)


def downloads(making: Making) -> list[str]:
    """Texts with a name that the work needs and that are not here."""
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.fetch import find
    from penjing.bundle.home import Home

    home = Home.from_environment()
    catalogue = catalogue_of(home)
    mixed = making.text is None
    names = dict.fromkeys([making.held_out, *(entry.name for entry in catalogue.mix if mixed)])
    entries = [catalogue.texts[name] for name in names if name in catalogue.texts]
    return [entry.name for entry in entries if find(entry, home) is None]


def _line(found: object) -> str:
    """What a file says of its licence, if a manifest may say it after hours of work; or nothing."""
    sound = isinstance(found, str) and found.isprintable() and len(found) <= _LONGEST_LICENCE
    return str(found) if sound else ""


def reading_speed(settings: Settings) -> float:
    """Tokens a second the engine reads on this machine now, from a probe of a second.

    The first moment a model can count tokens: texts that are too short are refused here.
    """
    import time

    import numpy as np

    from penjing.engine.llamacpp import LlamaCpp
    from penjing.workshop.compress.prepare import check_lengths

    with LlamaCpp.open(settings.model, threads=settings.threads) as model:
        check_lengths(model, settings)
        tokens = model.tokenize(settings.held_out[:2000])[:128]
        if not np.isfinite(model.score(tokens)).all():
            raise FormatError(f"{settings.model} computes NaN: its weights are damaged")
        begun = time.perf_counter()
        model.score(tokens)
        return len(tokens) / (time.perf_counter() - begun)


def tell(found: Forecast, progress: Progress) -> None:
    """Say what the work will take."""
    from penjing.core.units import format_duration, format_size

    about = f"about {format_duration(found.seconds)}, " if found.seconds else ""
    progress.note(
        f"this takes {about}at most {format_size(found.peak_bytes)} of memory and "
        f"{format_size(found.disk_bytes)} of disk"
    )


def missing(names: Sequence[str]) -> list[str]:
    """What a plan says of texts that are not here."""
    return [f"{n} is not here: it is downloaded first (penjing pull {n})" for n in names]


@contextmanager
def working(work: Work, worth: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """The time in which `work` is ours: what ends it early says how to go on.

    After a mistake of the caller the work is thrown away, unless it is `worth` going on with.
    """
    try:
        yield
    except UsageError:
        if not (work.resumed or worth()):
            work.finish()
        raise
    except KeyboardInterrupt:
        raise Cancelled("stopped; nothing is lost: the same command with --resume goes on") from (
            None
        )
    finally:
        work.close()
