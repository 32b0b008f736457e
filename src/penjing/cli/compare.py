"""`penjing compare`: methods at several sizes, each beside its negative controls."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from penjing.cli import making
from penjing.cli.options import path
from penjing.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.core.progress import Progress
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.compare.order import Order
    from penjing.workshop.compare.outcome import Comparison
    from penjing.workshop.compare.run import Maker
    from penjing.workshop.compress.job import Job
    from penjing.workshop.compress.methods import Method
    from penjing.workshop.compress.prepare import Forecast
    from penjing.workshop.compress.settings import Settings

EXAMPLES: Mapping[str, str] = {
    "compare": """
        penjing compare smollm2-135m-instruct --methods searched,gptq --sizes 70MB,90MB -o compared
        penjing compare my-model/ --methods searched --sizes 1GB -o compared --text mails.txt
        penjing compare smollm2-135m-instruct --methods searched --sizes 70MB -o compared --dry-run
    """,
}


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the arguments of the command."""
    add = parser.add_argument
    add("model", help="a model's name, a .gguf file or a Hugging Face folder")
    add(
        "--methods",
        required=True,
        metavar="A,B,C",
        help="what to compare, such as searched,gptq; an unknown name shows all",
    )
    add("--sizes", required=True, metavar="A,B,C", help="largest files, such as 60MB,70MB,90MB")
    add("-o", "--output", required=True, type=path, metavar="DIR", help="where the table goes")
    making.add_texts(parser, "everything is")
    making.add_running(parser, "comparison")
    add("--keep-files", action="store_true", help="leave the model files in DIR/files")


def run(args: Namespace) -> int:
    """Compare, and show the table."""
    making.require_workshop("compare")
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import find_model
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.compare import order as orders
    from penjing.workshop.compress import prepare

    output = Output(args.json, quiet=args.quiet)
    progress = output.progress()
    known, maker = _methods()
    order = orders.order(args.methods, args.sizes, known, keep_files=args.keep_files)
    if not args.dry_run:
        orders.check_output(args.output, overwrite=args.overwrite)
    home, download = Home.from_environment(), not args.dry_run
    model = find_model(args.model, home, progress=progress, download=download)
    with Checkpoint.open(model) as checkpoint:
        prepare.check_weights(checkpoint, progress)
        opened = (model, checkpoint)
        settings = making.settings(args, opened, lambda: order.sizes[-1], progress, {})
        orders.check_sizes(order, checkpoint, settings)
        prepare.check_texts(settings)
        orders.forecast(checkpoint, order, settings, tokens_per_second=0)  # refuse at once
        speed = making.reading_speed(settings) if model.is_file() else 0.0
        found = orders.forecast(checkpoint, order, settings, tokens_per_second=speed)
        if args.dry_run:
            _show_plan(order, settings, (found, making.downloads(args, settings.effort)), output)
            return 0
        making.tell(found, progress)
        prepare.check_disk(args.output, found)
        compared = _compare(args, (order, maker), settings, checkpoint, progress)
    _show(compared, settings, output)
    return 0


def _methods() -> tuple[Mapping[str, Method], Callable[[Job], Maker]]:
    from penjing.workshop.compress.build import Builder
    from penjing.workshop.compress.methods import METHODS

    return METHODS, Builder


def _compare(
    args: Namespace,
    ordered: tuple[Order, Callable[[Job], Maker]],
    settings: Settings,
    checkpoint: Checkpoint,
    progress: Progress,
) -> Comparison:
    from penjing.workshop.compare.order import signature
    from penjing.workshop.compare.run import compare, has_results
    from penjing.workshop.compress.job import Job
    from penjing.workshop.compress.prepare import model_sha256
    from penjing.workshop.compress.work import Work

    order, maker = ordered
    inputs = signature(settings, model_sha256(settings.model, checkpoint))
    work = Work.begin(args.output, inputs, resume=args.resume, restart=args.restart)
    with making.working(work, lambda: has_results(work)):
        job = Job(settings, checkpoint, work, progress)
        return compare(job, order, maker(job))


def _show_plan(
    order: Order, settings: Settings, needs: tuple[Forecast, list[str]], output: Output
) -> None:
    from penjing.core.units import format_duration, format_size

    found, downloads = needs
    document = {
        "model": settings.model_name,
        "methods": {m.name: [c.name for c in order.controls[m.name]] for m in order.methods},
        "sizes": list(order.sizes),
        "files": order.files,
        "smallest_bytes": found.smallest,
        "effort": settings.effort,
        "seconds": found.seconds,
        "peak_bytes": found.peak_bytes,
        "disk_bytes": found.disk_bytes,
        "downloads": downloads,
    }

    def draw(console: Console) -> None:
        sizes = ", ".join(format_size(size) for size in order.sizes)
        console.print(f"{settings.model_name} at {sizes}:", markup=False)
        making.show_downloads(downloads, console)
        for method in order.methods:
            controls = ", ".join(c.name for c in order.controls[method.name]) or "nothing"
            console.print(f"  {method.name}: {method.description}; beside {controls}", markup=False)
        time = f"about {format_duration(found.seconds)} " if found.seconds else ""
        console.print(
            f"about {order.files} files; {time}at effort {settings.effort}, at most "
            f"{format_size(found.peak_bytes)} of memory, {format_size(found.disk_bytes)} of disk "
            "while it works"
        )

    output.emit(document, draw)


def _show(found: Comparison, settings: Settings, output: Output) -> None:
    from penjing.workshop.compare.document import document

    def draw(console: Console) -> None:
        from penjing.workshop.compare.terminal import print_comparison

        print_comparison(found, console)
        files = "" if found.setting.kept_files else "; the model files are removed (--keep-files)"
        console.print(f"\nThe page: {settings.out / 'compare.html'}{files}", markup=False)

    output.emit(document(found), draw)
