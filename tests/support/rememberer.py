"""A tool that keeps how its things are, and puts back what it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assisted import SCHEMAS, RecordingTool

from penjing.core.dialogue import Outcome


class Rememberer(RecordingTool):
    """Records calls, and changes a thing's state by them. Satisfies `Restoring`."""

    restores = True
    undoes = True

    def __init__(self, name: str, by: str, names: Mapping[str, Sequence[str]]) -> None:
        super().__init__(name, SCHEMAS[name], required=[by], names=names)
        self.by = by
        """The argument that names the thing."""
        self.states: dict[str, dict[str, Any]] = {}
        """How each is; unknown where it is not there."""
        self.restored: list[Mapping[str, Any]] = []
        """What was put back."""

    def call(self, arguments: Mapping[str, Any], person: str) -> Outcome:
        """Change it."""
        said = {key: value for key, value in arguments.items() if key != self.by}
        self.states.setdefault(str(arguments[self.by]), {}).update(said)
        return super().call(arguments, person)

    def remember(
        self, arguments: Mapping[str, Any], told: Mapping[str, Any], person: str
    ) -> Outcome:
        """How it is."""
        name = str(arguments[self.by])
        if name not in self.states:
            return Outcome(False, {"reason": "not_known"}, "nobody knows how it is")
        return Outcome(True, {name: dict(self.states[name])})

    def restore(self, was: Mapping[str, Any], made: Mapping[str, Any], person: str) -> Outcome:
        """As it was, unless somebody changed it."""
        done: list[str] = []
        left: list[str] = []
        for name in was:
            (done if self.states[name] == made[name] else left).append(name)
        for name in done:
            self.states[name] = dict(was[name])
            self.restored.append({name: was[name]})
        return Outcome(True, {"devices": done, "left": left})
