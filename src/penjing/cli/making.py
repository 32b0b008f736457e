"""What the commands that make model files share: their options, and those as what was asked for."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import fields

from penjing.app.making import Making
from penjing.cli.options import number, path, size, threads, whole


def add_texts(parser: ArgumentParser, measured: str) -> None:
    """--text, --held-out and --effort; `measured` says what the held-out text is for."""
    add = parser.add_argument
    add(
        "--text",
        type=path,
        metavar="FILE",
        help="your own calibration text, UTF-8 (default: five kinds of text and the model's own)",
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
    add(
        "--ram",
        type=size,
        help="memory it may take, such as 2GB (default: what this machine can spare)",
    )
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


def asked(args: Namespace) -> Making:
    """The command line as what is to be made."""
    names = {field.name for field in fields(Making)}
    given = {name: value for name, value in vars(args).items() if name in names}
    return Making(**{**given, "model": args.model or ""})
