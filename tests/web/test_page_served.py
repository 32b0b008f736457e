"""The page as a person gets it: `penjing serve` prints a link, and a real model answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from page import room, say
from playwright.sync_api import expect
from watching import Visit


@contextmanager
def served(model: Path, home: Path) -> Iterator[Any]:
    """The command in a process of its own; looks like a garden to whoever visits."""
    words = ["serve", str(model), "--no-vault", "--port", "0", "--json", "--context", "2048"]
    process = subprocess.Popen(
        [sys.executable, "-m", "penjing", *words],
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
        link = json.loads(text)["url"]
        yield SimpleNamespace(url=link.partition("#")[0], link=lambda: link)
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.model
def test_a_real_model_answers_on_the_page(
    visit: Visit, default_model: Path, tmp_path: Path
) -> None:
    with served(default_model, tmp_path) as place:
        page = visit(place)
        answer = say(page, "What is the capital of France?", wait=False)
        expect(answer).to_have_attribute("aria-busy", "false", timeout=60_000)
        expect(answer.locator(".prose")).to_contain_text("Paris")
        expect(answer.locator(".rate")).to_contain_text("tokens")
        room(page, "Passport")
        expect(page.get_by_text("Nobody has measured this file.")).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Passphrase")).to_be_visible()
