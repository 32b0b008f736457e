"""All tools by name, and a spec's `tools:` section into tools.

A tool's file is imported when a spec names it.
To add a tool, write a file that has the names its siblings have (`Settings`, `make`), and its name
here.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.core.errors import BadInput, UnknownName
from penjing.tools.parse import parse

if TYPE_CHECKING:
    from penjing.core.protocols import Tool
    from penjing.tools.given import Given

TOOLS: Mapping[str, str] = {
    name: f"penjing.tools.{name}"
    for name in (
        "alarms", "timers", "reminders", "later", "clock", "weather", "navigation", "translation",
        "lights", "climate", "tv", "covers", "switches", "scenes", "states", "music",
        "calculator", "notes", "tickets", "handover", "bell", "mcp",
    )
}  # fmt: skip
"""Name -> module."""
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9_]*_[A-Za-z0-9_]+")


def is_own(name: str) -> bool:
    """Whether a tool of ours is called so; else it can be an MCP server's only (SERVER_TOOL).

    Raises UnknownName for what no tool can be called.
    """
    own = [one for one in TOOLS if one != "mcp"]  # its tools have names of their own
    if name not in own and not _REMOTE.fullmatch(name):
        raise UnknownName("tool", name[:64], own)
    return name in own


def check_section(section: Any, folder: Path) -> dict[str, Any]:
    """The settings of every tool of a section by name; starts and connects nothing.

    Raises BadInput or UnknownName for what is wrong in it.
    """
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise BadInput("tools must be a mapping: a tool's name, then its settings")
    for name in section:
        if name not in TOOLS:
            raise UnknownName("tool", str(name)[:64], TOOLS)
    return {
        name: parse(importlib.import_module(TOOLS[name]).Settings, given, f"tools.{name}", folder)
        for name, given in section.items()
    }


def addresses(section: Any, folder: Path) -> list[tuple[str, int]]:
    """Every host and port that the tools of a section may talk to, and no others."""
    found = [
        address
        for settings in check_section(section, folder).values()
        for address in settings.addresses()
    ]
    return sorted(set(found))


def make_tools(section: Any, given: Given) -> list[Tool]:
    """The tools of a section. What cannot be made is an error before any of them was used."""
    made: list[Tool] = []
    try:
        for name, settings in check_section(section, given.folder).items():
            made += importlib.import_module(TOOLS[name]).make(settings, given)
    except BaseException:
        for tool in made:
            tool.close()
        raise
    return made
