"""`penjing compare`: methods at several sizes, each beside its negative controls."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING

from penjing.app.making import missing
from penjing.cli import making
from penjing.cli.options import path
from penjing.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.app.comparing import PreparedComparison
    from penjing.workshop.compare.outcome import Comparison
    from penjing.workshop.compress.settings import Settings

EXAMPLES: Mapping[str, str] = {
    "compare": """
        penjing compare smollm2-135m-instruct --methods searched,gptq --sizes 70MB,90MB -o compared
        penjing compare my-model/ --methods searched --sizes 1GB -o compared --text mails.txt
        penjing compare smollm2-135m-instruct --methods linear-8,symmetric-4,nf4,log-4 -o textbook
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
    add("--sizes", metavar="A,B,C", help="largest files, such as 60MB,70MB; linear-8 has its own")
    add("-o", "--output", required=True, type=path, metavar="DIR", help="where the table goes")
    making.add_texts(parser, "everything is")
    making.add_running(parser, "comparison")
    add("--keep-files", action="store_true", help="leave the model files in DIR/files")


def run(args: Namespace) -> int:
    """Compare, and show the table."""
    from penjing.app import comparing

    output = Output(args.json, quiet=args.quiet)
    progress, asked = output.progress(), making.asked(args)
    with comparing.prepared(
        asked, args.methods, args.sizes, progress, keep_files=args.keep_files
    ) as ready:
        if args.dry_run:
            _show_plan(ready, output)
            return 0
        compared = comparing.carry_out(ready, progress)
    _show(compared, ready.settings, output)
    return 0


def _show_plan(ready: PreparedComparison, output: Output) -> None:
    from penjing.core.units import format_duration, format_size

    order, settings, found = ready.order, ready.settings, ready.forecast
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
        "downloads": ready.downloads,
    }

    def draw(console: Console) -> None:
        sizes = ", ".join(map(format_size, order.sizes)) or "the methods' own sizes"
        console.print(f"{settings.model_name} at {sizes}:", markup=False)
        for line in missing(ready.downloads):
            console.print(line, markup=False)
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
