"""Tool permission: whether a person may use a tool or document, as the accounts have it now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penjing.core.dialogue import Outcome, When
from penjing.core.errors import NotFound, NotPermitted
from penjing.core.grouping import Grouping

if TYPE_CHECKING:
    from penjing.core.moments import Planner
    from penjing.core.protocols import Tool
    from penjing.serve.services import People


def forbids(people: People, person: str, kind: str, name: str) -> str | None:
    """Why a person may not use something, as the accounts have it now; None where they may."""
    try:
        people.require(person, kind, name)
    except (NotPermitted, NotFound) as error:
        return str(error)
    return None


class Permitted:
    """Satisfies `Tool`: another one, for those who may use it as the accounts have it now."""

    def __init__(self, tool: Tool, people: People) -> None:
        self._tool, self._people = tool, people

    @property
    def name(self) -> str:
        """The tool's."""
        return self._tool.name

    @property
    def description(self) -> str:
        """The tool's."""
        return self._tool.description

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The tool's."""
        return self._tool.parameters

    @property
    def careful(self) -> bool:
        """The tool's."""
        return self._tool.careful

    def entities(self, parameter: str) -> Sequence[str]:
        """The tool's."""
        return self._tool.entities(parameter)

    def members(self, parameter: str) -> Mapping[str, Sequence[str]]:
        """The tool's."""
        return self._tool.members(parameter) if isinstance(self._tool, Grouping) else {}

    def call(self, arguments: Mapping[str, Any], person: str) -> Outcome:
        """Do it, or say that this person may not."""
        if (why := forbids(self._people, person, "tool", self.name)) is not None:
            return Outcome(False, {"reason": "refused"}, why)
        return self._tool.call(arguments, person)

    def close(self) -> None:
        """The tool is closed."""
        self._tool.close()


@dataclass(frozen=True)
class PermittedPlanner:
    """Satisfies `Planner`: another one, for those who may use it as the accounts have it now."""

    planner: Planner
    people: People

    def plan(self, person: str, label: str, when: When, data: Mapping[str, Any]) -> None:
        """Keep it, unless this person may not."""
        self.people.require(person, "tool", "later")
        self.planner.plan(person, label, when, data)


if TYPE_CHECKING:
    _FITS: type[Tool] = Permitted
