"""`penjing chat SPEC.yaml`: talk to an assistant. The model is loaded when it is first needed.

Whoever sits at this machine's terminal is its owner. Nothing is kept: what is said stays in memory,
and what was set rings here, or not at all; `penjing serve` is for what must be kept.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from penjing.app.conversation import LEAVING, said
from penjing.app.rings import came_of, rings, written_in
from penjing.cli.output import Output, to_json
from penjing.core.dialogue import (
    Acted,
    Action,
    Cited,
    Confirm,
    Event,
    Finished,
    Remarked,
    Said,
    Understood,
)
from penjing.core.errors import BadInput
from penjing.core.terminal import clean

if TYPE_CHECKING:
    from penjing.assistant.turn import SpecAssistant
    from penjing.core.protocols import Assistant, Store
    from penjing.tools.entries import Due
    from penjing.tools.schedule import Schedule

_PERSON = "owner"


def run(args: Namespace, question: str | None) -> int:
    """Run the command for a spec."""
    from penjing.app.assistants import close_shutter, load_spec, model_writer, opened
    from penjing.tools.given import in_this_process
    from penjing.vault.memory import MemoryStore

    for option in ("system", "grammar", "json_schema"):
        if getattr(args, option) is not None:
            raise BadInput(f"--{option.replace('_', '-')} is for a model: a spec says it itself")
    progress = Output(args.json, quiet=args.quiet).progress()
    spec = load_spec(args.model)
    if args.offline:
        close_shutter(spec, progress)
    writer = model_writer(
        spec.model, progress, context=args.context, threads=args.threads, offline=args.offline
    )
    store = MemoryStore()
    session = store.history.begin().id
    bell = Bell(spec.languages[0])
    given = in_this_process(Path(spec.folder), bell.tell)
    with opened(spec, writer, progress, given) as assistant:
        bell.assistant = assistant
        if question is not None:
            turn = _turn(assistant, store, session, question, show=not args.json)
            turn["remarks"] += _unrung(given.schedule)
            if args.json:
                print(to_json({"assistant": assistant.name, **turn}), flush=True)
            return 0
        turns = []
        for line in _lines(assistant.name):
            bell.heard(line)
            turns.append(_turn(assistant, store, session, line, show=not args.json))
        _unrung(given.schedule)
        if args.json:
            print(to_json({"assistant": assistant.name, "turns": turns}), flush=True)
    return 0


class Bell:
    """Tells whoever sits at the terminal what rings, in the language they last wrote."""

    def __init__(self, language: str) -> None:
        self._language = language
        self.assistant: SpecAssistant | None = None
        """Who does what is due."""

    def heard(self, line: str) -> None:
        """The person wrote this."""
        self._language = written_in(line)

    def tell(self, due: Due) -> bool:
        """Satisfies `Tell`."""
        bell = "\a" if sys.stderr.isatty() else ""
        words = self._done(due) if due.kind == "call" else rings(due, self._language)
        print(f"{bell}\n[{clean(words)}]", file=sys.stderr, flush=True)
        return True

    def _done(self, due: Due) -> str:
        """What came of a planned call, which is made now where it is not too late."""
        if self.assistant is None or due.missed:
            return came_of(due, None, self._language)
        made = self.assistant.carry_out(due.person, due.data, role="owner")
        return came_of(due, made.outcome if isinstance(made, Acted) else made, self._language)


def _unrung(schedule: Schedule) -> list[str]:
    """Say what is set and will never ring, because this process ends."""
    from penjing.core.agenda import Kind

    now = time.time()
    entries = [one for kind in get_args(Kind) for one in schedule.entries(_PERSON, kind)]
    left = [one for one in entries if one.at > now]
    if not left:
        return []
    remark = f"{len(left)} set here and not kept, so nothing will ring: penjing serve keeps them"
    print(f"[{remark}]", file=sys.stderr)
    return [remark]


def _lines(name: str) -> Iterator[str]:
    """What is typed or piped, until the end or a line that leaves."""
    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    if terminal:
        print(f"{name} listens; /quit or Ctrl-D ends.", file=sys.stderr)
    while True:
        if terminal:
            sys.stdout.write("> ")
            sys.stdout.flush()
        line = sys.stdin.readline() if sys.stdin is not None else ""
        if not line:
            return
        text = said(line).strip()
        if text in LEAVING and not line.startswith(" "):
            return
        if text:
            yield text


def _turn(
    assistant: Assistant, store: Store, session: str, text: str, *, show: bool
) -> dict[str, Any]:
    began = time.monotonic()
    events: list[Event] = []
    first: float | None = None
    for event in assistant.reply(_PERSON, store, session, text, role="owner"):
        events.append(event)
        if isinstance(event, Said | Acted) and first is None:
            first = time.monotonic() - began
        if show:
            _show(event)
    if show:
        print(flush=True)
        for one in events:
            if isinstance(one, Cited):
                print(clean(f"[{one.number}] {one.passage.source}, {one.passage.location}"))
    return {
        "prompt": text,
        "answer": "".join(one.text for one in events if isinstance(one, Said)),
        "understood": [_understood(one) for one in events if isinstance(one, Understood)],
        "actions": [_acted(one) for one in events if isinstance(one, Acted)],
        "waiting": [_action(one.action) for one in events if isinstance(one, Confirm)],
        "cited": [_cited(one) for one in events if isinstance(one, Cited)],
        "remarks": [one.text for one in events if isinstance(one, Remarked)],
        "finish_reason": next((one.reason for one in events if isinstance(one, Finished)), None),
        "timings": {"first_seconds": first, "seconds": time.monotonic() - began},
    }


def _show(event: Event) -> None:
    if isinstance(event, Said):
        sys.stdout.write(clean(event.text))
        sys.stdout.flush()
    elif isinstance(event, Remarked):
        print(f"[{clean(event.text)}]", file=sys.stderr)


def _understood(event: Understood) -> dict[str, Any]:
    one = event.recognition
    return {
        "intent": one.intent,
        "stage": one.stage,
        "confidence": round(one.confidence, 4),
        "slots": [{"name": s.name, "value": s.value, "text": s.text} for s in one.slots],
    }


def _action(action: Action) -> dict[str, Any]:
    return {
        "id": action.id,
        "tool": action.tool,
        "arguments": dict(action.arguments),
        "describes": action.describes,
    }


def _acted(event: Acted) -> dict[str, Any]:
    one = event.outcome
    outcome = {"ok": one.ok, "data": dict(one.data), "error": one.error}
    return {**_action(event.action), "outcome": outcome}


def _cited(event: Cited) -> dict[str, Any]:
    one = event.passage
    return {
        "number": event.number,
        "source": one.source,
        "location": one.location,
        "text": one.text,
        "start": one.start,
        "end": one.end,
    }
