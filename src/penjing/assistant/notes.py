"""What is kept beside the words of a turn, as plain data: the server's events look the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from penjing.core.dialogue import CUT, Acted, Action, Cited, Outcome, Planned, Undone
from penjing.core.errors import BadInput
from penjing.core.history import Turn
from penjing.core.messages import Message, Note, Text

MEMORY = "memory"
"""Of a call that was made: what it is undone by. For nobody to see."""
TALKED = "talked"
"""Of words by whom may only talk: no argument of a call ever comes from them."""


def cited_note(event: Cited) -> Note:
    """A citation."""
    one = event.passage
    passage = {
        "text": one.text, "document": one.document, "source": one.source,
        "location": one.location, "start": one.start, "end": one.end,
    }  # fmt: skip
    return Note("cited", {"number": event.number, "passage": passage})


def confirm_note(action: Action) -> Note:
    """A call that waits."""
    return Note("confirm", action_data(action))


def acted_note(event: Acted) -> Note:
    """A call that was made."""
    note = {"action": action_data(event.action), "outcome": _outcome_data(event.outcome)}
    return Note("acted", note if event.memory is None else {**note, MEMORY: dict(event.memory)})


def undone_note(event: Undone) -> Note:
    """A call that was taken back, or was to be."""
    outcome = _outcome_data(event.outcome)
    return Note("undone", {"action": action_data(event.action), "outcome": outcome})


def planned_note(event: Planned) -> Note:
    """A call that is kept until it is due."""
    return Note("planned", {"action": action_data(event.action), "when": asdict(event.when)})


def is_deed(message: Message) -> bool:
    """A turn in which something was called, put off, or asked about before it is."""
    return any(message.notes(kind) for kind in ("acted", "undone", "planned", "confirm"))


def unfinished(turns: Sequence[Turn]) -> Sequence[Turn]:
    """The turns, of which the last is an answer that never came to its end. Raises BadInput."""
    last = turns[-1].message if turns else Message("user", ())
    written = last.role == "assistant" and last.text and not is_deed(last)
    if not written or not last.notes(CUT) or last.notes("cited"):
        raise BadInput("the last answer is whole: there is nothing to go on with, ask for more")
    return turns


def joined(parts: Sequence[Text | Note]) -> Iterator[Text | Note]:
    """Pieces of text that follow each other as one."""
    text = ""
    for part in parts:
        if isinstance(part, Text):
            text += part.text
            continue
        if text:
            yield Text(text)
            text = ""
        yield part
    if text:
        yield Text(text)


def _outcome_data(outcome: Outcome) -> dict[str, Any]:
    return {"ok": outcome.ok, "data": dict(outcome.data), "error": outcome.error}


def action_data(action: Action) -> dict[str, Any]:
    """A call as plain data."""
    return {
        "id": action.id, "tool": action.tool, "arguments": dict(action.arguments),
        "describes": action.describes,
    }  # fmt: skip
