"""`penjing serve` as a person starts it: the real model, the real door, a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from penjing.cli import app

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

LONG = "Write a long story about a bonsai, a boat and a lighthouse, with many details."


@dataclass
class Served:
    """A server in its own process."""

    process: subprocess.Popen[str]
    about: dict[str, Any]
    began: float
    ready: float

    @property
    def base(self) -> str:
        return str(self.about["api"]).removesuffix("/v1")

    def token(self) -> str:
        return Path(self.about["token_file"]).read_text("ascii").strip()

    def openai(self, key: str | None = None) -> openai.OpenAI:
        """The owner's OpenAI client, or who has this key's, which does not try again."""
        return openai.OpenAI(base_url=self.about["api"], api_key=key or self.token(), max_retries=0)

    def stop(self) -> tuple[int, str]:
        """As a service manager does; its status and what it said."""
        self.process.send_signal(signal.SIGTERM)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


@contextmanager
def served(model: Path, home: Path, *words: str, code: str | None = None) -> Iterator[Served]:
    """`penjing serve --json`, once it answers."""
    program = [sys.executable, "-c", code] if code else [sys.executable, "-m", "penjing"]
    began = time.monotonic()
    process = subprocess.Popen(
        [*program, "serve", str(model), "--json", "--context", "2048", *words],
        env={**os.environ, "PENJING_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            text += line
        yield Served(process, json.loads(text), began, time.monotonic())
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def children(pid: int) -> list[int]:
    """Its direct children."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if int(parent) == pid:
                found.append(int(folder.name))
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_from_the_link_to_an_answer_and_the_end(default_model: Path, home: Path) -> None:
    with served(default_model, home, "--port", "0") as one:
        match = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/#login=([\w-]{40,})", one.about["url"])
        assert match is not None
        assert one.about["kept"] is False
        with httpx.Client(base_url=match[1], timeout=60) as page:
            assert page.get("/api/me").status_code == 401
            me = page.post("/api/login/once", json={"code": match[2]}).json()
            assert page.post("/api/login/once", json={"code": match[2]}).status_code == 401
            page.headers["X-CSRF-Token"] = me["csrf"]
            session = page.post("/api/sessions", json={}).json()["id"]
            words = {"text": "What is the capital of France?"}
            heard = page.post(f"/api/sessions/{session}/turns", json=words).text
            assert '"finished"' in heard
            assert "Paris" in page.get(f"/api/sessions/{session}/turns").json()[1]["text"]
            assert "server" not in page.get("/health").headers
        token_file = Path(one.about["token_file"])
        assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
        question: Any = [{"role": "user", "content": "What is the capital of France?"}]
        with one.openai() as client:
            model = client.models.list().data[0].id
            done = client.chat.completions.create(model=model, messages=question)
        assert "Paris" in (done.choices[0].message.content or "")
        with one.openai("x" * 43) as stranger, pytest.raises(openai.AuthenticationError):
            stranger.models.list()
        engine = children(one.process.pid)
        assert len(engine) >= 1
        assert one.stop() == (0, "")
        assert not any(Path(f"/proc/{pid}").exists() for pid in engine)


def test_tools_and_json_with_the_real_model(default_model: Path, home: Path) -> None:
    with served(default_model, home, "--port", "0") as one, one.openai() as client:
        model = client.models.list().data[0].id
        parameters = {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}},
            "required": ["city"],
        }
        weather = {"name": "get_weather", "description": "The weather in a city"}
        tools: Any = [{"type": "function", "function": {**weather, "parameters": parameters}}]
        done = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "What is the weather in Paris?"}],
            tools=tools,
            tool_choice="required",
            max_tokens=200,
        )
        (call,) = done.choices[0].message.tool_calls or ()
        assert call.type == "function"
        arguments = json.loads(call.function.arguments)
        assert call.function.name == "get_weather"
        assert isinstance(arguments["city"], str)
        assert set(arguments) <= {"city", "unit"}
        assert arguments.get("unit", "c") in ("c", "f")
        schema = {
            "type": "object",
            "properties": {"answer": {"enum": ["yes", "no"]}},
            "required": ["answer"],
        }
        form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        done = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "Is the sky blue?"}],
            response_format=form,
            max_tokens=200,
        )
        assert json.loads(done.choices[0].message.content or "")["answer"] in ("yes", "no")


def test_a_crash_of_the_engine_is_one_failed_request(default_model: Path, home: Path) -> None:
    with served(default_model, home, "--port", "0") as one, one.openai() as client:
        model = client.models.list().data[0].id
        ask: Any = {"model": model, "messages": [{"role": "user", "content": LONG}]}
        stream = client.chat.completions.create(**ask, stream=True, max_tokens=1000)
        for _ in range(3):
            next(stream)
        for pid in children(one.process.pid):
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(openai.APIError):
            list(stream)
        ends = time.monotonic() + 60
        while True:
            try:
                done = client.chat.completions.create(**ask, max_tokens=5)
                break
            except openai.APIStatusError:
                assert time.monotonic() < ends
                time.sleep(0.2)
        assert done.choices[0].message.content
        with httpx.Client(base_url=one.base) as page:
            token = {"Authorization": f"Bearer {one.token()}"}
            assert "penjing_engine_restarts_total 1" in page.get("/metrics", headers=token).text


