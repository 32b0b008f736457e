"""Calibration text: seeded, in the model's own template, resumable, mixed with the user's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny

from penjing.bundle.gguf_values import Value
from penjing.core.errors import BadInput, FormatError
from penjing.core.progress import Silent
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.calibrate import Calibration, calibrate, prompts
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.mixture import OWN, Domain


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCpp]:
    plain = tiny.checkpoint("llama")
    metadata = {**plain.metadata, "tokenizer.chat_template": Value.text(tiny.TEMPLATE)}
    path = tmp_path_factory.mktemp("calibrate") / "m.gguf"
    export_gguf(Checkpoint.of("tiny", metadata, plain.tensors), path, {})
    with LlamaCpp.open(path, threads=1) as opened:
        yield opened


def make(model: LlamaCpp, folder: Path, *, seed: int = 0, text: str | None = None) -> Calibration:
    return calibrate(
        model,
        tokens=1024,
        window=128,
        seed=seed,
        domains=[Domain("yours", text, 1.0)] if text is not None else [],
        many=2048,
        partial=folder / "written.json",
        progress=Silent(),
    )


def fresh(tmp_path: Path, name: str) -> Path:
    (tmp_path / name).mkdir()
    return tmp_path / name


def test_same_seed_same_text_other_seed_other_text(model: LlamaCpp, tmp_path: Path) -> None:
    a, b, c = (make(model, fresh(tmp_path, n), seed=s) for n, s in (("a", 1), ("b", 1), ("c", 2)))
    assert a == b
    assert a.windows != c.windows
    assert a.tokens == 1024
    assert all(len(window) == 128 for window in a.windows)


def test_it_is_written_in_the_models_template(model: LlamaCpp, tmp_path: Path) -> None:
    marker = model.tokenize("<|im_start|>", special=True, bos=False)[0]
    flat = [t for w in make(model, tmp_path).windows for t in w]
    assert flat.count(marker) >= 4
    assert prompts("english")[0] in model.detokenize(flat)


def test_a_killed_writer_goes_on_to_the_same_text(model, tmp_path, monkeypatch) -> None:
    whole = make(model, fresh(tmp_path, "whole"))
    folder, calls = fresh(tmp_path, "killed"), []
    write = model.write_together

    def dies(*args):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return write(*args)

    monkeypatch.setattr("penjing.workshop.calibrate._ANSWER", 16)
    monkeypatch.setattr(model, "write_together", dies)
    with pytest.raises(KeyboardInterrupt):
        make(model, folder)
    monkeypatch.setattr(model, "write_together", write)
    resumed = make(model, folder)
    assert resumed == make(model, fresh(tmp_path, "again"))
    assert resumed != whole  # shorter answers: another text


def test_half_is_the_users_text_from_all_of_it(model: LlamaCpp, tmp_path: Path) -> None:
    text = "".join(f"{letter}{i}" for letter in "ab" for i in range(1000))
    made = make(model, tmp_path, text=text)
    assert made.from_text == 512
    assert made.written_by_model == 512
    words = [set(model.detokenize(list(window))) - set("0123456789") for window in made.windows]
    assert {"a"} in words
    assert {"b"} in words


def test_a_text_shorter_than_a_window_is_refused(model: LlamaCpp, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="at least 128 are needed"):
        make(model, tmp_path, text="short")


def test_every_domain_is_trained_on_and_has_text_apart(model: LlamaCpp, tmp_path: Path) -> None:
    """A mix that one long text fills up would be judged by that text alone."""
    texts = {"digits": "0123456789" * 900, "capitals": "ABCDEFGHIJKLM" * 100, "small": "xyz" * 100}
    made = calibrate(
        model, tokens=1024, window=128, seed=0,
        domains=[Domain(name, text, 1.0) for name, text in texts.items()],
        many=4096, partial=tmp_path / "written.json", progress=Silent(),
    )  # fmt: skip
    assert set(made.apart) == {OWN, "digits", "capitals", "small"} - {"small"}
    tuned = {*made.windows, *made.training}
    for name, windows in made.apart.items():
        assert not tuned & set(windows)
        if name != OWN:
            assert {model.detokenize(list(w))[0] in texts[name] for w in windows} == {True}
    starts = [model.detokenize(list(w))[0] for w in made.training]
    assert all(any(start in text for start in starts) for text in texts.values())
    assert made.written_by_model + made.from_text == made.tokens == 1024


def test_pieces_are_spread_over_all_of_it() -> None:
    made = Calibration((tuple(range(100)), tuple(range(100, 200))), 200, 0, 0)
    assert [piece[0] for piece in made.spread(4, 10)] == [0, 50, 100, 150]
    assert all(len(piece) == 10 for piece in made.spread(4, 10))


def test_survives_the_disk_and_refuses_other_files(tmp_path: Path) -> None:
    made = Calibration(((1, 2), (3, 4)), 4, 0, 7, ((1, 2), (5, 6)), {"code": ((7, 8),)})
    made.save(tmp_path / "c.json")
    assert Calibration.load(tmp_path / "c.json") == made
    (tmp_path / "c.json").write_text("[]")
    with pytest.raises(FormatError):
        Calibration.load(tmp_path / "c.json")
