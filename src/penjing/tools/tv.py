"""Televisions and players in the house: on, off, volume, source, play and pause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penjing.core.protocols import Tool
from penjing.core.showing import Press, Thing
from penjing.tools.checked import ToolAdapter, at_least, number, one_of, parameters, text, yes_no
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.home.control import Control, Words, base, bounded
from penjing.tools.home.device import State
from penjing.tools.home.settings import HouseSettings as Settings

DESCRIPTION = "Controls televisions and players: on, off, volume, source, play and pause."
PARAMETERS = at_least(
    2,
    parameters(
        ["device"],
        device=text("a television or player, or a room"),
        on=yes_no("on or off"),
        volume=number("percent", 0, 100),
        volume_change=number("percent more, or less below zero", -100, 100),
        mute=yes_no("mute it"),
        source=text("a source or channel", 80),
        action=one_of("what to do", "play", "pause", "stop", "next", "previous"),
    ),
)

_WORDS = Words(("tv", "television"), ("电视", "电视机"))


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [
        ToolAdapter("tv", DESCRIPTION, PARAMETERS, Tv(settings, given), settings.careful or False)
    ]


class Tv:
    """Changes televisions."""

    for_a_while = True

    def __init__(self, settings: Settings, given: Given) -> None:
        self._control = Control(settings, given.houses, "tv", _WORDS, any_kind=False)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises ToolError."""
        order = ("on", "source", "volume", "mute", "action")
        wanted = {name: arguments[name] for name in order if name in arguments}
        change = arguments.get("volume_change")
        if wanted.get("on") is False and (len(wanted) > 1 or change is not None):
            raise ToolError("arguments", "what is switched off has no volume, source or action")
        if change is None:
            return self._control.change(arguments["device"], wanted)
        if "volume" in wanted:
            raise ToolError("arguments", "a volume is set to a number, or by one, not both")
        return self._control.change(
            arguments["device"],
            wanted,
            lambda now: {"volume": bounded(base(now, "volume", "volume") + change, 0, 100)},
        )

    def remember(
        self, arguments: Mapping[str, Any], told: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """How the devices are that a call changes; what is played is not put back. Raises
        ToolError."""
        names = {name.removesuffix("_change") for name in arguments.keys() - {"device"}}
        return self._control.remember(arguments["device"], [(one,) for one in sorted(names)], told)

    def restore(
        self, was: Mapping[str, Any], made: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """Put them back. Raises ToolError."""
        return self._control.restore(was, made)

    def shown(self, person: str) -> Sequence[Thing]:
        """Every television and player."""
        return self._control.shown(_presses)

    def entities(self, parameter: str) -> Sequence[str]:
        """Names of devices."""
        return self._control.names() if parameter == "device" else ()

    def members(self, parameter: str) -> Mapping[str, Sequence[str]]:
        """Names to the devices they mean."""
        return self._control.members() if parameter == "device" else {}

    def close(self) -> None:
        """Let go of the connection."""
        self._control.close()


def _presses(name: str, state: State) -> Mapping[str, Press]:
    may = {one: Press({"device": name, "on": one == "on"}) for one in ("on", "off")}
    return may | ({"volume": Press({"device": name}, "volume")} if "volume" in state else {})
