"""`penjing mark`: an owner's code in the weights of a model, written, and read from any file."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penjing.app.marking import Marking, mark, read_mark
from penjing.app.pruning import CALIBRATION
from penjing.cli.options import path, threads
from penjing.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

EXAMPLES: Mapping[str, str] = {
    "mark": """
        penjing mark write small.gguf -o marked.gguf --receipt mine.mark
        penjing mark read found-elsewhere.gguf --receipt mine.mark
    """,
}


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the arguments of the command."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, about in (
        ("write", "write a code of 64 bits into a copy of a model"),
        ("read", "say whether a file carries the code of a receipt"),
    ):
        one = actions.add_parser(name, help=about, description=f"{about.capitalize()}.")
        add = one.add_argument
        add("model", help="a .gguf file, a bundle or a model's name")
        add("--receipt", type=path, required=True, metavar="FILE", help="secret: opens the mark")
        if name == "write":
            add("-o", "--output", type=path, required=True, metavar="FILE", help="the .gguf made")
            add("--code", type=_code, metavar="HEX", help="16 hexadecimal digits (default: random)")
            add(
                "--text", default=CALIBRATION, metavar="FILE|NAME", help="importance is measured on"
            )
            add("--threads", type=threads, help="cores to use (default: all)")
            add("--overwrite", action="store_true", help="replace files that are there")
        add("--json", action="store_true", default=SUPPRESS, help="print one JSON document")
        add("--quiet", action="store_true", default=SUPPRESS, help="show no progress")


def run(args: Namespace) -> int:
    """Write or read; 1 when a mark that was looked for is not there."""
    output = Output(args.json, quiet=args.quiet)
    if args.action == "write":
        asked = Marking(
            args.model, args.output, args.receipt, args.code, args.text, args.threads,
            args.overwrite,
        )  # fmt: skip
        made = mark(asked, output.progress())
        line = f"{made['output']}: code {made['code']} in {made['weights']} weights"
        keep = f"{made['receipt']} alone can read it: keep it where nobody else does"
        output.emit(made, lambda console: console.print(f"{line}\n{keep}", markup=False))
        return 0
    found = read_mark(args.model, args.receipt, output.progress())
    output.emit(found, lambda console: _draw(found, console))
    return 0 if found["found"] else 1


def _draw(found: Mapping[str, Any], console: Console) -> None:
    verdict = "carries the mark" if found["found"] else "does not carry the mark"
    console.print(f"{found['model']} {verdict}", markup=False, soft_wrap=True)
    console.print(
        f"  chance in a file without it: at most 10^{found['log10_p']:.1f}\n"
        f"  code {found['code']}, {found['matching_bits']} of 64 bits as written\n"
        f"  {found['weights']} of {found['of']} marked weights, moved by "
        f"{100 * found['strength']:.0f}% of what was written",
        markup=False,
    )


def _code(text: str) -> int:
    if len(text) != 16 or any(char not in "0123456789abcdefABCDEF" for char in text):
        raise ArgumentTypeError(f"'{text[:40]}' is not 16 hexadecimal digits")
    return int(text, 16)
