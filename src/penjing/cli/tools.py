"""`penjing tools`: show, try and offer the tools of an assistant spec.

list     what a spec's tools are, and which hosts they may talk to
call     call one of them
serve    offer them to other programs, as an MCP server on standard input and output
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.cli.output import Output
from penjing.core.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.core.protocols import Tool

EXAMPLES: Mapping[str, str] = {
    "tools": """penjing tools list assistant.yaml
        penjing tools call assistant.yaml calculator '{"expression": "12.5% of 80"}'
        penjing tools serve assistant.yaml""",
}

_PERSON = "owner"


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, words in (
        ("list", "show the tools of a spec"),
        ("call", "call one tool of a spec"),
        ("serve", "offer the tools of a spec as an MCP server on standard input and output"),
    ):
        action = actions.add_parser(name, help=words, description=words.capitalize() + ".")
        action.add_argument("spec", type=Path, help="an assistant spec")
        if name == "call":
            action.add_argument("tool", help="a tool's name")
            action.add_argument("arguments", help="its arguments as JSON")
        action.add_argument(
            "--careful", action="store_true", help="also tools that a person must confirm"
        )
        if name != "serve":
            action.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace) -> int:
    """Run one action."""
    if args.action == "serve":
        from penjing.tools.remote.offer import serve

        with _tools(args.spec) as tools:
            serve([tool for tool in tools if args.careful or not tool.careful], _PERSON)
        return 0
    output = Output(args.json, quiet=args.quiet)
    if args.action == "list":
        return _list(args.spec, output)
    return _call(args.spec, args.tool, _arguments(args.arguments), output, careful=args.careful)


def _list(spec: Path, output: Output) -> int:
    from penjing.app.assistants import told
    from penjing.tools.registry import addresses

    with _tools(spec) as tools:
        lines = [
            {
                "name": tool.name,
                "description": tool.description,
                "careful": tool.careful,
                "parameters": tool.parameters,
            }
            for tool in tools
        ]
        strange = _strange(spec, tools)
    hosts = [f"{host}:{port}" for host, port in addresses(_section(spec), spec.parent)]

    def human(console: Console) -> None:
        for line in lines:
            careful = " (asks first)" if line["careful"] else ""
            console.print(f"{line['name']}{careful}: {line['description']}", markup=False)
        for one in told(strange):
            console.print(one, markup=False, highlight=False, soft_wrap=True)
        console.print(f"\nmay talk to: {', '.join(hosts) or 'nobody'}", markup=False)

    output.emit({"tools": lines, "addresses": hosts, "strange_names": strange}, human)
    return 0


def _strange(path: Path, tools: list[Tool]) -> dict[str, str]:
    """Names in the house that are not listened to, with why."""
    from penjing.app.assistants import load_spec
    from penjing.assistant.build import strange_names

    return strange_names(load_spec(str(path)), tools)


def _arguments(text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text)
    except ValueError as error:
        raise BadInput("the arguments are not JSON: write for example '{\"on\": true}'") from error
    if not isinstance(arguments, dict):
        raise BadInput("the arguments are not a JSON object: write for example '{\"on\": true}'")
    return arguments


def _call(
    spec: Path, name: str, arguments: Mapping[str, Any], output: Output, *, careful: bool
) -> int:
    with _tools(spec) as tools:
        known = {tool.name: tool for tool in tools}
        if name not in known:
            raise UnknownName("tool", name, known)
        tool = known[name]
        if tool.careful and not careful:
            raise BadInput(f"{tool.name} must be confirmed by a person: add --careful if you do")
        outcome = tool.call(arguments, _PERSON)
    document = {"ok": outcome.ok, "data": dict(outcome.data), "error": outcome.error}

    def human(console: Console) -> None:
        said = json.dumps(outcome.data, ensure_ascii=False, indent=1) if outcome.ok else ""
        console.print(said or outcome.error, markup=False, highlight=False)

    output.emit(document, human)
    return 0 if outcome.ok else 1


@contextmanager
def _tools(spec: Path) -> Iterator[list[Tool]]:
    """The tools of a spec, for the one person of this machine; closed afterwards."""
    from penjing.bundle.home import Home
    from penjing.tools.given import on_disk
    from penjing.tools.registry import make_tools

    path = Home.from_environment().root / "tools" / "settings.json"
    given = on_disk(spec.parent, path)
    tools = make_tools(_section(spec), given)
    try:
        yield tools
    finally:
        for tool in tools:
            tool.close()
        given.schedule.close()


def _section(spec: Path) -> Mapping[str, Any]:
    from penjing.app.assistants import load_spec

    rules = load_spec(str(spec)).tools.values()
    return {rule.name: rule.settings for rule in rules if not rule.part_of}
