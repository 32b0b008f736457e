"""`penjing compress`: a model and a budget in, a bundle with its passport out."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.cli import making
from penjing.cli.options import number, path, whole
from penjing.cli.output import Output
from penjing.core.errors import BadInput

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
        penjing compress smollm2-135m-instruct -o small --keep 'same-top>=0.85'
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
    bits = number(0.5, 32)
    budget.add_argument(
        "--bits", type=bits, metavar="N", help="file bits for each weight, such as 4.5"
    )
    budget.add_argument("--keep", metavar="GOAL", help="the smallest with same-top>=0.85, kld<=0.1")
    add(
        "--speed",
        type=number(0.1, 100),
        metavar="N",
        help="decode here at least N times as fast as the model given, such as 1.2",
    )
    add("--context", type=whole(1), default=2048, help="tokens of context on the device (2048)")
    making.add_texts(parser, "the passport is")
    add("--recipe", type=path, metavar="FILE", help="make again what a recipe.yaml describes")
    making.add_running(parser, "bundle")


def run(args: Namespace) -> int:
    """Compress, and show the passport."""
    making.require_workshop("compress")
    from penjing.bundle.home import Home
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.compress import prepare

    output = Output(args.json, quiet=args.quiet)
    progress, home = output.progress(), Home.from_environment()
    if not args.dry_run:
        prepare.check_output(args.output, overwrite=args.overwrite)
    model, recipe = _model(args, home, progress)
    with Checkpoint.open(model) as checkpoint:
        prepare.check_weights(checkpoint, progress)
        settings = _settings(args, recipe, (model, checkpoint), home, progress)
        prepare.check_texts(settings)
        prepare.forecast(checkpoint, settings, tokens_per_second=0)  # refuse at once
        speed = making.reading_speed(settings) if settings.model.is_file() else 0.0
        found = prepare.forecast(checkpoint, settings, tokens_per_second=speed)
        if args.dry_run:
            needs = found, making.downloads(args, settings.effort)
            return _show_plan(settings, checkpoint, needs, output)
        making.tell(found, progress)
        made = _compress(args, settings, checkpoint, found, progress)
    _show(made, settings, output)
    return _kept(made, settings, progress)


def _kept(made: Mapping[str, Any], settings: Settings, progress: Progress) -> int:
    """Exit status: 1 when the file that was made is broken, or goal or speed is missed in it.

    A goal that allows so much loss is a wish: the file is called broken, the wish is fulfilled.
    """
    asked = max(_fast_enough(made, settings, progress), _good_enough(made, settings, progress))
    useless = _of_use(made, settings, progress)
    return asked if settings.goal else max(asked, useless)


def _of_use(made: Mapping[str, Any], settings: Settings, progress: Progress) -> int:
    from penjing.core.units import format_size

    if not made["broken"]:
        return 0
    sound = made["advice"].get("sound_bytes")
    size = f"--size {format_size(sound).replace(' ', '')}" if sound else "more bytes"
    reasons = " and ".join(made["broken"])
    progress.note(f"broken: {reasons}; the file is in {settings.out}, try {size}")
    return 1


def _fast_enough(made: Mapping[str, Any], settings: Settings, progress: Progress) -> int:
    if settings.speed is None:
        return 0
    start, ours = (row["decode_tps"] for row in made["runtime"]["rows"])
    if ours >= settings.speed * start:
        return 0
    progress.note(
        f"missed: {settings.speed:g} times the starting model's speed was asked for and "
        f"{ours / start:.2f} times is what was timed; the bundle is there, ask for a little more"
    )
    return 1


def _good_enough(made: Mapping[str, Any], settings: Settings, progress: Progress) -> int:
    if settings.goal is None:
        return 0
    metric = {"same-top": "same_top", "kld": "kld_mean"}[settings.goal.metric]
    value = next(m["value"] for m in made["measurements"] if m["metric"] == metric)
    if settings.goal.met(value):
        return 0
    progress.note(
        f"missed: {settings.goal} was asked for and the held-out text says {value:.4g}; "
        "the bundle is there, ask for a little more to get a larger one"
    )
    return 1


def _model(args: Namespace, home: Home, progress: Progress) -> tuple[Path, dict[str, Any]]:
    from penjing.bundle.resolve import find_model

    recipe = _read_recipe(args.recipe) if args.recipe else {}
    args.model = args.model or recipe.get("model")
    if not args.model:
        raise BadInput("which model? give a name, a .gguf file or a folder before -o")
    return find_model(args.model, home, progress=progress, download=not args.dry_run), recipe


def _settings(
    args: Namespace,
    recipe: dict[str, Any],
    opened: tuple[Path, Checkpoint],
    home: Home,
    progress: Progress,
) -> Settings:
    from penjing.workshop.compress.prepare import model_sha256

    model, checkpoint = opened

    def budget() -> int:
        if recipe and (was := recipe.get("model_sha256")) != model_sha256(model, checkpoint):
            raise BadInput(f"the recipe was made from another model (sha256 {was}): give that one")
        return _budget(args, recipe, opened, home)

    return making.settings(args, opened, budget, progress, recipe)


def _budget(
    args: Namespace, recipe: dict[str, Any], opened: tuple[Path, Checkpoint], home: Home
) -> int:
    from penjing.core.units import parse_size
    from penjing.devices.fit import largest_bytes
    from penjing.devices.profile import find_device
    from penjing.devices.shape import shape_from_folder, shape_from_gguf

    model, checkpoint = opened
    if args.size:
        return parse_size(args.size)
    if args.bits:
        return int(args.bits * checkpoint.parameters / 8)
    if args.keep:
        from penjing.workshop.export.gguf import export_bytes

        return export_bytes(checkpoint, {})  # at most; the search finds how much less
    if args.device:
        device = find_device(args.device, home=home.root)
        shape = shape_from_gguf(model) if model.is_file() else shape_from_folder(model)
        return largest_bytes(device, shape, args.context)
    if "budget_bytes" in recipe:
        budget: int = recipe["budget_bytes"]
        return budget
    raise BadInput(
        "how small? give --size 80MB, --device NAME, --bits 4.5 or --keep same-top>=0.85"
    )


def _read_recipe(path: Path) -> dict[str, Any]:
    from penjing.assistant.spec.yaml_nodes import read_yaml
    from penjing.core.plain_json import is_whole

    try:
        data = read_yaml(path).plain()
    except BadInput as error:
        raise BadInput(f"{path} is not a recipe: {error}") from error
    if not isinstance(data, dict) or not is_whole(data.get("schema")) or data["schema"] != 1:
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
    "mix_sha256": (str, type(None)),
    "held_out": (dict,),
    "training_steps": (int, type(None)),
    "codecs": (dict,),
}
"""Keys of a recipe and the types of their values."""


def _compress(
    args: Namespace,
    settings: Settings,
    checkpoint: Checkpoint,
    found: Forecast,
    progress: Progress,
) -> dict[str, Any]:
    from penjing.workshop.compress import prepare
    from penjing.workshop.compress.job import Job
    from penjing.workshop.compress.run import compress
    from penjing.workshop.compress.work import Work

    prepare.check_disk(args.output, found)
    sha = prepare.model_sha256(settings.model, checkpoint)
    work = Work.begin(
        args.output,
        prepare.signature(settings, sha),
        resume=args.resume,
        restart=args.restart,
    )
    with making.working(work):
        return compress(Job(settings, checkpoint, work, progress, found))


def _show_plan(
    settings: Settings, checkpoint: Checkpoint, needs: tuple[Forecast, list[str]], output: Output
) -> int:
    from penjing.core.units import format_count, format_duration, format_size

    found, downloads = needs
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
        "downloads": downloads,
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
        making.show_downloads(downloads, console)
        for place, stage in enumerate(STAGES, 1):
            console.print(f"  {place}. {stage}")
        time = f"about {format_duration(found.seconds)} " if found.seconds else ""
        console.print(
            f"{time}at effort {settings.effort}, at most {format_size(found.peak_bytes)} of "
            f"memory, {format_size(found.disk_bytes)} of disk while it works"
        )

    output.emit(document, draw)
    return 0


STAGES = (
    "the model writes calibration text; yours is mixed in, or texts of several domains",
    "the importance of every channel is measured on it",
    "every group of tensors is rounded alone and what that costs is measured",
    "a codec is chosen for every group under the budget, the whole is measured and bettered",
    "above effort light: each tensor is rounded so as to make up for errors before it",
    "above effort light: the rounded model is trained through its codecs",
    "the file and its negative controls are written",
    "all are measured in the engine on held-out text",
    "speed and memory are measured, and both models answer the same questions",
)


def _show(made: Mapping[str, Any], settings: Settings, output: Output) -> None:
    def draw(console: Console) -> None:
        from penjing.workshop.report import print_passport

        print_passport(made, console)
        console.print(f"\nThe report: {settings.out / 'report.html'}", markup=False)
        if not made["broken"]:
            console.print(f"To talk to it: penjing chat {settings.out}", markup=False)

    output.emit(made, draw)
