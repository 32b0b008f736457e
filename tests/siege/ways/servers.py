"""MCP servers that lie, over a pipe and HTTP: one line or a value, in time, and nothing is left."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from random import Random

from brokers import answers, free_port
from ground import Ground
from way import Way

from penjing.core.errors import PenjingError
from penjing.tools.given import in_this_process
from penjing.tools.registry import make_tools

_LIAR = str(Path(__file__).parents[2] / "support/lying_mcp.py")
_SECONDS = 1.0
_MOODS = (
    "schema_recursive", "schema_number", "schema_wrong_types", "schema_huge", "schema_deep",
    "schema_fetches", "schema_infinite", "million", "pages", "version", "early", "list_changed",
    "resources/updated", "cancelled", "progress", "logging", "huge_result", "one_huge", "wrong_id",
    "no_id", "text_id", "object_id", "twice", "drip", "never", "controls", "bytes", "nested",
    "numbers", "nan", "asks", "both", "error_text", "kinds", "stderr", "dies",
)  # fmt: skip


def _prepare(_: Ground) -> None:
    return None


def _case(_: None, random: Random, folder: Path) -> str | None:
    mood, over_http = random.choice(_MOODS), random.random() < 0.4
    if not over_http:
        return _met({"command": [sys.executable, _LIAR, mood]}, mood, folder)
    port = free_port()
    process = subprocess.Popen([sys.executable, _LIAR, mood, str(port)], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while not answers(port) and time.monotonic() < end:
            time.sleep(0.05)
        return _met({"url": f"http://127.0.0.1:{port}/mcp"}, mood, folder)
    finally:
        process.kill()
        process.wait()


def _met(server: dict[str, object], mood: str, folder: Path) -> str | None:
    settings = {"start_seconds": 8.0, "seconds": _SECONDS, **server}
    given = in_this_process(folder)
    try:
        tools = make_tools({"mcp": {"servers": {"ann": settings}}}, given)
    except PenjingError as error:
        return None if str(error).isprintable() else f"{mood}: {error!r}"
    try:
        for tool in tools[:2]:
            outcome = tool.call({}, "ann")
            if not outcome.ok and not outcome.error.isprintable():
                return f"{mood}: the error is {outcome.error!r}"
            if len(str(outcome.data)) > 200_000:
                return f"{mood}: the answer is not bounded"
    finally:
        for tool in tools:
            tool.close()
        given.schedule.close()
    return None


WAY = Way(
    "servers", "MCP servers that lie in schema, size, time, ids and notices: bounded, in one line",
    _prepare, _case, forked=False, seconds=25.0, fenced=False,
)  # fmt: skip
