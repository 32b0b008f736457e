"""Handing over to a person: they are told, and the customer learns how to reach them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penjing.core.protocols import Tool
from penjing.tools.checked import ToolAdapter, parameters, text
from penjing.tools.desk import Desk, require_one
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.web import parse_origin

DESCRIPTION = "Hands the conversation over to a person."
PARAMETERS = parameters(
    [],
    reason=text("why", 1000),
    contact=text("how to reach the customer"),
)


@dataclass(frozen=True)
class Settings:
    """The `handover:` of a spec."""

    contact: str
    """How a customer reaches the person: a telephone number, an address."""
    person: str = ""
    """Who it is."""
    hours: str = ""
    """When they answer."""
    folder: Path | None = None
    """Where handovers lie as files."""
    url: str | None = None
    """A server that takes them as JSON instead."""
    token_file: Path | None = None
    """The server's bearer token."""
    careful: bool = False
    """Whether a person must confirm it."""

    def __post_init__(self) -> None:
        require_one(self.folder, self.url, "handover")

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return [parse_origin(self.url).address] if self.url else []


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    handover = Handover(settings, given)
    return [ToolAdapter("handover", DESCRIPTION, PARAMETERS, handover, settings.careful)]


class Handover:
    """Tells a person."""

    def __init__(self, settings: Settings, given: Given) -> None:
        self._settings = settings
        self._desk = Desk(settings.folder, settings.url, settings.token_file, given.clock)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it. When the person cannot be told, the customer still learns how to reach them."""
        data = {
            "person": self._settings.person,
            "contact": self._settings.contact,
            "hours": self._settings.hours,
        }
        try:
            number = self._desk.take("handover", person, arguments)
        except ToolError as error:
            raise ToolError(error.reason, f"nobody was told ({error})", **data) from error
        return {**data, "number": number, "reached": True}

    def entities(self, parameter: str) -> Sequence[str]:
        """None."""
        return ()

    def close(self) -> None:
        """Nothing is held."""
