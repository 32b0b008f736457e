"""A smart home to talk to, all stages on: its tools record, its clock is set, its state is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from assisted import EXAMPLES, smart_tools

from penjing.assistant.build import build
from penjing.assistant.spec.parse import load
from penjing.assistant.stories import StoryClock, StoryPlanner
from penjing.assistant.turn import SpecAssistant
from penjing.core.dialogue import Acted, Event, Outcome, Planned, Said, Standing, When
from penjing.vault.memory import MemoryStore

WEDNESDAY = datetime(2026, 11, 25, 16, 0)
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KITCHEN_OFF = ("lights", {"light": "kitchen light", "on": False})
KITCHEN_ON = ("lights", {"light": "kitchen light", "on": True})
BLINDS = ("covers", {"cover": "blinds", "action": "close"})
CURTAINS = ("covers", {"cover": "curtains", "action": "open"})
TV_OFF, TV_ON = (("tv", {"device": "TV", "on": on}) for on in (False, True))
AC_ON, AC_OFF = (("climate", {"device": "air conditioner", "on": on}) for on in (True, False))
Call = tuple[str, Mapping[str, Any]]


class Home:
    """A smart home to talk to."""

    def __init__(self, cache: Path) -> None:
        spec = load(EXAMPLES / "smart-home/assistant.yaml")
        tools = smart_tools()
        self.state: dict[str, Mapping[str, Any]] = {}
        """Device to how it is."""
        tools["states"].call = self._look  # type: ignore[method-assign]
        self.clock = StoryClock(WEDNESDAY.timestamp())
        self.planner = StoryPlanner(self.clock)
        self.assistant: SpecAssistant = build(
            spec, list(tools.values()), cache=cache, clock=self.clock, planner=self.planner
        )
        self.afresh()

    def _look(self, arguments: Mapping[str, Any], person: str) -> Outcome:
        return Outcome(True, self.state.get(str(arguments["device"]), {}))

    def afresh(self) -> None:
        """Another conversation, and nothing planned."""
        self.store = MemoryStore()
        self.session = self.store.history.begin().id
        self.clock.at = WEDNESDAY.timestamp()
        self.planner.kept.clear()
        self.state.clear()

    def say(self, text: str, role: Standing = "owner") -> list[Event]:
        """Say one thing."""
        return list(self.assistant.reply("ann", self.store, self.session, text, role=role))

    def wait(self, seconds: float, role: Standing = "owner") -> list[Call]:
        """What is done while time passes."""
        self.clock.at += seconds
        return done(self.planner.due(lambda one: self.assistant.carry_out("ann", one, role=role)))


def done(events: list[Event]) -> list[Call]:
    """Calls that were made."""
    return [(e.action.tool, dict(e.action.arguments)) for e in events if isinstance(e, Acted)]


def planned(events: list[Event]) -> list[tuple[Call, When]]:
    """Calls that were kept, and for when."""
    return [
        ((e.action.tool, dict(e.action.arguments)), e.when)
        for e in events
        if isinstance(e, Planned)
    ]


def words(events: list[Event]) -> str:
    """What was said."""
    return "".join(one.text for one in events if isinstance(one, Said))