def words_of(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(f"{text}\n", "utf-8")
    return str(path)


def test_a_stop_in_the_middle_of_a_turn_keeps_it_in_the_vault(
    default_model: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = words_of(tmp_path, "own", "the vault's own words")
    anna = words_of(tmp_path, "anna", "anna knows these words")
    monkeypatch.setenv("PENJING_HOME", str(home))
    made = ["vault", "init", "--name", "Anna", "--quiet"]
    made += ["--vault-passphrase-file", own, "--passphrase-file", anna]
    assert app.main(made) == 0
    # asked twice there is no time to answer, and three seconds to keep what was said: without a
    # grace it is half of one, in which a busy machine may not write the next word
    words = ("--port", "0", "--vault-passphrase-file", own, "--grace", "12")
    login = {"name": "anna", "passphrase": "anna knows these words"}
    with served(default_model, home, *words) as one:
        assert one.about["kept"] is True
        with httpx.Client(base_url=one.base, timeout=60) as page:
            page.headers["X-CSRF-Token"] = page.post("/api/login", json=login).json()["csrf"]
            session = page.post("/api/sessions", json={}).json()["id"]
            said = {"text": LONG}
            with page.stream("POST", f"/api/sessions/{session}/turns", json=said) as answer:
                lines = answer.iter_lines()
                heard = [next(lines) for _ in range(8)]
                one.process.send_signal(signal.SIGTERM)
                time.sleep(0.3)  # or both would be one
                began = time.monotonic()
                status, err = one.stop()
        assert status == 0
        assert time.monotonic() - began < 8, "it answered to the end"
        # the engine may still be ending by then; whoever speaks is not
        assert "a turn" not in err
        assert err.count("\n") <= 1
    first = "".join(json.loads(x[6:])["text"] for x in heard if x.startswith("data: "))
    with served(default_model, home, *words) as one:
        with httpx.Client(base_url=one.base, timeout=60) as page:
            page.headers["X-CSRF-Token"] = page.post("/api/login", json=login).json()["csrf"]
            user, model = page.get(f"/api/sessions/{session}/turns").json()
            assert user["text"] == LONG
            assert model["text"].startswith(first)
            assert page.get("/v1/models").status_code == 200
        assert one.stop()[0] == 0


def test_a_unix_socket_is_for_its_owner(default_model: Path, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "penjing.sock"
    with served(default_model, home, "--socket", str(path)) as one:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert one.about["url"] == str(path)
        headers = {"Authorization": f"Bearer {one.token()}"}
        line = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=line, base_url="http://localhost", headers=headers) as client:
            assert len(client.get("/v1/models").json()["data"]) == 1
        assert one.stop()[0] == 0
    assert not path.exists()


# -- what cannot be


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--host", "0.0.0.0"], "nobody has an account"),
        (["--cert", "x.pem"], "--cert and --key belong together"),
        (["--socket", "x.sock", "--port", "1"], "--socket has no port"),
        (["--port", "70000"], "not a whole number"),
        (["--context", "-1"], "not a whole number"),
        (["--places", "0"], "not a whole number"),
        (["--grace", "nan"], "not a number"),
        (["assistant.yaml"], "there is no file assistant.yaml"),
        (["--host", "no such host"], "no address of this machine"),
        (["--socket", "/dev/null"], "is no socket"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str],
    says: str,
    default_model: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PENJING_HOME", str(home))
    model = [] if words[0].endswith("yaml") else [str(default_model)]
    port = [] if {"--port", "--socket"} & {*words} else ["--port", "0"]
    assert app.main(["serve", *model, *port, *words]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_a_port_that_is_taken_is_said_at_once(
    default_model: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(default_model, home, "--port", "0") as one:
        port = one.base.rpartition(":")[2]
        assert app.main(["serve", str(default_model), "--port", port]) == 1
    assert f"port {port} is in use" in capsys.readouterr().err


def test_where_others_could_come_in_nobody_listens_even_for_a_moment(
    default_model: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("PENJING_HOME", str(home))
    with socket.create_server(("0.0.0.0", 0)) as taken:  # to listen there would be another error
        port = str(taken.getsockname()[1])
        words = ["serve", str(default_model), "--host", "0.0.0.0", "--port", port]
        assert app.main(words) == 2
    assert "nobody has an account" in capsys.readouterr().err


def test_without_its_extra_it_names_what_to_install(home: Path) -> None:
    code = """
import sys

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"fastapi", "uvicorn"}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Nowhere())
from penjing.cli.app import main
sys.exit(main(["serve"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PENJING_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert (
        done.stderr == "penjing: the server needs an optional part: pip install 'penjing[serve]'\n"
    )
