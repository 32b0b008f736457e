"""`penjing tools`: a spec's tools shown, called, and offered to a real MCP client."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tooling import done, failed

from penjing.cli.app import main
from penjing.core.protocols import Tool
from penjing.tools.given import in_this_process
from penjing.tools.registry import make_tools

SPEC = """
assistant: 小盆
languages: [en]
tools:
  calculator:
  timers:
  notes:
  covers:
    settings:
      mqtt: {host: 127.0.0.1, port: 9}
      devices: [{name: garage, zigbee2mqtt: garage}]
intents:
  hello: {do: [{answer: {en: Hello.}}], sentences: {en: [hello]}}
"""
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    path = tmp_path / "assistant.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def run(spec: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def once(action: str, *words: str) -> tuple[int, Any, str]:
        status = main(["tools", action, str(spec), *words, "--json"])
        said = capsys.readouterr()
        return status, json.loads(said.out), said.err

    return once


def test_it_lists_tools_and_whom_they_may_talk_to(run: Run) -> None:
    status, document, _ = run("list")
    assert status == 0
    assert [tool["name"] for tool in document["tools"]] == [
        "calculator", "timers", "notes", "covers",
    ]  # fmt: skip
    assert [tool["name"] for tool in document["tools"] if tool["careful"]] == ["covers"]
    assert document["addresses"] == ["127.0.0.1:9"]


def test_it_calls_one_and_what_is_set_is_still_there_next_time(run: Run) -> None:
    status, document, _ = run("call", "calculator", '{"expression": "三加五"}')
    assert (status, document["data"]["result"]) == (0, "8")
    run("call", "timers", '{"action": "set", "seconds": 600, "label": "茶"}')
    _, document, _ = run("call", "timers", '{"action": "list"}')
    assert [timer["label"] for timer in document["data"]["timers"]] == ["茶"]


def test_for_people(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tools", "list", str(spec)]) == 0
    said = capsys.readouterr().out
    assert "covers (asks first): Opens" in said
    assert "may talk to: 127.0.0.1:9" in said


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("calculator", '{"expression": "1/0"}'), 1, None),
        (("calculator", '{"sum": 1}'), 1, None),
        (("calculater", "{}"), 2, "did you mean calculator"),
        (("calculator", "[1]"), 2, "not a JSON object"),
        (("calculator", "one"), 2, "not JSON"),
        (("covers", '{"cover": "garage", "action": "open"}'), 2, "add --careful"),
        (("covers", '{"cover": "garage", "action": "open"}', "--careful"), 1, None),
    ],
)
def test_mistakes(run: Run, words: tuple[str, ...], status: int, says: str | None) -> None:
    found, document, err = run("call", *words)
    assert found == status
    if says is None:
        assert document["error"]
        assert document["ok"] is False
    else:
        assert says in err


@pytest.mark.parametrize(
    "text", ["a: [", "- 1\n", "tools: {alarm: {}}\n", "name: x\n", "&a [*a]\n"]
)
def test_a_spec_that_is_none(spec: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    spec.write_text(text)
    assert main(["tools", "list", str(spec)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.fixture
def offered(spec: Path) -> Iterator[Callable[..., dict[str, Tool]]]:
    made: list[Tool] = []

    def connect(*more: str) -> dict[str, Tool]:
        command = [sys.executable, "-m", "penjing", "tools", "serve", str(spec), *more]
        server = {
            "command": command, "start_seconds": 60.0,
            "env": {"PENJING_HOME": os.environ["PENJING_HOME"]},
        }  # fmt: skip
        found = make_tools({"mcp": {"servers": {"own": server}}}, in_this_process(spec.parent))
        made.extend(found)
        return {tool.name: tool for tool in found}

    yield connect
    for tool in made:
        tool.close()


def test_our_tools_are_an_mcp_server(offered: Callable[..., dict[str, Tool]]) -> None:
    tools = offered()
    assert set(tools) == {"own_calculator", "own_timers", "own_notes"}  # none that asks first
    told = done(tools["own_calculator"].call({"expression": "七乘八"}, "ann"))
    assert told["structured"]["result"] == "56"
    done(tools["own_notes"].call({"action": "add", "text": "买牛奶"}, "ann"))
    assert "买牛奶" in done(tools["own_notes"].call({"action": "list"}, "ann"))["text"]
    assert failed(tools["own_calculator"].call({"expression": "1/0"}, "ann")) == "refused"
    assert failed(tools["own_timers"].call({"action": "explode"}, "ann")) == "arguments"


def test_careful_ones_only_when_asked_for(offered: Callable[..., dict[str, Tool]]) -> None:
    tools = offered("--careful")
    assert "own_covers" in tools
    outcome = tools["own_covers"].call({"cover": "garage", "action": "open"}, "ann")
    assert failed(outcome) == "refused"
    assert "cannot be reached" in outcome.data["said"]
