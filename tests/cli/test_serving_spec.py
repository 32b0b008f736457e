"""`penjing serve SPEC.yaml` as a household runs it: a vault, the real model, a real broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from assisted import EXAMPLES
from brokers import Mosquitto, answering, mosquitto, publish, subscriber
from doorway import Caller
from household import OWN, household, login
from tooling import wait_until

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no SIGHUP here"),
]

_SAYS_ON = "The {light} is on."


@dataclass
class Home:
    """A household and its spec on the disk."""

    root: Path
    spec: Path
    log: Path
    broker: Mosquitto
    model: Path

    def write(self, old: str = "assistant:", new: str = "assistant:") -> None:
        """The smart home's spec, of this broker and this model, with something changed."""
        text = (EXAMPLES / "smart-home/assistant.yaml").read_text("utf-8")
        text = text.replace("{host: 127.0.0.1}", f"{{host: 127.0.0.1, port: {self.broker.port}}}")
        assert old in text
        self.spec.write_text(f"model: {self.model}\n{text.replace(old, new)}", "utf-8")


@pytest.fixture
def home(tmp_path: Path, default_model: Path) -> Iterator[Home]:
    household(tmp_path / "home").close()
    (tmp_path / "words").write_text(OWN.text)
    with mosquitto(tmp_path) as broker:
        spec, log = tmp_path / "assistant.yaml", tmp_path / "log"
        made = Home(tmp_path / "home", spec, log, broker, default_model)
        made.write()
        yield made


@dataclass
class Served:
    """A running server."""

    process: subprocess.Popen[str]
    home: Home
    port: int
    code: str

    def caller(self, name: str = "Anna") -> Caller:
        caller = Caller(self.port)
        assert caller.enter("/api/login", login(name)).status == 200
        return caller

    def reload(self, said: str) -> None:
        """SIGHUP, and what the log says of it."""
        before = self.home.log.read_text()
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: said in self.home.log.read_text()[len(before) :], 60)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0


@contextmanager
def served(home: Home, *more: str) -> Iterator[Served]:
    words = home.root.parent / "words"
    command = ["serve", str(home.spec), "--port", "0", "--json", "--log-requests"]
    command += ["--context", "1024", *(more or ("--vault-passphrase-file", str(words)))]
    with home.log.open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "penjing", *command],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "PENJING_HOME": str(home.root)},
        )
    assert process.stdout is not None
    try:
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, home.log.read_text()
            text += line
        about = json.loads(text)
        port = int(about["api"].rpartition(":")[2].partition("/")[0])
        yield Served(process, home, port, about["url"].partition("#login=")[2])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def begun(caller: Caller) -> str:
    return str(caller.ask("POST", "/api/sessions", {}).json["id"])


def heard(caller: Caller, path: str, body: Any) -> list[dict[str, Any]]:
    """The events of an answer."""
    reply = caller.ask("POST", path, body, timeout=60)
    assert reply.status == 200, reply.body
    lines = reply.body.decode().splitlines()
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    assert events[-1]["type"] == "finished", events
    return events


def say(caller: Caller, session: str, text: str) -> list[dict[str, Any]]:
    return heard(caller, f"/api/sessions/{session}/turns", {"text": text})


