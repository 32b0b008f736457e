"""`penjing pull`, `list` and `remove`: models and texts that have a name."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.cli.output import Output
from penjing.core.units import format_count, format_size

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.bundle.catalogue import Catalogue, Entry
    from penjing.bundle.home import Home

EXAMPLES: Mapping[str, str] = {
    "pull": "penjing pull smollm2-135m-instruct",
    "list": "penjing list",
    "remove": "penjing remove smollm2-135m-instruct",
}

_BYTES_PER_WEIGHT = 2
"""Of a hub repository in bf16, to say about how large it is before anyone asked the hub."""


def register(parser: ArgumentParser, command: str) -> None:
    """Add the arguments of one command."""
    if command == "pull":
        parser.add_argument(
            "name", nargs="?", help="a model or text from penjing list (default: the small model)"
        )
        parser.add_argument(
            "--accept-terms",
            action="store_true",
            help="accept the model's own terms",
        )
    if command == "remove":
        parser.add_argument("name", help="a model or text that was pulled")


def run(args: Namespace) -> int:
    """Run one command."""
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.home import Home

    home = Home.from_environment()
    catalogue = catalogue_of(home)
    output = Output(args.json, quiet=args.quiet)
    if args.command == "pull" and (here := _already_here(args.name, catalogue, home, output)):
        _say_here(here, output)
    elif args.command == "pull":
        entry = catalogue.entry(args.name or catalogue.default)
        _accept(entry, home, agreed=args.accept_terms, may_ask=not args.json)
        _pull(entry, home, output)
    elif args.command == "remove":
        _remove(args.name, home, output)
    else:
        _list(catalogue, home, output)
    return 0


def _already_here(
    name: str | None, catalogue: Catalogue, home: Home, output: Output
) -> Path | None:
    """The model that a path leads to, which needs no pulling; None for a name."""
    from penjing.bundle.resolve import find_model

    if name is None or name in catalogue.models or name in catalogue.texts:
        return None
    if not (Path(name).expanduser().exists() or name.startswith((".", "/", "~"))):
        return None
    return find_model(name, home, progress=output.progress(), download=False)


def _say_here(path: Path, output: Output) -> None:
    document = {"name": path.name, "path": path, "bytes": None, "pinned": False}

    def human(console: Console) -> None:
        console.print(f"{path} is here already: give its path where a model is asked for",
                      markup=False, soft_wrap=True)  # fmt: skip

    output.emit(document, human)


def _accept(entry: Entry, home: Home, *, agreed: bool, may_ask: bool) -> None:
    """Show the terms once; accepted by the option, or by whoever sits at the terminal."""
    from penjing.bundle import terms

    where = terms.unaccepted(entry, home)
    if where and (agreed or (may_ask and _agreed(entry, where))):
        terms.accept(entry, home)


def _agreed(entry: Entry, where: str) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(
        f"{entry.title} comes under its maker's own terms ({entry.licence}): https://{where}\n"
        "They bind you, forbid some uses, and go with every copy and every model made of it.",
        file=sys.stderr,
    )
    print("Do you accept them? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _pull(entry: Entry, home: Home, output: Output) -> None:
    from penjing.bundle import fetch

    path = fetch.pull(entry, home, output.progress())
    record = fetch.find(entry, home)
    size = record.bytes if record else None
    document = {
        "name": entry.name,
        "path": path,
        "bytes": size,
        "licence": entry.licence,
        "pinned": entry.sha256 is not None,
        "origin": record.origin if record else None,
        "files": {seal.file: seal.sha256 for seal in record.files} if record else {},
    }

    def human(console: Console) -> None:
        ready = f"{entry.name} is ready: {format_size(size or 0)}, {entry.licence}"
        console.print(ready, markup=False)
        console.print(str(path), markup=False, soft_wrap=True)
        if entry.note:
            console.print(entry.note, markup=False)

    output.emit(document, human)


def _remove(name: str, home: Home, output: Output) -> None:
    from penjing.bundle import fetch

    freed = fetch.remove(name, home, output.progress())
    output.emit(
        {"name": name, "freed_bytes": freed},
        lambda console: console.print(f"{name} is removed: {format_size(freed)} freed"),
    )


def _list(catalogue: Catalogue, home: Home, output: Output) -> None:
    models = [_line(entry, home) for entry in catalogue.models.values()]
    texts = [_line(entry, home) for entry in catalogue.texts.values()]
    document = {
        "home": home.root,
        "default": catalogue.default,
        "models": models,
        "texts": texts,
    }

    def human(console: Console) -> None:
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for title in ("name", "size", "parameters", "licence", "here"):
            right = title in ("size", "parameters")
            table.add_column(title, justify="right" if right else "left", no_wrap=True)
        for line in models:
            table.add_row(
                line["name"] + (" (default)" if line["name"] == catalogue.default else ""),
                _size(line),
                format_count(line["parameters"]),
                line["licence"],
                line["here"],
            )
        for line in texts:
            what = " (questions)" if line["name"] in catalogue.questions else " (text)"
            table.add_row(line["name"] + what, _size(line), "", line["licence"], line["here"])
        console.print(table)
        console.print("\npenjing pull NAME downloads, penjing remove NAME deletes", style="dim")

    output.emit(document, human)


def _line(entry: Entry, home: Home) -> dict[str, Any]:
    """What `list` says of one entry; reads no model."""
    from penjing.bundle import fetch
    from penjing.bundle.catalogue import ModelEntry
    from penjing.bundle.records import read_record

    record = fetch.find(entry, home)
    known = record.bytes if record else entry.bytes
    line = {
        "name": entry.name,
        "title": entry.title,
        "bytes": known,
        "licence": entry.licence,
        "note": entry.note,
        "pinned": entry.sha256 is not None,
        "here": "yes" if record else "damaged" if read_record(home, entry.name) else "no",
        "path": record.path if record else None,
        "sources": [str(source) for source in entry.sources],
    }
    if isinstance(entry, ModelEntry):
        line |= {
            "parameters": entry.parameters,
            "architecture": entry.architecture,
            "context": entry.context,
        }
    return line


def _size(line: Mapping[str, Any]) -> str:
    if line["bytes"] is not None:
        return format_size(line["bytes"])
    if "parameters" in line:
        return f"about {format_size(line['parameters'] * _BYTES_PER_WEIGHT)}"
    return ""
