"""`penjing compress`: a model and a budget in, a bundle with its passport out."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penjing.app.making import missing
from penjing.cli import making
from penjing.cli.options import number, path, size, whole
from penjing.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.app.making import PreparedWork
    from penjing.core.progress import Progress
    from penjing.workshop.compress.settings import Settings

EXAMPLES: Mapping[str, str] = {
    "compress": """
        penjing compress smollm2-135m-instruct -o small --size 80MB
        penjing compress my-model/ -o pi --device pi-5-8gb --text mails.txt
        penjing compress smollm2-135m-instruct -o small --keep 'same-top>=0.85'
        penjing compress smollm2-135m-instruct -o pruned --size 60MB --prune ffn=0.75
        penjing compress smollm2-135m-instruct -o small --size 80MB --dry-run
    """,
}


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the arguments of the command."""
    add = parser.add_argument
    add("model", nargs="?", help="a model's name, a .gguf file or a Hugging Face folder")
    add("-o", "--output", required=True, type=path, metavar="DIR", help="the bundle to be made")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--size", type=size, help="largest model file, such as 80MB")
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
    add(
        "--prefill-speed",
        type=number(0.1, 100),
        metavar="N",
        help="read prompts here at least N times as fast as the model given",
    )
    add(
        "--prune",
        metavar="WHAT",
        help="leave parts out and heal the rest before rounding: ffn=0.75,sublayers=4; or search",
    )
    add("--shapes", type=whole(1, 9999), metavar="N", help="try so many where they are searched")
    add("--teacher", metavar="MODEL", help="learn from this one instead of the model given")
    add("--context", type=whole(1), default=2048, help="tokens of context on the device (2048)")
    making.add_texts(parser, "the passport is")
    add("--recipe", type=path, metavar="FILE", help="make again what a recipe.yaml describes")
    add(
        "--in-engine",
        action="store_true",
        help="measure in the engine what Penjing could compute itself: slower, no training",
    )
    making.add_running(parser, "bundle")


def run(args: Namespace) -> int:
    """Compress, and show the passport."""
    from penjing.app import compressing

    output = Output(args.json, quiet=args.quiet)
    progress = output.progress()
    budget = compressing.Budget(args.size, args.bits, args.device, args.context)
    asked = making.asked(args)
    with compressing.prepared(asked, budget, progress, recipe=args.recipe) as ready:
        if args.dry_run:
            return _show_plan(ready, output)
        made = compressing.carry_out(ready, progress)
    _show(made, ready.settings, output)
    return _kept(made, ready.settings, progress)


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
    asked = {"decode_tps": settings.speed, "prefill_tps": settings.prefill}
    missed = 0
    for key, wanted in asked.items():
        start, ours = (row[key] for row in made["runtime"]["rows"])
        if wanted is not None and ours < wanted * start:
            missed, what = 1, "decoding" if key == "decode_tps" else "reading a prompt"
            progress.note(
                f"missed: {wanted:g} times the starting model's speed at {what} was asked for and "
                f"{ours / start:.2f} times is what was timed; the bundle is there, ask for a "
                "little more"
            )
    return missed


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


def _show_plan(ready: PreparedWork, output: Output) -> int:
    from penjing.core.units import format_count, format_duration, format_size

    settings, checkpoint, found = ready.settings, ready.checkpoint, ready.forecast
    stages = [s for s in STAGES if settings.forward or s not in (ROUNDING, TRAINING)]
    if settings.shape is not None or settings.shaping != "never":
        stages.insert(3, PRUNING if settings.shape is not None else SHAPING)
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
        "downloads": ready.downloads,
        "stages": stages,
        "path": settings.path,
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
        for line in missing(ready.downloads):
            console.print(line, markup=False)
        for place, stage in enumerate(stages, 1):
            console.print(f"  {place}. {stage}")
        time = f"about {format_duration(found.seconds)} " if found.seconds else ""
        console.print(
            f"{time}at effort {settings.effort}, at most {format_size(found.peak_bytes)} of "
            f"memory, {format_size(found.disk_bytes)} of disk while it works"
        )

    output.emit(document, draw)
    return 0


PRUNING = "the parts that were named are left out and the rest is healed"
SHAPING = "where rounding alone does not do: shapes are tried, the best are healed and go on"
ROUNDING = "each tensor is rounded so as to make up for errors before it"
TRAINING = "above effort light: the rounded model is trained through its codecs"
STAGES = (
    "the model writes calibration text; yours is mixed in, or texts of several domains",
    "the importance of every channel is measured on it",
    "every group of tensors is rounded alone and what that costs is measured",
    "a codec is chosen for every group under the budget, the whole is measured and bettered",
    ROUNDING,
    TRAINING,
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