def only(events: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [one for one in events if one["type"] == kind]
    return found


def words(events: list[dict[str, Any]]) -> str:
    return "".join(one["text"] for one in events if one["type"] == "said")


def test_a_house_is_commanded_over_http(home: Home) -> None:
    topic = "zigbee2mqtt/kitchen_light"
    with (
        served(home) as server,
        subscriber(home.broker.port) as seen,
        answering(home.broker.port, f"{topic}/set", lambda said: (topic, said)),
    ):
        anna = server.caller()
        assert anna.ask("GET", "/api/me").json["assistant"] == "Home"
        session = begun(anna)
        events = say(anna, session, "turn on the kitchen light")
        kinds = [one["type"] for one in events]
        assert kinds == ["understood", "acted", "said", "finished"]
        assert only(events, "understood")["intent"] == "light_on"
        assert only(events, "acted")["outcome"]["ok"] is True
        assert words(events) == "The kitchen light is on."
        seen.saw(f'{topic}/set {{"state": "ON"}}')
        notes = anna.ask("GET", f"/api/sessions/{session}/turns").json[1]["notes"]
        assert [one["name"] for one in notes] == ["acted"]

        garage = "zigbee2mqtt/garage_door"
        with answering(home.broker.port, f"{garage}/set", lambda _: (garage, '{"state": "OPEN"}')):
            card = only(say(anna, session, "open the garage door"), "confirm")["action"]
            assert card["tool"] == "covers"
            assert not [line for line in seen.lines if line.startswith(garage)]
            path = f"/api/sessions/{session}/actions/{card['id']}"
            assert only(heard(anna, path, {"yes": True}), "acted")["outcome"]["ok"] is True
            seen.saw(f'{garage}/set {{"state": "OPEN"}}')
            last = anna.ask("POST", path, {"yes": True})
            assert b'"error"' in last.body
            assert b'"acted"' not in last.body

        permitted(anna, "Ben", "lights", allowed=False)
        ben = server.caller("Ben")
        refused = only(say(ben, begun(ben), "turn on the kitchen light"), "acted")["outcome"]
        assert refused["ok"] is False
        assert "may not use the tool 'lights'" in refused["error"]


def permitted(owner: Caller, name: str, what: str, *, kind: str = "tool", allowed: bool) -> None:
    (person,) = [one for one in owner.ask("GET", "/api/people").json if one["name"] == name]
    said = {"permissions": [{"kind": kind, "name": what, "allowed": allowed}]}
    assert owner.ask("PATCH", f"/api/people/{person['id']}", said).status == 200


def test_a_timer_outlives_the_server_and_rings_in_its_persons_session(home: Home) -> None:
    with served(home) as server:
        anna = server.caller()
        session = begun(anna)
        assert only(say(anna, session, "set a timer for 20 minutes"), "acted")["outcome"]["ok"]
        assert only(say(anna, session, "定一个2秒的计时器"), "acted")["outcome"]["ok"]

        def last() -> str:
            return str(anna.ask("GET", f"/api/sessions/{session}/turns").json[-1]["text"])

        wait_until(lambda: last() == "计时结束。", 20)
        assert only(say(anna, session, "set a timer for 1 second"), "acted")["outcome"]["ok"]
        server.stop()
    time.sleep(1)
    with served(home) as server:
        anna = server.caller()
        wait_until(lambda: "timer has run out" in last(), 20)
        for count in (2, 1):  # the two that ring, then the one of twenty minutes
            cancelled = only(say(anna, session, "cancel the timer"), "acted")["outcome"]
            assert (cancelled["ok"], cancelled["data"]["count"]) == (True, count)


def test_without_a_vault_a_timer_rings(home: Home) -> None:
    with served(home, "--no-vault") as server:
        owner = Caller(server.port)
        assert owner.enter("/api/login/once", {"code": server.code}).status == 200
        session = begun(owner)
        say(owner, session, "set a timer for 1 second")

        def said() -> list[str]:
            turns = owner.ask("GET", f"/api/sessions/{session}/turns").json
            return [one["text"] for one in turns]

        wait_until(lambda: said()[-1] == "The timer has run out.", 20)
        server.stop()


def test_a_citation_of_the_spec_s_own_document_opens(home: Home) -> None:
    manual = "# Filter\n\nRinse the filter each month, in cold water.\n"
    (home.spec.parent / "manual.md").write_text(manual, "utf-8")
    home.write(
        "unknown: [knowledge, model]", "unknown: [knowledge]\nknowledge: {sources: [manual.md]}"
    )
    with served(home) as server:
        anna = server.caller()
        events = say(anna, begun(anna), "how often must the filter be rinsed?")
        cited = only(events, "cited")["passage"]
        assert (cited["source"], cited["location"]) == ("manual.md", "Filter")
        path = f"/api/documents/{cited['document']}/text"
        piece = anna.ask("GET", f"{path}?start=0&end={cited['end']}").json
        assert piece["text"][cited["start"] :] == cited["text"]
        permitted(anna, "Ben", "manual.md", kind="source", allowed=False)
        refused = server.caller("Ben").ask("GET", path)
        assert refused.status == 403
        assert "month" not in refused.body.decode()


def test_a_spec_is_read_again_and_a_broken_one_is_not(home: Home) -> None:
    topic = "zigbee2mqtt/kitchen_light"
    with (
        served(home) as server,
        answering(home.broker.port, f"{topic}/set", lambda said: (topic, said)),
    ):
        anna = server.caller()
        session = begun(anna)
        home.write(_SAYS_ON, "There is light: {light}.")
        server.reload("the spec was read again")
        assert words(say(anna, session, "turn on the kitchen light")) == (
            "There is light: kitchen light."
        )
        home.write("call: lights", "call: no_such_tool")
        server.reload("the spec was not read again, the old one goes on: ")
        assert "unknown tool 'no_such_tool'" in home.log.read_text()
        home.write(f"port: {home.broker.port}", "port: 1883")
        server.reload("nothing new can be reached")
        assert words(say(anna, session, "turn on the kitchen light")) == (
            "There is light: kitchen light."
        )


def test_a_name_that_is_a_command_is_told_in_the_log_before_anybody_speaks(home: Home) -> None:
    port = home.broker.port
    home.write(f"port: {port}}}", f"port: {port}, discovery: homeassistant}}")
    config = json.dumps({"name": "turn off the tv", "cmd_t": "porch/set"})
    publish(port, "homeassistant/light/porch/config", config, retain=True)
    with served(home):
        wait_until(lambda: "'turn off the tv' is not listened to" in home.log.read_text(), 30)


def test_a_mistake_in_a_spec_is_said_before_anything_listens(home: Home) -> None:
    home.write("call: lights", "call: no_such_tool")
    command = [sys.executable, "-m", "penjing", "serve", str(home.spec), "--no-vault"]
    done = subprocess.run(
        [*command, "--port", "0"], capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PENJING_HOME": str(home.root)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "unknown tool 'no_such_tool'" in done.stderr
    assert done.stdout == ""
