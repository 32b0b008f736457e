"""MCP servers that lie: in schema, size, time, ids and notifications, over pipes and HTTP.

Each is a real little process; each is bounded in time and memory, and ends in a value or one line.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from brokers import answers, free_port
from tooling import wait_until

from penjing.core.errors import PenjingError
from penjing.core.protocols import Tool
from penjing.tools.given import Given
from penjing.tools.registry import make_tools

LIAR = str(Path(__file__).parent.parent / "support" / "lying_mcp.py")
SECONDS = 2.0
_MOST_MEMORY = 200 * 1024  # KiB of growth
SCHEMAS = ("recursive", "number", "text", "list", "none", "wrong_types", "huge", "deep", "fetches",
           "infinite")  # fmt: skip
AT_START = (*(f"schema_{one}" for one in SCHEMAS), "million", "pages", "version", "early")
IN_A_CALL = (
    "list_changed", "resources/updated", "cancelled", "progress", "logging", "huge_result",
    "one_huge", "wrong_id", "no_id", "text_id", "object_id", "twice", "drip", "never", "controls",
    "bytes", "nested", "numbers", "nan", "asks", "both", "error_text", "kinds", "stderr", "dies",
)  # fmt: skip


@contextmanager
def over(way: str, mood: str) -> Iterator[dict[str, Any]]:
    """How a server of this mood is named in a spec."""
    if way == "pipe":
        yield {"command": [sys.executable, LIAR, mood]}
        return
    port = free_port()
    process = subprocess.Popen([sys.executable, LIAR, mood, str(port)], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port), 20)
        yield {"url": f"http://127.0.0.1:{port}/mcp"}
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def met(given: Given) -> Iterator[Callable[[dict[str, Any]], dict[str, Tool]]]:
    made: list[Tool] = []

    def meet(server: dict[str, Any]) -> dict[str, Tool]:
        settings = {"start_seconds": 15.0, "seconds": SECONDS, **server}
        made.extend(make_tools({"mcp": {"servers": {"ann": settings}}}, given))
        return {tool.name: tool for tool in made}

    yield meet
    for tool in made:
        tool.close()


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def one_line(text: str) -> bool:
    return bool(text) and text.isprintable() and len(text) < 600


@pytest.mark.parametrize("way", ["pipe", "http"])
@pytest.mark.parametrize("mood", AT_START)
def test_a_lie_about_what_it_offers(
    met: Callable[[dict[str, Any]], dict[str, Tool]], way: str, mood: str
) -> None:
    began, before = time.monotonic(), memory()
    with over(way, mood) as server:
        try:
            found = met(server)
        except PenjingError as error:
            assert one_line(str(error))  # noqa: PT017 -- or it is no error at all
            found = {}
        assert len(found) <= 64
        for tool in found.values():
            assert "ignore" not in str((tool.description, tool.parameters))
    assert time.monotonic() - began < 40
    assert memory() - before < _MOST_MEMORY


@pytest.mark.parametrize("way", ["pipe", "http"])
@pytest.mark.parametrize("mood", IN_A_CALL)
def test_a_lie_in_the_middle_of_a_call(
    met: Callable[[dict[str, Any]], dict[str, Tool]], way: str, mood: str
) -> None:
    if way == "http" and mood == "dies":
        pytest.skip("the same process would serve the next call")
    with over(way, mood) as server:
        tool = met(server)["ann_go"]
        began, before = time.monotonic(), memory()
        outcome = tool.call({}, "ann")
        assert time.monotonic() - began < SECONDS + 12
        assert memory() - before < _MOST_MEMORY
    assert len(str(outcome.data)) < 100_000
    if not outcome.ok:
        assert one_line(outcome.error)
        assert "rules" not in outcome.error
    elif way == "http" and mood in ("wrong_id", "text_id"):
        pass  # the SDK takes what comes in the stream of a request for its answer
    elif mood in ("wrong_id", "no_id", "text_id", "object_id", "never", "drip"):
        pytest.fail("it answered nothing that was asked")
