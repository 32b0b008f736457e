"""A sealed model: used by every command, on no file system in clear, refused in one line."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

import penjing
from penjing.app import sealing
from penjing.app.opening import model_file
from penjing.app.sealing import Sealing
from penjing.bundle.folder import Manifest, describe_files, now, write_manifest
from penjing.bundle.gguf_reader import GGUFFile
from penjing.cli import app
from penjing.core.errors import EngineError, PenjingError, UsageError, WrongPassphrase
from penjing.core.progress import Silent
from penjing.engine.remote import open_scheduler
from penjing.workshop.export.gguf import export_gguf

WORDS = "a few words of mine"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, the same sealed to a passphrase, and that in a file."""
    place = tmp_path_factory.mktemp("built")
    export_gguf(tiny.checkpoint("llama"), _made(place / "bundle") / "model.gguf", {})
    (place / "bundle" / "passport.json").write_text('{"kept": 1}')
    files = describe_files(place / "bundle", ["model.gguf", "passport.json"])
    about = Manifest("a tree", "llama", 1000, "Apache-2.0", True, files, {}, None, now())
    write_manifest(place / "bundle", about)
    (place / "words").write_text(WORDS)
    (place / "text.txt").write_text("The small tree is pruned, and stays alive. " * 20)
    sealing.seal(Sealing(str(place / "bundle"), place / "it.sealed", (), WORDS), Silent())
    return place


