"""A model in several files is one model: opened, counted, hashed and refused as a whole."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from splitting import split

from penjing.bundle.folder import model_name
from penjing.bundle.gguf_parts import GGUFModel, model_bytes, model_sha256, parts_of
from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model
from penjing.core.errors import FormatError
from penjing.core.progress import Silent
from penjing.devices.shape import shape_from_gguf
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "tiny.gguf"
    export_gguf(tiny.checkpoint(), path, {})
    return path


@pytest.fixture
def parts(whole: Path, tmp_path: Path) -> list[Path]:
    found = split(whole, tmp_path / "tiny.gguf", 7)
    assert len(found) > 2
    return found


def test_any_part_leads_to_all(parts: list[Path], tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    for part in parts:
        assert parts_of(part) == tuple(parts)
        assert model_name(part) == "tiny"
        assert find_model(str(part), home, progress=Silent(), download=False) == parts[0]


def test_it_is_counted_as_the_same_model(whole: Path, parts: list[Path]) -> None:
    assert shape_from_gguf(parts[1]) == shape_from_gguf(whole)
    assert model_bytes(parts[0]) == sum(part.stat().st_size for part in parts)


def test_its_tensors_are_those_of_the_whole(whole: Path, parts: list[Path]) -> None:
    with GGUFFile.open(whole) as one, GGUFModel.open(parts[2]) as several:
        assert set(several.tensors) == set(one.tensors)
        for name in one.tensors:
            np.testing.assert_array_equal(several.raw(name), one.raw(name))
        assert {k: v.plain for k, v in several.metadata.items()} == {
            k: v.plain for k, v in one.metadata.items()
        }
    with Checkpoint.open(whole) as one_, Checkpoint.open(parts[0]) as several_:
        assert several_.sha256() == one_.sha256()
        assert several_.name == one_.name


def test_the_engine_reads_all_of_it(whole: Path, parts: list[Path]) -> None:
    tokens = [5, 6, 7, 8]
    with LlamaCpp.open(whole, context=32, threads=1) as one:
        expected = one.score(tokens).copy()
    for part in (parts[0], parts[-1]):
        with LlamaCpp.open(part, context=32, threads=1) as several:
            np.testing.assert_array_equal(several.score(tokens), expected)
            assert several.name == "tiny"


def test_a_checkpoint_of_parts_is_written_as_one(
    whole: Path, parts: list[Path], tmp_path: Path
) -> None:
    with Checkpoint.open(parts[0]) as checkpoint:
        export_gguf(checkpoint, tmp_path / "again.gguf", {})
    with Checkpoint.open(tmp_path / "again.gguf") as again, Checkpoint.open(whole) as one:
        assert again.sha256() == one.sha256()
        assert not any(key.startswith("split.") for key in again.metadata)


def test_the_hash_is_of_every_part(whole: Path, parts: list[Path]) -> None:
    assert model_sha256(whole) == hashlib.sha256(whole.read_bytes()).hexdigest()
    before = {model_sha256(part) for part in parts}
    assert len(before) == 1
    for part in parts:
        data = bytearray(part.read_bytes())
        data[-1] ^= 1
        part.write_bytes(data)
        after = model_sha256(parts[0])
        assert after not in before
        before.add(after)


@pytest.mark.parametrize("gone", [0, 1, -1])
def test_a_missing_part_is_named(parts: list[Path], gone: int, tmp_path: Path) -> None:
    missing = parts[gone]
    missing.unlink()
    there = next(part for part in parts if part.exists())
    opens: list[Callable[[Path], Any]] = [
        Checkpoint.open, LlamaCpp.open, shape_from_gguf, model_sha256,
        lambda path: find_model(
            str(path), Home(tmp_path / "home"), progress=Silent(), download=False
        ),
    ]  # fmt: skip
    for opened in opens:
        with pytest.raises(FormatError, match=f"is missing: put {missing.name} beside"):
            opened(there)


def test_a_part_of_another_model_is_refused(parts: list[Path], tmp_path: Path) -> None:
    shutil.copy(parts[1], parts[2])
    with pytest.raises(FormatError, match="is part 1, not 2"):
        GGUFModel.open(parts[0])


def test_parts_that_do_not_belong_together(whole: Path, parts: list[Path], tmp_path: Path) -> None:
    other = split(whole, tmp_path / "other.gguf", 6)
    assert len(other) >= len(parts)
    renamed = other[1].rename(parts[1])
    assert renamed.is_file()
    with pytest.raises(FormatError, match=r"hold a tensor twice|belong to the model"):
        GGUFModel.open(parts[0])


def test_a_part_under_another_name_says_how_to_name_it(parts: list[Path]) -> None:
    moved = parts[0].rename(parts[0].with_name("model.gguf"))
    for opened in (Checkpoint.open, LlamaCpp.open, shape_from_gguf):
        with pytest.raises(FormatError, match="name them NAME-00001-of-0000"):
            opened(moved)


def test_a_damaged_part_is_refused_before_the_engine_sees_it(parts: list[Path]) -> None:
    parts[-1].write_bytes(parts[-1].read_bytes()[:200])
    with pytest.raises(FormatError, match=f"{parts[-1].name}.*(cut short|damaged)"):
        LlamaCpp.open(parts[0])
