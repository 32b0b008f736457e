"""`penjing assistant`: check a spec and run its stories, before anybody talks to it."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.cli.output import Output
from penjing.core.errors import BadInput, PenjingError

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.assistant.spec.values import Spec
    from penjing.assistant.stories import Story
    from penjing.assistant.understand.compiled import Compiled
    from penjing.core.dialogue import Event
    from penjing.core.protocols import Tool

EXAMPLES: Mapping[str, str] = {
    "assistant": """
        penjing assistant check examples/smart-home/assistant.yaml
        penjing assistant test examples/smart-home/assistant.yaml
    """
}


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, about in (
        ("check", "say what is wrong with a spec, each with its line"),
        ("test", "run the stories beside a spec"),
    ):
        one = actions.add_parser(name, help=about, description=f"{about.capitalize()}.")
        one.add_argument("spec", help="an assistant.yaml")
        one.add_argument("--json", action="store_true", default=SUPPRESS, help="one JSON document")
        one.add_argument("--quiet", action="store_true", default=SUPPRESS, help="show no progress")


def run(args: Namespace) -> int:
    """Do it; 1 when a story goes wrong, 2 when a spec is wrong."""
    output = Output(args.json, quiet=args.quiet)
    return _check(args.spec, output) if args.action == "check" else _test(args.spec, output)


def _check(path: str, output: Output) -> int:
    from penjing.app.assistants import load_spec, told, tools_of
    from penjing.assistant.build import strange_names
    from penjing.assistant.check import check, remarks

    spec = load_spec(path)
    with tools_of(spec) as tools:
        wrong = check(spec, tools)
        strange = {} if wrong else strange_names(spec, tools)
    said = [] if wrong else remarks(spec)
    document = {
        "assistant": spec.name,
        "languages": list(spec.languages),
        "intents": sorted(spec.intents),
        "tools": sorted(spec.tools),
        "wrong": wrong,
        "strange_names": strange,
        "remarks": said,
    }

    def human(console: Console) -> None:
        for line in (*wrong, *said):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        if not wrong:
            console.print(f"{spec.name}: {len(spec.intents)} intents, nothing is wrong")
        for line in told(strange):
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    output.emit(document, human)
    return BadInput.exit_code if wrong else 0


def _test(path: str, output: Output) -> int:
    from penjing.app.assistants import load_spec, tools_of
    from penjing.assistant.check import require_sound
    from penjing.assistant.stories import read_stories, stories_beside
    from penjing.assistant.understand.compiled import compile_language
    from penjing.bundle.home import Home

    files = stories_beside(Path(path))
    if not files:
        raise BadInput(f"there are no stories beside {path}: write a stories.yaml")
    spec = load_spec(path)
    results: list[dict[str, Any]] = []
    with tools_of(spec) as tools:
        require_sound(spec, tools)
        cache = Home.from_environment().work / "intents"
        compiled = {one: compile_language(spec, one, None, cache) for one in spec.languages}
        for file in files:
            results += [_played(spec, tools, compiled, story) for story in read_stories(file)]
    failed = sum(bool(one["wrong"]) for one in results)

    def human(console: Console) -> None:
        for one in results:
            for line in one["wrong"]:
                console.print(f"{line}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"{len(results) - failed} of {len(results)} stories go as written")

    output.emit({"stories": results, "failed": failed}, human)
    return PenjingError.exit_code if failed else 0


def _played(
    spec: Spec, tools: Sequence[Tool], compiled: Mapping[str, Compiled], story: Story
) -> dict[str, Any]:
    from penjing.app.assistants import documents_of
    from penjing.assistant.build import build
    from penjing.assistant.stories import StoryClock, StoryPlanner, StoryTool, play
    from penjing.vault.memory import MemoryStore

    acting = [StoryTool.of(tool, story) for tool in tools]
    clock = StoryClock(1_795_600_000.0)
    own = documents_of(spec)
    planner = StoryPlanner(clock)
    assistant = build(spec, acting, retrievers=own, clock=clock, planner=planner, compiled=compiled)

    def due() -> list[Event]:
        return planner.due(lambda kept: assistant.carry_out("story", kept, role=story.who))

    return {"story": story.name, "wrong": play(story, assistant, MemoryStore(), clock, due)}
