"""Covers: garage doors, blinds, curtains. They move, so a person confirms it first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penjing.core.protocols import Tool
from penjing.core.showing import Press, Thing
from penjing.tools.checked import ToolAdapter, at_least, number, one_of, parameters, text
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.home.control import Control, Words
from penjing.tools.home.device import State
from penjing.tools.home.settings import HouseSettings as Settings

DESCRIPTION = "Opens, closes and stops garage doors, blinds and curtains."
PARAMETERS = at_least(
    2,
    parameters(
        ["cover"],
        cover=text("a cover, or a room"),
        action=one_of("what to do", "open", "close", "stop"),
        position=number("percent open", 0, 100),
    ),
)

_WORDS = Words(("blinds", "blind", "curtains", "shutters"), ("窗帘", "百叶窗", "卷帘"))


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    careful = True if settings.careful is None else settings.careful
    return [ToolAdapter("covers", DESCRIPTION, PARAMETERS, Covers(settings, given), careful)]


class Covers:
    """Moves covers."""

    for_a_while = False

    def __init__(self, settings: Settings, given: Given) -> None:
        self._control = Control(settings, given.houses, "cover", _WORDS, any_kind=False)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        wanted = {name: arguments[name] for name in ("action", "position") if name in arguments}
        if len(wanted) != 1:
            raise ToolError("arguments", "a cover gets an action or a position, not both")
        return self._control.change(arguments["cover"], wanted)

    def remember(
        self, arguments: Mapping[str, Any], told: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """How far open the covers are that a call moves. Raises ToolError."""
        if arguments.get("action") == "stop":
            raise ToolError("not_known", "that something was stopped is not taken back")
        return self._control.remember(arguments["cover"], [("position", "open")], told)

    def restore(
        self, was: Mapping[str, Any], made: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """Move them back; they may still be on their way. Raises ToolError."""
        return self._control.restore({name: _moved(one) for name, one in was.items()}, {})

    def shown(self, person: str) -> Sequence[Thing]:
        """Every cover."""
        return self._control.shown(_presses)

    def entities(self, parameter: str) -> Sequence[str]:
        """Names of covers."""
        return self._control.names() if parameter == "cover" else ()

    def members(self, parameter: str) -> Mapping[str, Sequence[str]]:
        """Names to the devices they mean."""
        return self._control.members() if parameter == "cover" else {}

    def close(self) -> None:
        """Let go of the connection."""
        self._control.close()


def _moved(was: Mapping[str, Any]) -> Mapping[str, Any]:
    """What moves a cover to where it was."""
    if "position" in was:
        return {"position": was["position"]}
    return {"action": "open" if was["open"] else "close"}


def _presses(name: str, state: State) -> Mapping[str, Press]:
    may = {one: Press({"cover": name, "action": one}) for one in ("open", "close", "stop")}
    return may | ({"position": Press({"cover": name}, "position")} if "position" in state else {})
