"""The examples of docs/python.md: each runs as it is written, in a folder of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import penjing
from penjing.testing import FakeEmbedder

DOCS = (Path(__file__).parents[2] / "docs/python.md").read_text("utf-8")
SPEC = "\n".join(re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL))
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
CARE = "How often do I water it? Once a week.\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plants.yaml").write_text(SPEC, "utf-8")
    (tmp_path / "care.md").write_text(CARE, "utf-8")
    return tmp_path


def run(about: str, known: dict[str, object] | None = None) -> None:
    (example,) = [each for each in EXAMPLES if about in each]
    example = example.replace("KnowledgeBase(store)", "KnowledgeBase(store, embedder=embedder)")
    exec(compile(example, "docs/python.md", "exec"), known or {})


def test_every_example_is_run() -> None:
    assert len(EXAMPLES) == 3


def test_an_assistant_with_a_tool_of_ones_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("open_assistant")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Watering for 2 minutes."
    assert "5" in said[1] or "五" in said[1]
    assert said[2] == "[({'seconds': 120}, 'owner'), ({'seconds': 300}, 'owner')]"


def test_documents_in_a_vault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("Vault.create", {"embedder": FakeEmbedder()})
    assert "care.md" in capsys.readouterr().out
    kept = b"".join(path.read_bytes() for path in (folder / "vault").rglob("*") if path.is_file())
    assert kept
    assert b"Once a week" not in kept


def test_a_model_that_is_none() -> None:
    run("FakeModel")


def test_every_name_of_the_page_is_there() -> None:
    names = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", DOCS, re.M)))
    assert {"open_assistant", "KnowledgeBase", "Passphrase"} <= set(names)
    assert set(names) <= set(penjing.__all__)
