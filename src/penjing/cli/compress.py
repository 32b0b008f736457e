"""`penjing compress`: a model and a budget in, a bundle with its passport out."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.cli.options import path, threads, whole
from penjing.cli.output import Output
from penjing.core.errors import BadInput, Cancelled, FormatError, MissingExtra, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.bundle.home import Home
    from penjing.core.progress import Progress
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.compress.prepare import Forecast
    from penjing.workshop.compress.settings import Settings

EXAMPLES: Mapping[str, str] = {
    "compress": """
        penjing compress smollm2-135m-instruct -o small --size 80MB
        penjing compress my-model/ -o pi --device pi-5-8gb --text mails.txt
        penjing compress smollm2-135m-instruct -o small --size 80MB --dry-run
    """,
}


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the arguments of the command."""
    add = parser.add_argument
    add("model", nargs="?", help="a model's name, a .gguf file or a Hugging Face folder")
    add("-o", "--output", required=True, type=path, metavar="DIR", help="the bundle to be made")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--size", help="largest model file, such as 80MB")
    budget.add_argument("--device", help="make it fit this device, see penjing devices")
    add("--context", type=whole(1), default=2048, help="tokens of context on the device (2048)")
    add("--text", type=path, metavar="FILE", help="your own calibration text, UTF-8")
    add(
        "--held-out",
        default="encyclopedia",
        metavar="FILE|NAME",
        help="text the passport is measured on (default: encyclopedia)",
    )
    add("--effort", help="light, standard or best (default: standard)")
    add("--recipe", type=path, metavar="FILE", help="make again what a recipe.yaml describes")
    add("--seed", type=whole(0), help="same seed, same bundle (default: 0)")
    add("--threads", type=threads, help="cores to use (default: all)")
    unfinished = parser.add_mutually_exclusive_group()
    unfinished.add_argument("--resume", action="store_true", help="go on with unfinished work")
    unfinished.add_argument("--restart", action="store_true", help="throw unfinished work away")
    add("--overwrite", action="store_true", help="replace the bundle that is there")
    add("--dry-run", action="store_true", help="show the plan, time and memory, and do nothing")


def run(args: Namespace) -> int:
    """Compress, and show the passport."""
    from importlib.util import find_spec

    if not all(find_spec(name) for name in ("torch", "yaml")):
        raise MissingExtra("penjing compress", "workshop")
    from penjing.bundle.home import Home
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.compress import prepare

    output = Output(args.json, quiet=args.quiet)
    progress, home = output.progress(), Home.from_environment()
    if not args.dry_run:
        prepare.check_output(args.output, overwrite=args.overwrite)
    model, recipe = _model(args, home, progress)
    with Checkpoint.open(model) as checkpoint:
        settings = _settings(args, recipe, (model, checkpoint), home, progress)
        prepare.check_texts(settings)
        prepare.forecast(checkpoint, settings, tokens_per_second=0)  # refuse at once
        speed = _reading_speed(settings) if settings.model.is_file() else 0.0
        found = prepare.forecast(checkpoint, settings, tokens_per_second=speed)
        if args.dry_run:
            return _show_plan(settings, checkpoint, found, output)
        _tell(found, progress)
        made = _compress(args, settings, checkpoint, found, progress)
    _show(made, settings, output)
    return 0


def _model(args: Namespace, home: Home, progress: Progress) -> tuple[Path, dict[str, Any]]:
    from penjing.bundle.resolve import find_model

    recipe = _read_recipe(args.recipe) if args.recipe else {}
    args.model = args.model or recipe.get("model")
    if not args.model:
        raise BadInput("which model? give a name, a .gguf file or a folder before -o")
    return find_model(args.model, home, progress=progress, download=True), recipe


def _settings(
    args: Namespace,
    recipe: dict[str, Any],
    opened: tuple[Path, Checkpoint],
    home: Home,
    progress: Progress,
) -> Settings:
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.resolve import find_text
    from penjing.core.files import read_text
    from penjing.engine.llamacpp import usable_cores
    from penjing.workshop.compress.prepare import model_sha256
    from penjing.workshop.compress.settings import Settings, effort

    model, checkpoint = opened
    held_out = find_text(args.held_out, home, progress=progress, download=True)
    entry = catalogue_of(home).models.get(args.model)
    licence = checkpoint.metadata.get("general.license")
    name = recipe.get("effort", "standard") if args.effort is None else args.effort
    effort(name)
    if recipe and (was := recipe.get("model_sha256")) != model_sha256(model, checkpoint):
        raise BadInput(f"the recipe was made from another model (sha256 {was}): give that one")
    return Settings(
        model_name=args.model if entry else (model.name if model.is_dir() else model.stem),
        model=model,
        out=args.output,
        budget=_budget(args, recipe, model, home),
        effort=name,
        seed=args.seed if args.seed is not None else recipe.get("seed", 0),
        threads=args.threads or usable_cores(),
        text=read_text(args.text) if args.text else None,
        held_out_name=held_out.name,
        held_out=held_out.text,
        licence=entry.licence if entry else str(licence.plain if licence else ""),
        note=entry.note if entry else "",
        plan=recipe.get("codecs"),
    )


