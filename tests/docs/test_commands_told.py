"""What README and docs tell people to type is understood; what is quick is run."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from penjing.cli.app import COMMANDS, main, parser_of
from penjing.core.errors import UsageError

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from docs_check import PAGES, QUICK, begins, commands  # noqa: E402 - scripts is no package

FILES = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]
TOLD = {shlex.join(words): words for path in FILES for words in commands(path.read_text("utf-8"))}


def test_commands_are_found() -> None:
    text = (
        "Say `penjing chat`.\n\n    penjing fit m --device x   # what it needs\n"
        "    penjing list     all\n    penjing vault wipe NAME | --all\n    pip install .\n"
    )
    assert list(commands(text)) == [["fit", "m", "--device", "x"], ["list"]]
    assert len(TOLD) > 60
    assert {words[0] for words in TOLD.values()} == {one.name for one in COMMANDS}


@pytest.mark.parametrize("told", TOLD)
def test_it_is_understood(told: str) -> None:
    name, *words = TOLD[told]
    (command,) = [one for one in COMMANDS if one.name == name]
    parser_of(command).parse_args(words)


def test_what_no_command_takes_is_not_understood() -> None:
    (fit,) = [one for one in COMMANDS if one.name == "fit"]
    with pytest.raises((SystemExit, UsageError)):
        parser_of(fit).parse_args(["m", "--no-such-option"])


@pytest.mark.parametrize("told", [one for one in TOLD if begins(TOLD[one], QUICK)])
def test_what_is_quick_is_run(
    told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENJING_HOME", str(tmp_path))
    monkeypatch.chdir(ROOT)
    assert main(TOLD[told]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out


@pytest.mark.parametrize("path", [*FILES, ROOT / "CONTRIBUTING.md"], ids=lambda one: one.name)
def test_what_make_makes_is_there(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"^ {4}make ([a-z-]+)", path.read_text("utf-8"), re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target
