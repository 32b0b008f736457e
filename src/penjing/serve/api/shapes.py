"""What the nouns of the API have in common: refusals, turns, and events as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel

from penjing.assistant.notes import MEMORY
from penjing.core.dialogue import (
    CUT,
    Acted,
    Action,
    Cited,
    Confirm,
    Event,
    Finished,
    Outcome,
    Passage,
    Planned,
    Recognition,
    Remarked,
    Said,
    Understood,
    Undone,
)
from penjing.core.errors import PenjingError
from penjing.core.history import Session, Turn
from penjing.core.messages import Note


class Refused(BaseModel):
    """Why not, in one line."""

    error: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refused, "description": about}
    for status, about in {
        400: "the body is not JSON",
        401: "nobody is logged in",
        403: "not permitted",
        404: "not yours, or not there",
        408: "the body came too slowly",
        409: "not now",
        413: "too large",
        422: "a value cannot be used",
        429: "too many requests",
        500: "the server failed",
        501: "this server has no such part",
        503: "full: try again after the seconds of Retry-After",
    }.items()
}

Id = Annotated[str, Path(max_length=64)]


class SessionDocument(BaseModel):
    """A session."""

    id: str
    title: str
    began: float
    spoke: float


class NoteDocument(BaseModel):
    """What an answer carries beside words."""

    name: str
    data: dict[str, Any]


class TurnDocument(BaseModel):
    """A turn."""

    number: int
    at: float
    role: str
    text: str
    notes: list[NoteDocument]


_SHOWN = ("cited", "confirm", "acted", "undone", "planned", "left_out", "remarked", CUT)
"""Notes that people see; an assistant keeps others for itself."""


def session(one: Session) -> dict[str, Any]:
    """A session as JSON."""
    return {"id": one.id, "title": one.title, "began": one.began, "spoke": one.spoke}


def turn(one: Turn) -> dict[str, Any]:
    """A turn as JSON."""
    notes = [
        {"name": part.name, "data": _seen(part)}
        for part in one.message.parts
        if isinstance(part, Note) and part.name in _SHOWN
    ]
    words = {"role": one.message.role, "text": one.message.text, "notes": notes}
    return {"number": one.number, "at": one.at, **words}


def event(one: Event) -> dict[str, Any]:
    """An event as JSON."""
    shown: dict[str, Any]
    match one:
        case Said():
            shown = {"type": "said", "text": one.text, "trust": one.trust}
        case Understood():
            shown = {"type": "understood", **_taken(one.recognition)}
        case Cited():
            shown = {"type": "cited", "number": one.number, "passage": _passage(one.passage)}
        case Confirm():
            shown = {"type": "confirm", "action": _action(one.action)}
        case Acted():
            did = {"action": _action(one.action), "outcome": _outcome(one.outcome)}
            shown = {"type": "acted", **did, "undoable": one.undoable}
        case Undone():
            did = {"action": _action(one.action), "outcome": _outcome(one.outcome)}
            shown = {"type": "undone", **did}
        case Planned():
            shown = {"type": "planned", "action": _action(one.action), "when": dict(vars(one.when))}
        case Remarked():
            shown = {"type": "remarked", "text": one.text}
        case Finished():
            usage = None if one.usage is None else dict(vars(one.usage))
            shown = {"type": "finished", "reason": one.reason, "usage": usage}
    return shown


def failed(error: PenjingError) -> dict[str, Any]:
    """What ends the events of a turn that failed."""
    return {"type": "error", "error": str(error)}


def plain(value: Any) -> Any:
    """Plain data in JSON's own types."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(one) for one in value]
    return value


def _taken(one: Recognition) -> dict[str, Any]:
    slots = [{"name": s.name, "value": plain(s.value), "text": s.text} for s in one.slots]
    taken = {"intent": one.intent, "stage": one.stage, "confidence": one.confidence}
    return {**taken, "slots": slots}


def _seen(note: Note) -> dict[str, Any]:
    """A note as people see it: what a call is undone by is its tool's."""
    data: dict[str, Any] = plain(note.data)
    if note.name == "acted":
        data["undoable"] = data.pop(MEMORY, None) is not None
    return data


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {"ok": outcome.ok, "data": plain(outcome.data), "error": outcome.error}


def _action(action: Action) -> dict[str, Any]:
    call = {"id": action.id, "tool": action.tool, "arguments": plain(action.arguments)}
    return {**call, "describes": action.describes}


def _passage(passage: Passage) -> dict[str, Any]:
    where = {"document": passage.document, "source": passage.source, "location": passage.location}
    return {"text": passage.text, **where, "start": passage.start, "end": passage.end}
