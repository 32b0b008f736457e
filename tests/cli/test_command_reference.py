"""docs/commands.md is what the parsers say, and names all that --help does."""

from __future__ import annotations

import argparse
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from penjing.cli.app import COMMANDS, Command, parser_of

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("commands", ROOT / "scripts" / "commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(generator: ModuleType) -> None:
    text = generator.FILE.read_text("utf-8")
    assert text == generator.written(), "run make docs"


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for one in parser._actions:
        if isinstance(one, argparse._SubParsersAction):
            for action in one.choices.values():
                yield from parsers(action)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)
def test_every_option_of_help_is_on_the_page(generator: ModuleType, command: Command) -> None:
    text = generator.FILE.read_text("utf-8")
    for parser in parsers(parser_of(command)):
        begin = text.index(f"# {parser.prog}\n")
        section = text[begin : text.find("\n#", begin + 1)]
        options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", parser.format_usage()))
        for option in options - {"--json", "--quiet"}:
            assert f"`{option}`" in section, f"{parser.prog} {option}"
