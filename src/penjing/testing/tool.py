"""A tool that does nothing and remembers everything, for tests of a spec or an assistant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penjing.core.dialogue import Outcome


class FakeTool:
    """Satisfies `Tool`.

    `properties` are those of its JSON schema; `names` the things that exist for a parameter;
    `answers` are given in turn, and again from the first.
    """

    def __init__(
        self,
        name: str,
        properties: Mapping[str, Any] | None = None,
        *,
        careful: bool = False,
        required: Sequence[str] = (),
        answers: Sequence[Outcome] = (Outcome(True),),
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.name = name
        self.description = f"Records calls of {name}."
        self.parameters = {
            "type": "object",
            "properties": dict(properties or {}),
            "required": list(required),
            "additionalProperties": False,
        }
        self.careful = careful
        self.calls: list[tuple[dict[str, Any], str]] = []
        """Arguments and person of each call."""
        self.closed = False
        """True after `close`."""
        self._answers = tuple(answers)
        self._names = dict(names or {})

    def entities(self, parameter: str) -> Sequence[str]:
        """Those it was given."""
        return self._names.get(parameter, ())

    def call(self, arguments: Mapping[str, Any], person: str) -> Outcome:
        """Remember it, and give the next answer."""
        self.calls.append((dict(arguments), person))
        return self._answers[(len(self.calls) - 1) % len(self._answers)]

    def close(self) -> None:
        """Remember that too."""
        self.closed = True


if TYPE_CHECKING:
    from penjing.core.protocols import Tool

    _FITS: type[Tool] = FakeTool
