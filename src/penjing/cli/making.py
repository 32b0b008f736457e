"""What the commands that make model files share: options, settings, a first look at the model.

The workshop is imported when something is made, never at start-up.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.cli.options import number, path, threads, whole
from penjing.core.errors import Cancelled, FormatError, MissingExtra, NetworkError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.bundle.home import Home
    from penjing.bundle.resolve import FoundText
    from penjing.core.progress import Progress
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.compress.prepare import Forecast
    from penjing.workshop.compress.settings import Settings
    from penjing.workshop.compress.work import Work
    from penjing.workshop.mixture import Domain


_LONGEST_LICENCE = 1000
"""Characters a manifest takes."""
_STAND_IN = "The text that is measured on is not here yet, and a plan needs some words. " * 200


def add_texts(parser: ArgumentParser, measured: str) -> None:
    """--text, --held-out and --effort; `measured` says what the held-out text is for."""
    add = parser.add_argument
    add(
        "--text",
        type=path,
        metavar="FILE",
        help="your own calibration text, UTF-8 (default above effort light: five kinds of text)",
    )
    add(
        "--held-out",
        default="encyclopedia",
        metavar="FILE|NAME",
        help=f"text {measured} measured on (default: encyclopedia)",
    )
    add("--effort", help="light, standard or best (default: standard)")


def add_running(parser: ArgumentParser, made: str) -> None:
    """--seed, --threads, and what is done with what is there already; `made` is what is made."""
    add = parser.add_argument
    add("--seed", type=whole(0), help="of text, order and controls (default: 0)")
    add("--threads", type=threads, help="cores to use (default: all)")
    add("--ram", help="memory it may take, such as 2GB (default: what this machine can spare)")
    add("--minutes", type=number(0.01, 10000), help="time for training, above effort light")
    unfinished = parser.add_mutually_exclusive_group()
    unfinished.add_argument("--resume", action="store_true", help="go on with unfinished work")
    unfinished.add_argument("--restart", action="store_true", help="throw unfinished work away")
    add("--overwrite", action="store_true", help=f"replace the {made} that is there")
    add(
        "--dry-run",
        action="store_true",
        help="show the plan, time and memory; download and make nothing",
    )


def require_workshop(command: str) -> None:
    """MissingExtra unless what the workshop needs is installed."""
    from importlib.util import find_spec

    if not all(find_spec(name) for name in ("torch", "yaml")):
        raise MissingExtra(f"penjing {command}", "workshop")


def settings(
    args: Namespace,
    opened: tuple[Path, Checkpoint],
    budget: Callable[[], int],
    progress: Progress,
    recipe: Mapping[str, Any],
) -> Settings:
    """The command line as settings, the texts read; a recipe's words where nothing was typed."""
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.folders import folder_name
    from penjing.bundle.gguf_parts import whole_name
    from penjing.bundle.home import Home
    from penjing.core.files import read_text
    from penjing.core.units import parse_size
    from penjing.devices.machine import look
    from penjing.engine.llamacpp import usable_cores
    from penjing.workshop.compress.settings import Ceiling, Settings, effort
    from penjing.workshop.distill.schedule import Schedule
    from penjing.workshop.search.goals import parse_goal

    home, (model, checkpoint) = Home.from_environment(), opened
    entry = catalogue_of(home).models.get(args.model)
    licence = checkpoint.metadata.get("general.license")
    name = recipe.get("effort", "standard") if args.effort is None else args.effort
    chosen = effort(name)
    held_out = _held_out(args, name, home, progress)
    seed = args.seed if args.seed is not None else recipe.get("seed", 0)
    return Settings(
        model_name=args.model
        if entry
        else (folder_name(model) if model.is_dir() else whole_name(model)),
        model=model,
        out=args.output,
        budget=budget(),
        effort=name,
        seed=seed,
        threads=args.threads or usable_cores(),
        text=read_text(args.text) if args.text else None,
        held_out_name=held_out.name,
        held_out=held_out.text,
        licence=entry.licence if entry else _line(licence.plain if licence else ""),
        note=entry.note if entry else "",
        store=home.work / "measured",
        schedule=Schedule(
            seconds=60.0 * (args.minutes or chosen.training_minutes),
            steps=recipe.get("training_steps"),
            seed=seed,
        ),
        ram=Ceiling(parse_size(args.ram), True)
        if args.ram
        else Ceiling(look().available_bytes, False),
        goal=parse_goal(args.keep) if getattr(args, "keep", None) else None,
        speed=getattr(args, "speed", None),
        plan=recipe.get("codecs"),
        mix=[] if args.text or not chosen.mixed else _mix(args, held_out, home, progress),
    )


def _held_out(args: Namespace, effort: str, home: Home, progress: Progress) -> FoundText:
    """The text that is measured on; a plan is made with other words where it is not here."""
    from penjing.bundle.resolve import FoundText, find_text

    if args.dry_run and args.held_out in downloads(args, effort):
        return FoundText(args.held_out, _STAND_IN)
    return find_text(args.held_out, home, progress=progress, download=True)


def _mix(args: Namespace, held_out: FoundText, home: Home, progress: Progress) -> list[Domain]:
    """The default calibration mix, without what shares passages with the text that is measured on.

    Where it cannot be downloaded the model's own writing stands alone, and that is said.
    """
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.fetch import find
    from penjing.bundle.resolve import find_text
    from penjing.workshop.compress.prepare import shared_lines
    from penjing.workshop.mixture import Domain

    out = []
    for entry in catalogue_of(home).mix:
        if args.dry_run and find(entry, home) is None:
            out.append(Domain(entry.domain, _STAND_IN, entry.share))
            continue
        try:
            text = find_text(entry.name, home, progress=progress, download=True).text
        except NetworkError as error:
            progress.note(f"calibrating on the model's own writing alone: {error}")
            return []
        if shared_lines(text, held_out.text):
            progress.note(f"{entry.name} is left out: the text that is measured on has lines of it")
        else:
            out.append(Domain(entry.domain, text, entry.share))
    return out


def downloads(args: Namespace, effort: str) -> list[str]:
    """Texts with a name that work of this effort needs and that are not here."""
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.fetch import find
    from penjing.bundle.home import Home
    from penjing.workshop.compress.settings import EFFORTS

    home = Home.from_environment()
    catalogue = catalogue_of(home)
    mixed = args.text is None and EFFORTS[effort].mixed
    names = dict.fromkeys([args.held_out, *(entry.name for entry in catalogue.mix if mixed)])
    entries = [catalogue.texts[name] for name in names if name in catalogue.texts]
    return [entry.name for entry in entries if find(entry, home) is None]


def show_downloads(names: Sequence[str], console: Console) -> None:
    """What a plan says of them."""
    for name in names:
        line = f"{name} is not here: it is downloaded first (penjing pull {name})"
        console.print(line, markup=False)


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
