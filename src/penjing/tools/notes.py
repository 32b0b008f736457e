"""Notes of a person: added, listed, found, removed. They lie where the person's settings lie."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.core.protocols import Tool
from penjing.core.showing import Press, Thing
from penjing.tools.checked import ToolAdapter, number, one_of, parameters, text
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.keep import load, save
from penjing.tools.names import plain

DESCRIPTION = "Keeps short notes: adds, lists, finds and removes them."
PARAMETERS = parameters(
    ["action"],
    action=one_of("what to do", "add", "list", "find", "remove"),
    text=text("the note, or words of it", 1000),
    number=number("the note's number in the list", 1, 10_000),
)

_NAME = "notes"
_MOST = 200


@dataclass(frozen=True)
class Settings:
    """The `notes:` of a spec."""

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return []


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [ToolAdapter("notes", DESCRIPTION, PARAMETERS, Notes(given))]


class Notes:
    """Reads and writes the list."""

    for_a_while = False

    def __init__(self, given: Given) -> None:
        self._kept, self._clock = given.kept, given.clock
        self._lock = threading.Lock()

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        words, position = arguments.get("text"), arguments.get("number")
        with self._lock:
            notes = [
                {"number": index, "text": str(note.get("text", "")), "at": note.get("at", 0)}
                for index, note in enumerate(load(self._kept, person, _NAME), 1)
            ]
            match arguments["action"]:
                case "add":
                    found = [self._added(notes, words)]
                    notes += found
                case "list":
                    found = notes
                case "find":
                    found = _matching(notes, words, position)
                case _:
                    found = _only(_matching(notes, words, position))
                    notes = [note for note in notes if note not in found]
            if arguments["action"] in ("add", "remove"):
                kept = [{"text": note["text"], "at": note["at"]} for note in notes]
                save(self._kept, person, _NAME, kept)
        texts = [note["text"] for note in found]
        return {"notes": found, "count": len(found), "texts": texts}

    def _added(self, notes: Sequence[Mapping[str, Any]], words: str | None) -> dict[str, Any]:
        if words is None:
            raise ToolError("arguments", "a note needs a text")
        if len(notes) >= _MOST:
            raise ToolError("full", f"there are {_MOST} notes: remove some first")
        return {"number": len(notes) + 1, "text": words, "at": self._clock()}

    def remember(
        self, arguments: Mapping[str, Any], told: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """What a call added, or removed. Raises ToolError."""
        if arguments["action"] not in ("add", "remove"):
            raise ToolError("not_known", "the list was not changed: nothing can be put back")
        return {arguments["action"]: list(told.get("notes", ()))}

    def restore(
        self, was: Mapping[str, Any], made: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """Take it off the list again, or put it back where it stood. Raises ToolError."""
        with self._lock:
            notes = load(self._kept, person, _NAME)
            for one in made.get("add", ()):
                kept = {"text": one["text"], "at": one["at"]}
                if kept not in notes:
                    raise ToolError("unknown_name", "that note is not there any more", near=[])
                notes.remove(kept)
            for one in made.get("remove", ()):
                notes.insert(one["number"] - 1, {"text": one["text"], "at": one["at"]})
            save(self._kept, person, _NAME, notes)
        return {"count": sum(map(len, made.values()))}

    def shown(self, person: str) -> Sequence[Thing]:
        """The list, to be added to, and every note of it."""
        kept = load(self._kept, person, _NAME)
        notes = [
            Thing(
                "note", str(note.get("text", "")), str(index),
                presses={"remove": Press({"action": "remove", "number": index})},
            )
            for index, note in enumerate(kept, 1)
        ]  # fmt: skip
        return [Thing("list", _NAME, presses={"add": Press({"action": "add"}, "text")}), *notes]

    def entities(self, parameter: str) -> Sequence[str]:
        """None: notes are a person's own."""
        return ()

    def close(self) -> None:
        """Nothing is held."""


def _matching(
    notes: Sequence[dict[str, Any]], words: str | None, position: int | None
) -> list[dict[str, Any]]:
    if words is None and position is None:
        raise ToolError("arguments", "which note? give words of it, or its number")
    return [
        note
        for note in notes
        if (position is None or note["number"] == position)
        and (words is None or plain(words) in plain(note["text"]))
    ]


def _only(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not found:
        said = {"zh": "没有这条笔记"}
        raise ToolError("unknown_name", "there is no such note", near=[], said=said)
    if len(found) > 1:
        near = [note["text"][:60] for note in found]
        message = f"there are {len(found)} such notes ({'; '.join(near[:5])}): say which"
        said = {"zh": f"有{len(found)}条这样的笔记（{'；'.join(near[:5])}），请说是哪一条"}
        raise ToolError("ambiguous", message, near=near, said=said)
    return found
