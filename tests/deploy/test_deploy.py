"""The systemd unit and the Dockerfile say what the command line takes, and give nothing away."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
from argparse import ArgumentParser
from pathlib import Path

import pytest

from penjing.cli import serve

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "penjing.service"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
DOCS = ROOT / "docs" / "serve.md"


def parsed(words: list[str]) -> None:
    """Raise unless `penjing serve` takes these words."""
    parser = ArgumentParser(allow_abbrev=False, exit_on_error=False)
    serve.register(parser, "serve")
    serve._settings(parser.parse_args(words))


def unit() -> configparser.RawConfigParser:
    reader = configparser.RawConfigParser(strict=False)
    reader.optionxform = str  # type: ignore[assignment, method-assign]
    reader.read_string(UNIT.read_text("utf-8"))
    return reader


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, lines joined."""
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text("utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def test_the_unit_starts_what_there_is() -> None:
    words = shlex.split(unit()["Service"]["ExecStart"])
    assert words[0].endswith("/penjing")
    assert words[1] == "serve"
    parsed(words[2:])


def test_what_the_unit_mentions_is_taken_too() -> None:
    mentioned = re.findall(r"^#\s+ExecStart=\S+ serve (.*)$", UNIT.read_text("utf-8"), re.M)
    assert mentioned
    for words in mentioned:
        parsed(shlex.split(words.replace("%d", "/run/credentials")))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"),
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("IPAddressDeny", "any"),
        ("IPAddressAllow", "localhost"),
        ("UMask", "0077"),
        ("LimitCORE", "0"),
    ],
)
def test_the_unit_gives_nothing_away(key: str, value: str) -> None:
    assert unit()["Service"][key] == value


def test_the_unit_waits_longer_than_the_grace() -> None:
    service = unit()["Service"]
    grace = re.search(r"--grace (\d+)", service["ExecStart"])
    assert grace is not None
    assert int(service["TimeoutStopSec"]) > int(grace[1]) + 10


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_reads_the_unit_and_finds_it_tight(tmp_path: Path) -> None:
    text = UNIT.read_text("utf-8").replace("/opt/penjing/bin/penjing", "/bin/true")
    (tmp_path / UNIT.name).write_text(text, "utf-8")
    command = ["systemd-analyze", "verify", str(tmp_path / UNIT.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert UNIT.name not in done.stderr
    command = ["systemd-analyze", "security", "--offline=yes", str(tmp_path / UNIT.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    exposed = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if exposed is None:
        pytest.skip("this systemd-analyze looks at running units only")
    assert float(exposed[1]) < 2.0


def test_the_image_starts_what_there_is_as_nobody() -> None:
    found = dict(instructions())
    assert json.loads(found["ENTRYPOINT"]) == ["penjing"]
    words = json.loads(found["CMD"])
    assert words[0] == "serve"
    parsed(words[1:])
    assert not found["USER"].startswith(("root", "0"))
    socket = words[words.index("--socket") + 1]
    assert socket in found["HEALTHCHECK"]
    assert str(Path(socket).parent) in json.loads(found["VOLUME"])


def test_the_image_is_made_of_this_project_alone() -> None:
    for name, words in instructions():
        assert name != "ADD"
        if name == "FROM":
            assert re.match(r"python:3\.11-slim( AS \w+)?$", words)
        if name == "COPY" and "--from" not in words:
            for source in words.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source.removeprefix('./')}" in (ROOT / ".dockerignore").read_text()


def test_the_page_of_the_docs_says_what_is_taken() -> None:
    text = DOCS.read_text("utf-8")
    said = re.findall(r"^ +penjing serve\b(.*)$", text, re.M)
    assert len(said) >= 3
    for words in said:
        parsed(shlex.split(words.partition("   ")[0]))  # what it does stands beside it
    parser = ArgumentParser(allow_abbrev=False)
    serve.register(parser, "serve")
    known = set(parser._option_string_actions)
    for option in re.findall(r"`(--[a-z-]+)", text):
        assert option in known | {"--network"}, option