def _budget(args: Namespace, recipe: dict[str, Any], model: Path, home: Home) -> int:
    from penjing.core.units import parse_size
    from penjing.devices.fit import largest_bytes
    from penjing.devices.profile import find_device
    from penjing.devices.shape import shape_from_folder, shape_from_gguf

    if args.size:
        return parse_size(args.size)
    if args.device:
        device = find_device(args.device, home=home.root)
        shape = shape_from_gguf(model) if model.is_file() else shape_from_folder(model)
        return largest_bytes(device, shape, args.context)
    if "budget_bytes" in recipe:
        budget: int = recipe["budget_bytes"]
        return budget
    raise BadInput("how small? give --size 80MB or --device NAME")


def _read_recipe(path: Path) -> dict[str, Any]:
    import yaml

    from penjing.core.files import read_text

    try:
        data = yaml.safe_load(read_text(path, limit=2**24))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not a recipe: it is not YAML") from error
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise BadInput(f"{path} is not a recipe: it has no 'schema: 1'")
    for key, value in data.items():
        if key not in _RECIPE:
            known = ", ".join(_RECIPE)
            raise BadInput(f"{path} has an unknown key '{str(key)[:40]}': known are {known}")
        if type(value) not in _RECIPE[key] or (type(value) is int and value < 0):
            raise BadInput(f"{path} has {str(value)[:40]!r} as its '{key}': correct it")
    codecs = data.get("codecs", {})
    if not all(isinstance(word, str) for pair in codecs.items() for word in pair):
        raise BadInput(f"{path} has codecs that are not names: correct it")
    return data


_RECIPE: Mapping[str, tuple[type, ...]] = {
    "schema": (int,),
    "model": (str,),
    "model_sha256": (str,),
    "budget_bytes": (int,),
    "effort": (str,),
    "seed": (int,),
    "text_sha256": (str, type(None)),
    "held_out": (dict,),
    "codecs": (dict,),
}
"""Keys of a recipe and the types of their values."""


def _reading_speed(settings: Settings) -> float:
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


def _tell(found: Forecast, progress: Progress) -> None:
    from penjing.core.units import format_duration, format_size

    about = f"about {format_duration(found.seconds)}, " if found.seconds else ""
    progress.note(
        f"this takes {about}at most {format_size(found.peak_bytes)} of memory and "
        f"{format_size(found.disk_bytes)} of disk"
    )


def _compress(
    args: Namespace,
    settings: Settings,
    checkpoint: Checkpoint,
    found: Forecast,
    progress: Progress,
) -> dict[str, Any]:
    from penjing.workshop.compress import prepare
    from penjing.workshop.compress.run import Job, compress
    from penjing.workshop.compress.work import Work

    prepare.check_disk(args.output, found)
    sha = prepare.model_sha256(settings.model, checkpoint)
    work = Work.begin(
        args.output,
        prepare.signature(settings, sha),
        resume=args.resume,
        restart=args.restart,
    )
    try:
        return compress(Job(settings, checkpoint, work, progress))
    except UsageError:
        if not work.resumed:
            work.finish()  # nothing worth going on with
        raise
    except KeyboardInterrupt:
        raise Cancelled("stopped; nothing is lost: the same command with --resume goes on") from (
            None
        )
    finally:
        work.close()


def _show_plan(settings: Settings, checkpoint: Checkpoint, found: Forecast, output: Output) -> int:
    from penjing.core.units import format_count, format_duration, format_size

    document = {
        "model": settings.model_name,
        "architecture": checkpoint.architecture.name,
        "parameters": checkpoint.parameters,
        "budget_bytes": settings.budget,
        "smallest_bytes": found.smallest,
        "effort": settings.effort,
        "seconds": found.seconds,
        "peak_bytes": found.peak_bytes,
        "disk_bytes": found.disk_bytes,
        "stages": STAGES,
    }

    def draw(console: Console) -> None:
        console.print(
            f"{settings.model_name}: {checkpoint.architecture.name}, "
            f"{format_count(checkpoint.parameters)} parameters"
        )
        console.print(
            f"to at most {format_size(settings.budget)} "
            f"({8 * settings.budget / checkpoint.parameters:.2f} bits a weight); "
            f"the smallest possible is {format_size(found.smallest)}"
        )
        for number, stage in enumerate(STAGES, 1):
            console.print(f"  {number}. {stage}")
        time = f"about {format_duration(found.seconds)} " if found.seconds else ""
        console.print(
            f"{time}at effort {settings.effort}, at most {format_size(found.peak_bytes)} of "
            f"memory, {format_size(found.disk_bytes)} of disk while it works"
        )

    output.emit(document, draw)
    return 0


STAGES = (
    "the model writes calibration text; yours is mixed in",
    "the importance of every channel is measured on it",
    "every tensor is rounded alone and what that costs is measured",
    "a codec is chosen for every tensor under the budget",
    "the file and two negative controls are written",
    "all three are measured in the engine on held-out text",
    "speed and memory are measured, and both models answer the same questions",
)


def _show(made: Mapping[str, Any], settings: Settings, output: Output) -> None:
    def draw(console: Console) -> None:
        from penjing.workshop.report import print_passport

        print_passport(made, console)
        console.print(f"\nThe report: {settings.out / 'report.html'}", markup=False)
        console.print(f"To talk to it: penjing chat {settings.out}", markup=False)

    output.emit(made, draw)
