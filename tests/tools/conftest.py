"""What tests of tools share: a clock that is set, and tools made from a section."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tooling import SetClock

from penjing.core.protocols import Tool
from penjing.tools.given import Given, in_this_process
from penjing.tools.registry import make_tools


@pytest.fixture
def clock() -> SetClock:
    """Noon on a Monday."""
    return SetClock()


@pytest.fixture
def given(tmp_path: Path, clock: SetClock) -> Iterator[Given]:
    """What tools are given, in memory."""
    made = in_this_process(tmp_path, clock=clock)
    yield made
    made.schedule.close()


@pytest.fixture
def make(given: Given) -> Iterator[Callable[..., Tool]]:
    """Makes the one tool of a name with its settings; closed afterwards."""
    made: list[Tool] = []

    def one(name: str, **settings: Any) -> Tool:
        tools = make_tools({name: settings}, given)
        made.extend(tools)
        assert [tool.name for tool in tools] == [name]
        return tools[0]

    yield one
    for tool in made:
        tool.close()