@pytest.fixture
def here(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All of that; this process itself stays as it is."""
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("penjing.core.process.shield", lambda: None)
    return tmp_path


@pytest.fixture
def sealed(here: Path) -> Path:
    return here / "it.sealed"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    assert app.main([*words, "--json", "--quiet"]) == status
    return json.loads(capsys.readouterr().out)


# -- used as any model


def test_chat_and_evaluate_say_what_they_say_of_the_plain_one(
    sealed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = ("--once", "hello", "--max-tokens", "8", "--context", "128", "--threads", "1")
    secret = ("--model-passphrase-file", "words")
    found = [
        said(capsys, "chat", "bundle", *chat),
        said(capsys, "chat", str(sealed), *chat, *secret),
    ]
    assert found[0]["answer"] == found[1]["answer"]
    assert found[1]["model"] == "a tree"
    read = ("--text", "text.txt", "--context", "32", "--windows", "2", "--threads", "1")
    models = (["bundle"], [str(sealed), *secret], [str(sealed), "--baseline", "bundle", *secret])
    found = [said(capsys, "evaluate", *model, *read) for model in models]
    assert found[0]["measurements"] == found[1]["measurements"]
    assert found[0]["hashes"] == found[1]["hashes"]
    kept = {each["metric"]: each["value"] for each in found[2]["measurements"]}
    assert (kept["same_top"], kept["kld_mean"]) == (1, pytest.approx(0, abs=1e-9))


def test_from_python(sealed: Path) -> None:
    with penjing.load(sealed, context=64, threads=1, passphrase=WORDS) as model:
        assert model.engine.name == "a tree"
        assert list(model.stream([]) or []) is not None


def test_the_servers_engine_opens_it_and_opens_it_again_after_a_crash(sealed: Path) -> None:
    with model_file(str(sealed), "serve", Silent(), lambda _: WORDS) as found:
        from penjing.app.serving.model import model_of

        about = model_of(found.path, "a tree", found.documents)
        assert (about.manifest["name"], about.passport) == ("a tree", {"kept": 1})
        scheduler = open_scheduler(found.path, context=64, threads=1, places=1)
        try:
            assert scheduler.name == "a tree"
            first = scheduler.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            while scheduler.pid in (first, None):
                signal.sigtimedwait([], 0.02)
            assert scheduler.name == "a tree"
        finally:
            scheduler.close()


def test_to_a_device_and_never_asked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = said(capsys, "seal", "--this-device", "--key-in-file")["key"]
    made = said(capsys, "seal", "bundle/model.gguf", "-o", "to.sealed", "--to", mine)
    assert (made["devices"], made["passphrase"], made["files"]) == (1, False, ["model.gguf"])
    assert said(capsys, "open", "to.sealed")["architecture"] == "llama"
    assert said(capsys, "seal", "--this-device")["key"] == mine
    sealing.seal(Sealing("bundle", here / "both.sealed", (mine, mine), WORDS), Silent())
    found = said(capsys, "open", "both.sealed")
    assert found["passport"] == {"kept": 1}
    assert found["manifest"]["name"] == "a tree"


def test_people_read_who_it_is_for_and_what_it_holds(
    sealed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--passphrase-file", "words"]
    assert app.main(["seal", "bundle", "-o", "b.sealed", *words, "--quiet"]) == 0
    assert "for a passphrase" in capsys.readouterr().out
    assert app.main(["open", "b.sealed", *words, "--quiet"]) == 0
    assert "Nothing was written" in capsys.readouterr().out
    assert app.main(["seal", "--this-device", "--key-in-file"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("pjd1")
    assert "who copies it is this device" in shown.err


# -- refused in one line


def spoil(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "flipped":
        data[-1000] ^= 1
    path.write_bytes(data[:-500] if how == "truncated" else data + b"x" * (how == "extended"))


@pytest.mark.parametrize(("how", "says"), [
    ("flipped", "was changed"), ("truncated", "cut short"), ("extended", "behind its end"),
])  # fmt: skip
def test_a_changed_one_is_one_line(
    sealed: Path, capsys: pytest.CaptureFixture[str], how: str, says: str
) -> None:
    spoil(sealed, how)
    secret = ["--model-passphrase-file", "words", "--quiet"]
    every = [["chat", str(sealed), "--once", "hi"]]
    if how == "flipped":
        every += [["evaluate", str(sealed)], ["serve", str(sealed), "--port", "0"]]
    for words in every:
        assert app.main([*words, *secret]) == 1
        shown = capsys.readouterr()
        assert says in shown.err
        assert (shown.out, shown.err.count("\n")) == ("", 1)


def test_wrong_keys_are_one_line(sealed: Path, here: Path) -> None:
    with pytest.raises(WrongPassphrase, match="not the passphrase"):
        sealing.look_into(sealed, lambda _: "other words", Silent())
    with pytest.raises(UsageError, match="takes a passphrase"):
        sealing.look_into(sealed, None, Silent())
    from penjing.ownership.recipients import DeviceKey

    other = DeviceKey.random().public
    sealing.seal(Sealing("bundle", here / "other.sealed", (other,)), Silent())
    with pytest.raises(UsageError, match=r"sealed to other devices: .* --this-device prints"):
        sealing.look_into(here / "other.sealed", None, Silent())
    from penjing.bundle.home import Home

    mine = sealing.device_key(Home.from_environment(), in_file=True)["key"]
    with pytest.raises(UsageError, match=f"sealed to other devices: .*{mine}"):
        sealing.look_into(here / "other.sealed", None, Silent())


@pytest.mark.parametrize(("words", "says"), [
    (["seal", "bundle", "-o", "x.sealed"], "sealed for whom"),
    (["seal", "bundle"], "seal what"), (["seal"], "seal what"),
    (["seal", "bundle", "--this-device"], "leave the model"),
    (["seal", "bundle", "-o", "x.gguf", "--to", "pjd1x"], "is not the key of a device"),
    (["seal", "bundle", "-o", "x.gguf", "--passphrase-file", "words"], "does not end in .sealed"),
    (["seal", "it.sealed", "-o", "x.sealed", "--passphrase-file", "words"], "it is sealed"),
    (["open", "bundle/model.gguf"], "not a sealed model"),
    (["compress", "it.sealed", "-o", "x", "--size", "1MB"], "it is sealed: chat, serve"),
    (["seal", "bundle", "-o", "no/x.sealed", "--passphrase-file", "words"], "no folder no"),
    (["seal", "nothing", "-o", "x.sealed", "--passphrase-file", "words"], "unknown model"),
])  # fmt: skip
def test_what_cannot_be_is_one_line(
    sealed: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert app.main([*words, "--quiet"]) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.err.count("\n") == 1
    assert not Path("no").exists()


def test_one_byte_is_one_byte(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sealed.write_bytes(sealed.read_bytes() + b"x")
    assert app.main(["open", str(sealed), "--passphrase-file", "words", "--quiet"]) == 1
    assert "goes on for 1 byte behind its end" in capsys.readouterr().err


def test_an_empty_standard_input_is_called_so(
    sealed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert app.main(["open", str(sealed), "--passphrase-file", "-", "--quiet"]) == 2
    assert "penjing: standard input has no first line" in capsys.readouterr().err


SLOW = """
import signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests are run under nohup too
from penjing.cli import app
from penjing.ownership import sealed_file
fast = sealed_file.seal_stream
def slow(*args):
    for chunk in fast(*args):
        yield chunk
        print("begun", flush=True)
        time.sleep(60)
sealed_file.seal_stream = slow
sys.exit(app.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_who_is_killed_leaves_nothing_for_long(here: Path, number: signal.Signals) -> None:
    words = ["seal", "bundle", "-o", "kill.sealed", "--passphrase-file", "words", "--quiet"]
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    left = list(here.glob(".kill.sealed.*"))
    if number != signal.SIGKILL:
        assert (process.returncode, err, left) == (130, b"penjing: stopped\n", [])
    else:
        assert len(left) == 1
    assert app.main(words) == 0
    assert [path.name for path in here.glob("*kill.sealed*")] == ["kill.sealed"]


def test_a_changed_bundle_is_not_sealed(here: Path) -> None:
    (here / "bundle" / "passport.json").write_text('{"kept": 2}')
    with pytest.raises(PenjingError, match="promised sha256"):
        sealing.seal(Sealing("bundle", here / "other.sealed", (), WORDS), Silent())
    assert not list(here.glob("other*"))


def test_too_large_for_the_memory_is_said_before(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "_HEADROOM", 2**60)
    with pytest.raises(EngineError, match="opens into memory and takes"):
        sealing.look_into(sealed, lambda _: WORDS, Silent())


# -- on no file system in clear

USE = """
import sys
from pathlib import Path
from penjing.app.opening import ModelSettings, open_model
from penjing.core.memory_file import MemoryFile
from penjing.core.messages import GenerationSettings, Message
from penjing.core.progress import Silent

def pause(where):
    print(where, flush=True)
    sys.stdin.readline()

freeze = MemoryFile.freeze
MemoryFile.freeze = lambda self: (pause("loading"), freeze(self))
settings = ModelSettings(sys.argv[1], 128, 1, True, lambda _: sys.argv[2])
model = open_model(settings, Silent())
pause("loaded")
for chunk in model.generate([Message.of("user", "hello")], GenerationSettings(max_tokens=8)):
    pass
pause("chatted")
import ctypes
ctypes.string_at(0)
"""


def needles(path: Path, count: int = 64) -> list[bytes]:
    """Pieces of 64 bytes of the weights, from all over the file."""
    data = path.read_bytes()
    with GGUFFile.open(path) as file:
        begin = file.data_offset
    places = np.random.default_rng(0).integers(begin, len(data) - 64, count * 2)
    found = [data[at : at + 64] for at in places]
    return [one for one in found if len(set(one)) > 32][:count]


def files_with(needles: list[bytes], *folders: Path) -> Iterator[Path]:
    """Files that hold any of them."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
                if any(one in data for one in needles):
                    yield path


@pytest.mark.parametrize("plain", [False, True])
def test_no_byte_of_the_weights_is_on_a_file_system(sealed: Path, here: Path, plain: bool) -> None:
    """During load, chat and crash. With the plain file the same search finds it: the control."""
    own = _made(here / "own")
    wanted = needles(here / "bundle" / "model.gguf")
    assert len(wanted) > 40
    target = own / ("model.gguf" if plain else "it.sealed")
    (here / "bundle" / "model.gguf" if plain else sealed).rename(target)
    folders = [own, _made(here / "tmp"), Path("/dev/shm"), Path("/var/tmp"), Path("/run")]
    environment = os.environ | {"TMPDIR": str(here / "tmp"), "PENJING_HOME": str(own / "home")}
    command = ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh", sys.executable, "-c", USE]
    process = subprocess.Popen(
        [*command, str(target), WORDS], cwd=own, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    for where in ("loaded", "chatted") if plain else ("loading", "loaded", "chatted"):
        assert process.stdout.readline() == f"{where}\n"
        found = list(files_with(wanted, *folders))
        assert found == ([target] if plain else []), where
        print(file=process.stdin, flush=True)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = 0
    process.stdin.close()
    process.stdout.close()
    assert os.WTERMSIG(status) == signal.SIGSEGV
    if not plain:
        assert not os.WCOREDUMP(status)
        assert list(files_with(wanted, *folders)) == []
