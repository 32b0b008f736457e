"""`penjing mark`: an owner's code in the weights of a model, and a mark in what it writes."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penjing.app.marking import Marking, mark, read_mark
from penjing.app.pruning import CALIBRATION
from penjing.app.text_marks import Suspect, find_mark, make_key
from penjing.cli.options import number, path, threads, whole
from penjing.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

EXAMPLES: Mapping[str, str] = {
    "mark": """
        penjing mark write small.gguf -o marked.gguf --receipt mine.mark
        penjing mark read found-elsewhere.gguf --receipt mine.mark
        penjing mark key text.key
        penjing mark text letter.txt --key text.key
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
        _plain(one)
    about = "make the key of a mark in text"
    one = actions.add_parser("key", help=about, description=f"{about.capitalize()}.")
    one.add_argument("file", type=path, help="the key to be made; penjing chat --mark-key takes it")
    _plain(one)
    about = "say whether a text was drawn with a key"
    one = actions.add_parser("text", help=about, description=f"{about.capitalize()}.")
    add = one.add_argument
    add("file", type=path, help="the text, UTF-8")
    add("--key", type=path, action="append", required=True, metavar="FILE", help="as when written")
    add("--which", type=whole(1, 2), metavar="N", help="look for the first or second key alone")
    add("--model", metavar="MODEL", help="whose text it would be (default: the small model)")
    add("--temperature", type=number(0.05, 10), default=0.8, help="at which (default: 0.8)")
    add("--threads", type=threads, help="cores to use (default: all)")
    _plain(one)


def _plain(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--json", action="store_true", default=SUPPRESS, help="print one JSON document")
    add("--quiet", action="store_true", default=SUPPRESS, help="show no progress")


def run(args: Namespace) -> int:
    """Write or read; 1 when a mark that was looked for is not there."""
    output = Output(args.json, quiet=args.quiet)
    if args.action == "key":
        output.emit(make_key(args.file), lambda console: console.print(args.file, markup=False))
        return 0
    if args.action == "text":
        which = None if args.which is None else args.which - 1
        suspect = Suspect(
            args.file, tuple(args.key), which, args.model, args.temperature, args.threads
        )
        seen = find_mark(suspect, output.progress())
        output.emit(seen, lambda console: _draw_text(seen, console))
        return 0 if seen["verdict"] == "marked" else 1
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
    seen = f"{found['weights']} of {found['of']} marked weights"
    if not found["found"]:
        line = f"there is no evidence that {found['model']} carries the mark"
        chance = f"; chance in a file without it: at most 10^{found['log10_p']:.1f}"
        weak = chance + ", and 10^-9 is needed" if found["log10_p"] < -1 else ""
        console.print(f"{line}\n  looked at {seen}{weak}", markup=False, soft_wrap=True)
        return
    console.print(f"{found['model']} carries the mark", markup=False, soft_wrap=True)
    console.print(
        f"  chance in a file without it: at most 10^{found['log10_p']:.1f}\n"
        f"  code {found['code']}, {found['matching_bits']} of 64 bits as written\n"
        f"  {seen}, moved by "
        f"{100 * found['strength']:.0f}% of what was written",
        markup=False,
    )


def _draw_text(seen: Mapping[str, Any], console: Console) -> None:
    console.print(f"{seen['text']}: {seen['verdict']}", markup=False, soft_wrap=True)
    expected = seen["expected_z"]
    could = (
        "" if expected is None else f"; a marked one of its kind would have about {expected:.1f}"
    )
    console.print(
        f"  z {seen['z']:.2f} from {seen['tokens']} tokens{could}\n"
        f"  chance in a text without it: 10^{seen['log10_p']:.1f}",
        markup=False,
    )


def _code(text: str) -> int:
    if len(text) != 16 or any(char not in "0123456789abcdefABCDEF" for char in text):
        raise ArgumentTypeError(f"'{text[:40]}' is not 16 hexadecimal digits")
    return int(text, 16)
