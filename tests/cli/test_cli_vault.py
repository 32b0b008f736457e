"""`penjing vault` as a person or a script uses it."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from penjing.cli.app import main
from penjing.core.messages import Message
from penjing.vault.envelope import LEAST
from penjing.vault.place import Place
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import Vault

OWN, ANNA, BEN, NEW = "the vault's own", "anna's own words", "ben's own words", "quite other words"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, the passphrases in files, and the lowest price of a guess."""
    monkeypatch.delenv("PENJING_DEBUG", raising=False)
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name, text in {"own": OWN, "anna": ANNA, "ben": BEN, "new": NEW}.items():
        (tmp_path / name).write_text(f"{text}\n")
    monkeypatch.setattr(Passphrase.__init__, "__defaults__", (LEAST,))
    return tmp_path / "home"


VAULT = ["--vault-passphrase-file", "own"]


def document(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    assert main(["vault", *words, "--json"]) == status
    out, err = capsys.readouterr()
    for secret in (OWN, ANNA, BEN, NEW):
        assert secret not in out + err
    return json.loads(out)


def failed(capsys: pytest.CaptureFixture[str], *words: str, status: int = 2) -> str:
    assert main(["vault", *words]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err


@pytest.fixture
def made(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return document(capsys, "init", "--name", "Anna", *VAULT, "--passphrase-file", "anna")


def say(home: Path, name: str, secret: str, text: str) -> None:
    with Vault.open(Place(home / "vault"), Passphrase(OWN)) as vault:
        store = vault.unlock(name, Passphrase(secret))
        store.history.append_turn(store.history.begin("x").id, Message.of("user", text))
        store.close()


def test_a_vault_is_made_with_its_owner(
    capsys: pytest.CaptureFixture[str], made: dict[str, Any], home: Path
) -> None:
    assert made["vault"] == str(home / "vault")
    assert [(one["name"], one["role"]) for one in made["people"]] == [("Anna", "owner")]
    assert "already" in failed(capsys, "init", "--name", "Eve", *VAULT)


def test_people_come_change_and_may(
    capsys: pytest.CaptureFixture[str], made: dict[str, Any]
) -> None:
    document(
        capsys, "user", "add", "Ben", "--role", "guest", *VAULT, "--new-passphrase-file", "ben"
    )
    document(capsys, "user", "role", "ben", "member", *VAULT)
    document(capsys, "user", "rename", "ben", "Benjamin", *VAULT)
    document(capsys, "user", "refuse", "benjamin", "tool", "lights", *VAULT)
    people = document(capsys, "user", "allow", "benjamin", "source", "*", *VAULT)["people"]
    assert [(one["name"], one["role"]) for one in people] == [
        ("Anna", "owner"), ("Benjamin", "member"),
    ]  # fmt: skip
    assert people[1]["permissions"] == [
        {"kind": "tool", "name": "lights", "allowed": False},
        {"kind": "source", "name": "*", "allowed": True},
    ]
    assert main(["vault", "user", "list", *VAULT]) == 0
    assert "Benjamin  member  may not use tool lights  may use source *" in capsys.readouterr().out
    assert "did you mean" in failed(capsys, "user", "role", "benjamn", "owner", *VAULT)
    assert "only owner" in failed(capsys, "user", "role", "anna", "guest", *VAULT)


def test_backup_wipe_and_restore(
    capsys: pytest.CaptureFixture[str], made: dict[str, Any], home: Path, tmp_path: Path
) -> None:
    document(capsys, "user", "add", "Ben", *VAULT, "--new-passphrase-file", "ben")
    say(home, "Ben", BEN, "kept")
    assert len(document(capsys, "backup", "-o", "b", *VAULT)["files"]) == 4
    assert "nobody is there to confirm" in failed(capsys, "wipe", "Ben", *VAULT)
    assert document(capsys, "wipe", "Ben", "--yes", *VAULT) == {"wiped": "Ben"}
    restored = document(capsys, "restore", "b", *VAULT)
    assert (len(restored["subjects"]), len(restored["refused"])) == (1, 1)
    assert [one["name"] for one in document(capsys, "user", "list", *VAULT)["people"]] == ["Anna"]
    assert "no backup" in failed(capsys, "restore", "nowhere", *VAULT)
    assert "new folder" in failed(capsys, "backup", "-o", "b", *VAULT)
    assert document(capsys, "wipe", "--all", "--yes") == {"wiped": "everything"}
    assert not (home / "vault").exists()


def test_a_rotation_changes_what_opens(
    capsys: pytest.CaptureFixture[str], made: dict[str, Any]
) -> None:
    new = ["--new-passphrase-file", "new"]
    document(capsys, "rotate", "Anna", *VAULT, "--passphrase-file", "anna", *new)
    assert "wrong" in failed(capsys, "verify", "Anna", *VAULT, "--passphrase-file", "anna")
    found = document(capsys, "verify", "Anna", *VAULT, "--passphrase-file", "new")
    assert found == {"findings": [], "opened": ["Anna"], "not_opened": []}
    document(capsys, "rotate", *VAULT, *new)
    assert "wrong" in failed(capsys, "user", "list", *VAULT)
    document(capsys, "user", "list", "--vault-passphrase-file", "new")
    (Path("short")).write_text("short\n")
    words = ["--vault-passphrase-file", "new", "--new-passphrase-file", "short"]
    assert "too short" in failed(capsys, "rotate", *words)


def test_damage_is_found_and_mended(
    capsys: pytest.CaptureFixture[str], made: dict[str, Any], home: Path
) -> None:
    say(home, "Anna", ANNA, "kept")
    path = home / "vault" / "data" / f"{made['people'][0]['id']}.1.db"
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(data)
    person = [*VAULT, "--passphrase-file", "anna"]
    assert "vault restore" in failed(capsys, "verify", "Anna", *person, status=1)
    report = document(capsys, "restore", "--person", "Anna", *person, status=1)["salvaged"]
    assert (report[0]["damaged"], report[0]["kept"]["turn"]) == ([1], 1)
    assert document(capsys, "verify", "Anna", *person)["findings"] == []
    assert document(capsys, "restore", "--person", "Anna", *person) == {"salvaged": []}
    assert "alone" in failed(capsys, "restore", "b", "--person", "Anna", *person)


def test_what_verify_finds_is_status_1(
    capsys: pytest.CaptureFixture[str], made: dict[str, Any], home: Path
) -> None:
    (home / "vault" / "data" / "audit.head").unlink()
    found = document(capsys, "verify", *VAULT, status=1)
    assert [one["file"] for one in found["findings"]] == ["audit.head"]
    assert found["not_opened"] == ["Anna"]


def test_verify_says_what_it_looked_into_and_what_it_could_not(
    capsys: pytest.CaptureFixture[str], made: dict[str, Any]
) -> None:
    document(capsys, "user", "add", "Ben", *VAULT, "--new-passphrase-file", "ben")

    def said(*words: str) -> list[str]:
        assert main(["vault", "verify", *words, *VAULT]) == 0
        return capsys.readouterr().out.splitlines()

    none = said()
    assert none[0].startswith("as it was written: the list of people, the audit log and everybody")
    assert "what Anna, Ben said" in none[1]
    one = said("anna", "--passphrase-file", "anna")  # a name as it is typed
    assert one[0].endswith("everybody's key slots and the part of Anna")
    assert "what Ben said" in one[1]
    document(capsys, "wipe", "Ben", "--yes", *VAULT)
    assert said("Anna", "--passphrase-file", "anna") == ["all is as it was written"]


@pytest.mark.parametrize("verb", ["allow", "refuse"])
def test_a_permission_is_for_something_there_can_be(
    verb: str, capsys: pytest.CaptureFixture[str], made: dict[str, Any]
) -> None:
    said = failed(capsys, "user", verb, "Anna", "tool", "light", *VAULT)
    assert "unknown tool 'light': did you mean lights" in said
    assert "known: alarms, " in failed(capsys, "user", verb, "Anna", "tool", "xyzzy", *VAULT)
    assert "unknown tool 'mcp'" in failed(capsys, "user", verb, "Anna", "tool", "mcp", *VAULT)
    assert document(capsys, "user", "list", *VAULT)["people"][0]["permissions"] == []
    for kind, name, unknown in (
        ("tool", "lights", ""), ("tool", "*", ""), ("source", "*", ""),
        ("tool", "files_read", "a tool of an MCP server 'files_read' is not known here"),
        ("source", "manual.md", "a source 'manual.md' is not known here"),
        ("assistant", "Home", "an assistant 'Home' is not known here"),
    ):  # fmt: skip
        assert main(["vault", "user", verb, "Anna", kind, name, *VAULT]) == 0
        err = capsys.readouterr().err
        assert unknown in err
        assert bool(err) == bool(unknown)


def test_all_there_is_about_a_person(
    capsys: pytest.CaptureFixture[str], made: dict[str, Any], home: Path
) -> None:
    say(home, "Anna", ANNA, "said by anna")
    words = ["Anna", "-o", "me.zip", *VAULT, "--passphrase-file", "anna"]
    assert document(capsys, "export", *words)["turns"] == 1
    with zipfile.ZipFile("me.zip") as archive:
        assert b"said by anna" in archive.read("about-me.json")
    assert "new file" in failed(capsys, "export", *words)


def test_the_log_and_its_head(capsys: pytest.CaptureFixture[str], made: dict[str, Any]) -> None:
    log = document(capsys, "audit", *VAULT)
    assert [one["event"] for one in log["entries"]] == ["vault made", "person added"]
    document(capsys, "audit", *VAULT, "--expect", log["head"])
    wrong = log["head"][:-1] + ("0" if log["head"][-1] != "0" else "1")
    assert "cut or changed" in failed(capsys, "audit", *VAULT, "--expect", wrong, status=1)
    assert "COUNT:HASH" in failed(capsys, "audit", *VAULT, "--expect", "x")


def test_recovery_codes_bring_a_backup_to_another_machine(
    capsys: pytest.CaptureFixture[str],
    made: dict[str, Any],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    say(home, "Anna", ANNA, "kept")
    person = [*VAULT, "--passphrase-file", "anna"]
    Path("code").write_text(document(capsys, "recovery", *VAULT)["code"])
    Path("annas").write_text(document(capsys, "recovery", "Anna", *person)["code"])
    document(capsys, "backup", "-o", "b", *VAULT)
    monkeypatch.setenv("PENJING_HOME", str(home.parent / "elsewhere"))
    words = ["restore", "b", "--elsewhere", "--code-file"]
    assert "typing mistake" in failed(capsys, *words, "own", "--vault-passphrase-file", "new")
    document(capsys, *words, "code", "--vault-passphrase-file", "new")
    there = ["--vault-passphrase-file", "new"]
    document(
        capsys, "user", "recover", "Anna", *there, "--code-file", "annas",
        "--new-passphrase-file", "ben",
    )  # fmt: skip
    found = document(capsys, "verify", "Anna", *there, "--passphrase-file", "ben")
    assert found["findings"] == []


def test_retention_is_a_persons_own(
    capsys: pytest.CaptureFixture[str], made: dict[str, Any], home: Path
) -> None:
    say(home, "Anna", ANNA, "today")
    person = [*VAULT, "--passphrase-file", "anna"]
    document(capsys, "user", "keep", "Anna", "--days", "30", *person)
    with Vault.open(Place(home / "vault"), Passphrase(OWN)) as vault:
        store = vault.unlock("Anna", Passphrase(ANNA))
        assert store.settings.get("retention.days") == "30"
        assert len(store.history.sessions()) == 1
        store.close()
    document(capsys, "user", "keep", "Anna", *person)
    assert "at least 1" in failed(capsys, "user", "keep", "Anna", "--days", "0", *person)


def test_passphrases_come_through_a_pipe_line_by_line(
    capsys: pytest.CaptureFixture[str], made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{OWN}\n{ANNA}\n{NEW}\n"))
    words = ["--vault-passphrase-file", "-", "--passphrase-file", "-", "--new-passphrase-file", "-"]
    document(capsys, "rotate", "Anna", *words)
    document(capsys, "verify", "Anna", *VAULT, "--passphrase-file", "new")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["user", "list"], "no vault"),
        (["verify", *VAULT], "vault init"),
        (["wipe"], "wipe NAME"),
        (["wipe", "x", "--all"], "wipe NAME"),
        (["restore", "--elsewhere"], "DIR --elsewhere"),
        (["init", "--name", "Anna"], "no terminal"),
        (["init", "--name", "Anna", "--vault-passphrase-file", "missing"], "no such file"),
        (["init", "--name", "Anna", "--vault-passphrase-file", "empty"], "first line"),
        (["init", "--name", "Anna", "--vault-passphrase-file", "latin"], "UTF-8"),
        ([], "try penjing vault --help"),
        (["open"], "try penjing vault --help"),
        (["user"], "try penjing vault user --help"),
        (["user", "add", "x", "--role", "king"], "try penjing vault user add --help"),
        (["init", "--name", "Anna", "--passphrase", "secret"], "try penjing vault"),
    ],
)
def test_mistakes_are_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    Path("empty").write_text("")
    Path("latin").write_bytes("Käse und Brot\n".encode("latin-1"))
    assert line in failed(capsys, *words)


def test_help_has_an_example_and_every_action(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vault", "--help"]) == 0
    text = capsys.readouterr().out
    assert "penjing vault init --name anna" in text
    for action in ("init", "user", "rotate", "backup", "restore", "wipe", "verify", "export"):
        assert f"    {action} " in text
    assert main(["vault", "user", "add", "--help"]) == 0
    assert "--role" in capsys.readouterr().out


def test_without_the_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sqlcipher3", None)
    assert "pip install 'penjing[vault]'" in failed(capsys, "user", "list", *VAULT)


def test_a_passphrase_typed_at_a_terminal_is_not_shown(home: Path) -> None:
    """A real terminal: asked for, not echoed, asked for twice, and a wipe confirmed by name."""
    said = typed(["vault", "init", "--name", "Anna"], [OWN, OWN, ANNA, ANNA])
    assert "New passphrase of the vault" in said
    assert "New passphrase of Anna" in said
    assert "made" in said
    assert "differ" in typed(["vault", "rotate", "Anna"], [OWN, ANNA, NEW, BEN])
    assert "not confirmed" in typed(["vault", "wipe", "Anna"], ["Ben"])
    assert "wiped" in typed(["vault", "wipe", "Anna"], ["Anna", OWN])
    for secret in (OWN, ANNA, NEW, BEN):
        assert secret not in said


def typed(words: list[str], lines: list[str]) -> str:
    """Run a command at a terminal and type a line at each question; what the screen shows."""
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "penjing", *words], stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True, env={**os.environ, "TERM": "dumb"},
    )  # fmt: skip
    os.close(slave)
    shown, left, until = b"", list(lines), time.monotonic() + 60
    while time.monotonic() < until:
        ready, _, _ = select.select([master], [], [], 1)
        try:
            piece = os.read(master, 4096) if ready else b""
        except OSError:  # the other end is closed
            break
        shown += piece
        if ready and not piece:
            break
        if left and piece.rstrip(b" ").endswith(b":"):
            time.sleep(0.1)
            os.write(master, left.pop(0).encode() + b"\n")
    child.wait(30)
    os.close(master)
    return shown.decode()


@pytest.mark.usefixtures("made")
def test_a_first_line_that_is_too_long_is_refused_and_never_cut(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    most = "a" * 1024
    for name, text in {
        "longest": f"{most}\r\n",
        "longer": f"{most}a\n",
        "endless": most * 9,
    }.items():
        (tmp_path / name).write_bytes(text.encode())
    person = ["user", "add", "Ben", "--role", "guest", *VAULT, "--new-passphrase-file"]
    for name in ("longer", "endless", "/dev/zero"):
        assert "longer than 1024 characters" in failed(capsys, *person, name)
        own = ["user", "list", "--vault-passphrase-file", name]
        assert "longer than 1024 characters" in failed(capsys, *own)
    document(capsys, *person, "longest")
    opened = ["verify", "Ben", *VAULT, "--passphrase-file"]
    assert document(capsys, *opened, "longest")["findings"] == []
    assert "longer than 1024" in failed(capsys, *opened, "longer")


@pytest.mark.parametrize("char", ["\0", "\x1b", "\x85", "\u2028"])
def test_what_no_keyboard_types_is_no_new_passphrase(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, char: str
) -> None:
    (tmp_path / "odd").write_text(f"a few{char}words here\n", encoding="utf-8")
    line = failed(capsys, "init", "--name", "Anna", *VAULT, "--passphrase-file", "odd")
    assert "line break" in line


@pytest.mark.usefixtures("made")
def test_a_vault_that_others_may_read_is_spoken_of_in_one_line(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    vault = home / "vault"
    said = f"other accounts may read or write in {vault}: chmod -R go= {vault}"
    for change in ([vault], [vault / "keys"], list((vault / "keys").iterdir()), []):
        for path in change:
            path.chmod(path.stat().st_mode | 0o044)
        assert main(["vault", "verify", "Anna", *VAULT, "--passphrase-file", "anna"]) == 0
        err = " ".join(capsys.readouterr().err.split())
        assert err.count("other accounts") == bool(change), err
        assert ("".join(said.split()) in "".join(err.split())) == bool(change)
        for path in change:
            path.chmod(path.stat().st_mode & 0o700)
