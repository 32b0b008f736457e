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
        base = link.partition("#")[0]
        yield SimpleNamespace(url=base, link=lambda: link, kill=process.kill)
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.model
def test_a_real_model_answers_on_the_page_until_its_server_is_killed(
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
        page.get_by_role("button", name="New conversation").click()
        answer = say(page, "Write a long story about a bonsai and a lighthouse.", wait=False)
        expect(answer.locator(".prose")).to_contain_text(" ")
        place.kill()
        expect(answer).to_contain_text("The server cannot be reached")
        expect(answer.locator(".prose")).not_to_be_empty()
