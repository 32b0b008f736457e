"""`penjing chat SPEC.yaml`: talk to an assistant. The model is loaded when it is first needed.

Whoever sits at this machine's terminal is its owner. Nothing is kept: what is said stays in memory,
and what was set rings here, or not at all; `penjing serve` is for what must be kept.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from penjing.app.conversation import LEAVING, said
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
from penjing.core.terminal import clean

if TYPE_CHECKING:
    from penjing.app.opening import ModelSettings
    from penjing.app.session import Assistant


def run(asked: ModelSettings, question: str | None, output: Output) -> int:
    """Talk to the assistant of a spec, `asked.model`; `question` is the only one where given."""
    from penjing.app.session import open_assistant

    with open_assistant(
        str(asked.model),
        on_ring=_ring,
        offline=asked.offline,
        context=asked.context,
        threads=asked.threads,
        progress=output.progress(),
    ) as assistant:
        if question is not None:
            turn = _turn(assistant, question, show=not output.json)
            turn["remarks"] += _unrung(assistant)
            if output.json:
                print(to_json({"assistant": assistant.name, **turn}), flush=True)
            return 0
        turns = [_turn(assistant, line, show=not output.json) for line in _lines(assistant.name)]
        _unrung(assistant)
        if output.json:
            print(to_json({"assistant": assistant.name, "turns": turns}), flush=True)
    return 0


def _ring(words: str) -> None:
    """Tell whoever sits at the terminal."""
    bell = "\a" if sys.stderr.isatty() else ""
    print(f"{bell}\n[{clean(words)}]", file=sys.stderr, flush=True)


def _unrung(assistant: Assistant) -> list[str]:
    """Say what is set and will never ring, because this process ends."""
    if not (left := assistant.set_for_later):
        return []
    remark = f"{left} set here and not kept, so nothing will ring: penjing serve keeps them"
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


def _turn(assistant: Assistant, text: str, *, show: bool) -> dict[str, Any]:
    began = time.monotonic()
    events: list[Event] = []
    first: float | None = None
    for event in assistant.stream(text):
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
