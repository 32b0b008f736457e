"""A spec's `tools:` section: typed, strict, and light until a tool is used."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penjing.core.errors import BadInput, UnknownName
from penjing.core.tool_arguments import mistake
from penjing.tools.given import Given
from penjing.tools.registry import TOOLS, addresses, check_section, make_tools


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ([], "must be a mapping"),
        ({"alarm": {}}, "unknown tool 'alarm': did you mean alarms"),
        (
            {"alarms": {"zones": "UTC"}},
            "unknown setting of tools.alarms 'zones': did you mean zone",
        ),
        ({"alarms": {"zone": "Mars/Olympus"}}, "unknown time zone 'Mars/Olympus'"),
        ({"alarms": {"zone": "../../etc/passwd"}}, "unknown time zone"),
        ({"alarms": {"zone": 3}}, "tools.alarms.zone must be a text"),
        ({"alarms": {"zone": "a\nb"}}, "tools.alarms.zone must be a text"),
        ({"timers": {"snooze_minutes": True}}, "snooze_minutes must be a whole number"),
        ({"timers": {"snooze_minutes": 1.5}}, "snooze_minutes must be a whole number"),
        ({"timers": ["a"]}, "tools.timers must be a mapping"),
        ({"clock": {"places": {"x": None}}}, "tools.clock.places.x must be a text"),
    ],
)
def test_what_is_wrong_in_a_section_is_said(section: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises((BadInput, UnknownName), match=re.escape(says)):
        check_section(section, tmp_path)


def test_an_empty_section_has_no_tools(given: Given) -> None:
    assert make_tools(None, given) == make_tools({}, given) == []
    assert addresses({"timers": None, "calculator": {}}, given.folder) == []


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_has_the_shape_of_its_siblings(name: str) -> None:
    module = importlib.import_module(TOOLS[name])
    assert module.__doc__
    assert module.Settings.addresses
    assert module.make
    if name == "mcp":  # has the schemas of others
        return
    assert module.DESCRIPTION.endswith(".")
    schema = module.PARAMETERS
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) <= schema["properties"].keys()
    assert mistake({"no such thing": 1}, schema)  # and every keyword of it is obeyed


def test_importing_tools_is_light() -> None:
    modules = ["penjing.tools.registry", "penjing.tools.given", *TOOLS.values()]
    code = (
        "import sys, importlib\n"
        f"for name in {modules}: importlib.import_module(name)\n"
        "print(*sorted({n.split('.')[0] for n in sys.modules} & "
        "{'paho', 'mcp', 'numpy', 'httpx', 'yaml', 'asyncio', 'pydantic'}))\n"
        "import threading; print(threading.active_count())"
    )
    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["1"]
