"""`penjing doctor`: a line for each thing, a receipt with --offline, an honest exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from penjing.cli import app
from penjing.core.egress import trial
from penjing.core.egress.attempts import Attempt
from penjing.core.egress.trial import Trial


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_all_is_well_and_nothing_is_made(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["doctor", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    names = [one["name"] for one in document["checks"]]
    assert names[:4] == ["python", "engine", "home", "vault"]
    assert {"extra vault", "extra workshop", "extra serve"} <= set(names)
    assert "installed" in next(c["says"] for c in document["checks"] if c["name"] == "extra vault")
    assert not home.exists()


def test_a_damaged_key_slot_is_not_well(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = home / "vault" / "keys"
    keys.mkdir(parents=True)
    (home / "vault" / "data").mkdir()
    for name in ("accounts.slot", "accounts.spare"):
        (keys / name).write_bytes(b"{}")
    assert app.main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "BAD  vault: " in out
    assert "key slot" in out


def test_a_home_that_cannot_be_written_is_not_well(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write_text("a file")
    assert app.main(["doctor"]) == 1
    assert "BAD  home" in capsys.readouterr().out


def test_the_receipt_names_every_layer(capsys: pytest.CaptureFixture[str]) -> None:
    status = app.main(["doctor", "--offline", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert status == (0 if document["tight"] else 1)
    kinds = {one["kind"]: one for one in document["trials"]}
    assert kinds.keys() == {"open", "nothing", "list"}
    assert {one["name"] for one in kinds["nothing"]["receipt"]["layers"]} == {
        "process", "landlock", "seccomp",
    }  # fmt: skip
    if sys.platform == "linux":
        assert document["tight"]


def test_what_gets_out_is_said_and_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leak = Attempt("native-tcp", "C, TCP by address", False, True, "", "")
    monkeypatch.setattr(trial, "try_all", lambda: [Trial("nothing", (leak,), 1, {}, ())])
    assert app.main(["doctor", "--offline"]) == 1
    out = capsys.readouterr().out
    assert "NOT TIGHT" in out
    assert "C, TCP by address  reached" in out


CHAT = """
import json, socket, sys
from penjing.cli import app
from penjing.engine import llamacpp
from penjing.testing.model import FakeModel

server = socket.create_server(("127.0.0.1", 0))
def opened(path, **_):
    try:
        socket.create_connection(server.getsockname(), timeout=5).close()
        said = "reached"
    except OSError as error:
        said = type(error).__name__
    return FakeModel([said])
llamacpp.LlamaCpp.open = opened
sys.exit(app.main(["chat", sys.argv[1], "--once", "hi", *sys.argv[2:]]))
"""


@pytest.mark.parametrize(("options", "reached"), [([], False), (["--online"], True)])
def test_chat_is_offline_before_the_model_is_loaded(
    options: list[str], reached: bool, tmp_path: Path
) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    done = subprocess.run(
        [sys.executable, "-c", CHAT, str(model), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout == "reached\n") is reached
