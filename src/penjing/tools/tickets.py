"""Tickets: what a customer wants is written down where people will see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penjing.core.protocols import Tool
from penjing.core.showing import Thing
from penjing.tools.checked import ToolAdapter, parameters, text
from penjing.tools.desk import Desk, require_one
from penjing.tools.given import Given
from penjing.tools.web import parse_origin

DESCRIPTION = "Opens a ticket with what a customer wants, for people to work on."
PARAMETERS = parameters(
    ["subject"],
    subject=text("what it is about, in one line"),
    details=text("more of it", 4000),
    contact=text("how to reach the customer"),
)


@dataclass(frozen=True)
class Settings:
    """The `tickets:` of a spec."""

    folder: Path | None = None
    """Where tickets lie as files."""
    url: str | None = None
    """A server that takes them as JSON instead."""
    token_file: Path | None = None
    """The server's bearer token."""
    careful: bool = False
    """Whether a person must confirm it."""

    def __post_init__(self) -> None:
        require_one(self.folder, self.url, "tickets")

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return [parse_origin(self.url).address] if self.url else []


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [
        ToolAdapter("tickets", DESCRIPTION, PARAMETERS, Tickets(settings, given), settings.careful)
    ]


class Tickets:
    """Opens tickets."""

    def __init__(self, settings: Settings, given: Given) -> None:
        self._desk = Desk(settings.folder, settings.url, settings.token_file, given.clock)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        number = self._desk.take("ticket", person, arguments)
        return {"number": number, "subject": arguments["subject"]}

    def shown(self, person: str) -> Sequence[Thing]:
        """A person's own, the newest first, where they lie in a folder."""
        return [
            Thing("ticket", one["subject"], one["number"], state={"at": one["at"]})
            for one in self._desk.own("ticket", person)
        ]

    def entities(self, parameter: str) -> Sequence[str]:
        """None: what a customer wants is their own."""
        return ()

    def close(self) -> None:
        """Nothing is held."""
