"""`penjing mark key` and `text`, and `penjing chat --mark-key`: a mark in what a model writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny

from penjing.app.text_marks import read_keys
from penjing.cli import app
from penjing.core.messages import GenerationSettings
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.export.gguf import export_gguf


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has much to choose from, and two keys."""
    place = tmp_path_factory.mktemp("text-marks")
    model = tiny.checkpoint("llama", hidden=64, ffn=96, layers=2, seed=3)
    export_gguf(model, place / "model.gguf", {})
    for name in ("one.key", "two.key"):
        assert app.main(["mark", "key", str(place / name), "--quiet"]) == 0
    return place


def written(path: Path, secrets: tuple[str, ...]) -> str:
    """A text of letters and spaces, which is read as the very tokens that were drawn."""
    with LlamaCpp.open(path, context=512, threads=1) as model:
        plain = [model.piece(token) for token in range(model.vocabulary)]
        odd = [n for n, one in enumerate(plain) if not (len(one) == 1 and one.isalpha())]
        settings = GenerationSettings(
            max_tokens=300, temperature=0.8, repeat_penalty=1.0, seed=1, mark=secrets,
            logit_bias=tuple((token, -100.0) for token in odd),
        )  # fmt: skip
        chunks = model.continue_tokens(model.tokenize("tree", bos=False), settings)
        return "".join(chunk.text for chunk in chunks)


def run(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    capsys.readouterr()
    assert app.main([*words, "--json", "--quiet"]) == status
    return json.loads(capsys.readouterr().out)


def test_a_key_is_its_owners_and_never_replaced(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (built / "one.key").stat().st_mode & 0o777 == 0o600
    assert (built / "one.key").read_text() != (built / "two.key").read_text()
    found = run(capsys, "mark", "key", str(built / "one.key"), status=2)
    assert "is not replaced" in found["error"]["message"]


def test_chat_marks_what_it_draws(
    built: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(built)
    words = ["chat", "model.gguf", "--once", "hello", "--temperature", "0.8", "--seed", "1"]
    words += ["--max-tokens", "40", "--context", "128", "--threads", "1"]
    marks: tuple[list[str], ...] = (
        [],
        ["--mark-key", "one.key"],
        ["--mark-key", "one.key"],
        ["--mark-key", "two.key"],
    )
    plain, one, again, two = (run(capsys, *words, *keys)["answer"] for keys in marks)
    assert one == again
    assert len({plain, one, two}) == 3


def test_what_was_marked_is_told_from_what_was_not(
    built: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(built)
    look = ["mark", "text", "said.txt", "--model", "model.gguf", "--threads", "1"]
    for keys in ((), (Path("one.key"),)):
        Path("said.txt").write_text(written(built / "model.gguf", read_keys(keys)))
        found = run(capsys, *look, "--key", "one.key", status=0 if keys else 1)
        assert (found["verdict"] == "marked") == bool(keys), found
    found = run(capsys, *look, "--key", "two.key", status=1)
    assert found["verdict"] != "marked"
    assert app.main([*look, "--key", "one.key", "--quiet"]) == 0
    assert "said.txt: marked" in capsys.readouterr().out


def test_a_short_text_says_that_nobody_can_tell(
    built: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(built)
    Path("short.txt").write_text("hello there")
    words = ["mark", "text", "short.txt", "--model", "model.gguf", "--key", "one.key"]
    assert run(capsys, *words, status=1)["verdict"] == "not enough entropy to tell"


@pytest.mark.parametrize(("words", "says"), [
    (["chat", "model.gguf", "--once", "hi", "--mark-key", "one.key"], "add --temperature"),
    (["chat", "model.gguf", "--once", "hi", "--temperature", "1", "--mark-key", "model.gguf"],
     "larger than"),
    (["chat", "model.gguf", "--once", "hi", "--temperature", "1", *["--mark-key", "one.key"] * 3],
     "may be given 2 times"),
    (["mark", "text", "odd.txt", "--key", "odd.txt"], "is no key of a mark"),
    (["mark", "text", "odd.txt", "--key", "one.key", "--which", "2"], "give the keys in order"),
    (["mark", "text", "none.txt", "--key", "one.key"], "no such file"),
])  # fmt: skip
def test_what_cannot_be_is_one_line(
    built: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    words: list[str], says: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(built)
    Path("odd.txt").write_text("no key")
    assert app.main([*words, "--quiet"]) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.err.count("\n") == 1
