"""Writes docs/commands.md: every command with all that may be typed, from the parsers themselves.

Run by `make docs`; a test fails when the page is not what the parsers say.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from penjing.cli.app import COMMANDS, parser_of

FILE = Path(__file__).parent.parent / "docs" / "commands.md"
HEAD = """\
# Commands

Written by `scripts/commands.py` from what the commands themselves parse; `penjing COMMAND --help`
says the same. Exit status: 0 done, 1 the work failed or a floor was missed, 2 the caller's mistake
(one line says what to type instead). `--json` prints one document on standard output, and all else
goes to standard error.
"""


def written() -> str:
    """The whole page."""
    pages = [HEAD]
    for command in COMMANDS:
        parser = parser_of(command)
        pages.append("\n".join([*_page(parser, 2), *_example(parser)]))
    return "\n".join(pages).replace("\n\n\n", "\n\n") + "\n"


def _page(parser: argparse.ArgumentParser, depth: int) -> Iterator[str]:
    """One command, and behind it each of its actions."""
    yield f"\n{'#' * depth} {parser.prog}\n\n{parser.description or ''}\n".rstrip("\n")
    nested = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    told = [one for one in parser._actions if one not in nested and one.dest not in ("help",)]
    rows = [row for one in told if (row := _row(one))]
    if rows:
        yield "\n| argument | what it is |\n|---|---|"
        yield from rows
    for one in nested:
        for action in dict.fromkeys(one.choices.values()):
            yield from _page(action, depth + 1)


def _row(one: argparse.Action) -> str:
    if one.help == argparse.SUPPRESS or one.dest in ("json", "quiet"):
        return ""
    takes = _metavar(one)
    if one.option_strings:
        shown = ", ".join(f"`{option}`" for option in one.option_strings)
        shown += f" `{takes}`" if takes else ""
    else:
        shown = f"`{takes}`" if one.nargs not in ("?", "*") else f"[`{takes}`]"
    return f"| {_cell(shown)} | {_cell(_help(one))} |"


def _metavar(one: argparse.Action) -> str:
    if one.nargs == 0:
        return ""
    if one.choices is not None and one.metavar is None:
        return " or ".join(map(str, one.choices))
    name = one.metavar or (one.dest.upper() if one.option_strings else one.dest)
    return f"{name} ..." if one.nargs in ("+", "*") else str(name)


def _help(one: argparse.Action) -> str:
    return " ".join((one.help or "").split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _example(parser: argparse.ArgumentParser) -> Iterator[str]:
    lines = (parser.epilog or "").splitlines()[1:]
    yield "\n" + "\n".join(f"    {line.strip()}" for line in lines)


if __name__ == "__main__":
    FILE.write_text(written(), "utf-8")
