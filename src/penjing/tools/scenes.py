"""Scenes: several devices set at once, as the house has them prepared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penjing.core.protocols import Tool
from penjing.core.showing import Press, Thing
from penjing.tools.checked import ToolAdapter, parameters, text
from penjing.tools.given import Given
from penjing.tools.home.control import Control, Words
from penjing.tools.home.settings import HouseSettings as Settings

DESCRIPTION = "Sets a scene of the house, such as movie night."
PARAMETERS = parameters(["scene"], scene=text("a scene"))


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    scenes = Scenes(settings, given)
    return [ToolAdapter("scenes", DESCRIPTION, PARAMETERS, scenes, settings.careful or False)]


class Scenes:
    """Sets scenes."""

    def __init__(self, settings: Settings, given: Given) -> None:
        self._control = Control(settings, given.houses, "scene", Words(), any_kind=False)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        done = self._control.change(arguments["scene"], {"on": True})
        return {"scene": done["devices"][0], **{one: done[one] for one in ("confirmed", "told")}}

    def shown(self, person: str) -> Sequence[Thing]:
        """Every scene."""
        return self._control.shown(lambda name, _: {"on": Press({"scene": name})})

    def entities(self, parameter: str) -> Sequence[str]:
        """Names of scenes."""
        return self._control.names() if parameter == "scene" else ()

    def close(self) -> None:
        """Let go of the connection."""
        self._control.close()
