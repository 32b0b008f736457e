"""A device whose properties have topics of their own: televisions behind small bridges. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.tools.home.device import State, Wanted
from penjing.tools.home.dialect import Heard, number, unsupported, word
from penjing.tools.home.settings import Topics


@dataclass(frozen=True)
class PlainTopics:
    """One device."""

    name: str
    """What people call it."""
    parts: Mapping[str, Topics]
    """Topics by property."""

    def topics(self) -> Sequence[str]:
        """Where it tells what it is."""
        return tuple(part.state for part in self.parts.values() if part.state is not None)

    def messages(self, wanted: Wanted) -> Sequence[tuple[str, str]]:
        """One for each property."""
        names = set(wanted)
        if wanted.get("on") is True and "on" not in self.parts and len(names) > 1:
            names.remove("on")  # a lamp that is told how bright is on
        return [self._message(name, wanted[name]) for name in wanted if name in names]

    def _message(self, name: str, value: Any) -> tuple[str, str]:
        part = self.parts.get(name)
        if part is None or part.set is None:
            raise unsupported(self.name, {name: value})
        if isinstance(value, bool):
            return part.set, part.yes if value else part.no
        return part.set, str(value)

    def state(self, heard: Heard) -> State:
        """What its topics say."""
        found: dict[str, Any] = {}
        for name, part in self.parts.items():
            payload = word(heard.get(part.state)) if part.state else ""
            if payload in (part.yes, part.no):
                found[name] = payload == part.yes
            elif payload:
                value = number(payload)
                found[name] = payload if value is None else value
        return found
