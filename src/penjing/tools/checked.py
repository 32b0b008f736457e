"""A tool as the rest of Penjing sees it: arguments checked, failures turned into an Outcome.

Satisfies `core.protocols.Tool`. Knows nothing of any single tool.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from penjing.core.dialogue import Outcome
from penjing.core.errors import PenjingError
from penjing.core.grouping import Grouping
from penjing.core.showing import Showing, Thing
from penjing.core.tool_arguments import mistake
from penjing.tools.failed import ToolError, one_line

_MOST_SHOWN = 500


class Doing(Protocol):
    """What a tool's own file writes."""

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; arguments fit the schema. Raises ToolError."""
        ...

    def entities(self, parameter: str) -> Sequence[str]:
        """Names that exist right now for a parameter."""
        ...

    def close(self) -> None:
        """Let go of connections. Calling it twice is harmless."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """What a tool's own file writes whose changes can be put back; see `Restoring`."""

    for_a_while: bool
    """It may be put back by itself, with nobody there."""

    def remember(
        self, arguments: Mapping[str, Any], told: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """How what a call changes is now. Raises ToolError."""
        ...

    def restore(
        self, was: Mapping[str, Any], made: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """Put it back unless somebody changed it since. Raises ToolError."""
        ...


@dataclass(frozen=True)
class ToolAdapter:
    """One tool."""

    name: str
    """What a spec calls it."""
    description: str
    """What it does, in one English sentence; never a stranger's words."""
    parameters: Mapping[str, Any]
    """The JSON schema of its arguments."""
    doing: Doing
    """What does it."""
    careful: bool = False
    """A person must confirm it."""

    def entities(self, parameter: str) -> Sequence[str]:
        """Names that exist right now for a parameter; none when a server does not answer."""
        try:
            return self.doing.entities(parameter)
        except (ToolError, PenjingError):
            return ()

    def members(self, parameter: str) -> Mapping[str, Sequence[str]]:
        """Names to the single things that they mean; none where a tool does not tell them apart."""
        if not isinstance(self.doing, Grouping):
            return {}
        try:
            return self.doing.members(parameter)
        except (ToolError, PenjingError):
            return {}

    def shown(self, person: str) -> Sequence[Thing]:
        """See `Showing.shown`."""
        if not isinstance(self.doing, Showing):
            return ()
        try:
            return self.doing.shown(person)[:_MOST_SHOWN]
        except (ToolError, PenjingError):
            return ()

    def call(self, arguments: Mapping[str, Any], person: str) -> Outcome:
        """Do it for a person. What goes wrong out there is an Outcome, not an exception."""
        wrong = mistake(arguments, self.parameters)
        if wrong:
            return Outcome(False, {"reason": "arguments"}, one_line(f"{self.name}: {wrong}"))
        return _outcome(lambda: self.doing.do(arguments, person))

    @property
    def restores(self) -> bool:
        """What it changes can be put back by itself."""
        return isinstance(self.doing, Remembering) and self.doing.for_a_while

    @property
    def undoes(self) -> bool:
        """What it changed can be taken back when a person says so."""
        return isinstance(self.doing, Remembering)

    def remember(
        self, arguments: Mapping[str, Any], told: Mapping[str, Any], person: str
    ) -> Outcome:
        """See `Restoring.remember`."""
        doing = self.doing
        if mistake(arguments, self.parameters) or not isinstance(doing, Remembering):
            return Outcome(False, {"reason": "not_known"}, f"{self.name} can put nothing back")
        return _outcome(lambda: doing.remember(arguments, told, person))

    def restore(self, was: Mapping[str, Any], made: Mapping[str, Any], person: str) -> Outcome:
        """See `Restoring.restore`."""
        doing = self.doing
        if not isinstance(doing, Remembering):
            return Outcome(False, {"reason": "not_known"}, f"{self.name} can put nothing back")
        return _outcome(lambda: doing.restore(was, made, person))

    def close(self) -> None:
        """Let go of connections. Calling it twice is harmless."""
        self.doing.close()


def _outcome(do: Callable[[], Mapping[str, Any]]) -> Outcome:
    try:
        return Outcome(True, do())
    except ToolError as error:
        return Outcome(False, {**error.data, "reason": error.reason}, str(error))
    except PenjingError as error:
        return Outcome(False, {"reason": "refused"}, one_line(str(error)))


def parameters(required: Sequence[str], **properties: Any) -> dict[str, Any]:
    """The schema of an object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def at_least(count: int, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an object with so many properties or more."""
    return {**schema, "minProperties": count}


def text(description: str, longest: int = 200, pattern: str | None = None) -> dict[str, Any]:
    """The schema of a text."""
    schema = {
        "type": "string",
        "description": description,
        "minLength": 1,
        "maxLength": longest,
    }
    return {**schema, "pattern": pattern} if pattern else schema


def number(description: str, low: float, high: float, *, whole: bool = True) -> dict[str, Any]:
    """The schema of a number in bounds."""
    kind = "integer" if whole else "number"
    return {"type": kind, "description": description, "minimum": low, "maximum": high}


def yes_no(description: str) -> dict[str, Any]:
    """The schema of a boolean."""
    return {"type": "boolean", "description": description}


def one_of(description: str, *choices: str) -> dict[str, Any]:
    """The schema of a word out of a few."""
    return {"type": "string", "description": description, "enum": list(choices)}
