"""A file's twin holds the same weights, is read the same, and is gone afterwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny

from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress.twin import FAST, SLOW, fast_to_read
from penjing.workshop.export.gguf import export_gguf


@pytest.fixture
def two_bits(tmp_path: Path) -> Path:
    """Every codec that is slow to read, and others."""
    checkpoint, path = tiny.checkpoint("llama", hidden=128, ffn=256), tmp_path / "two bits.gguf"
    codecs = [*SLOW, "IQ4_NL", "Q8_0"]
    plan = {n: codecs[i % len(codecs)] for i, n in enumerate(checkpoint.quantizable)}
    export_gguf(checkpoint, path, plan)
    return path


def test_every_weight_is_the_same_to_the_bit(two_bits: Path) -> None:
    with fast_to_read(two_bits) as twin, Checkpoint.open(twin) as ours:
        assert twin != two_bits
        with Checkpoint.open(two_bits) as given:
            assert {each.codec.name for each in given.tensors.values()} >= set(SLOW)
            for name, source in given.tensors.items():
                slow = source.codec.name in SLOW
                assert ours.tensors[name].codec.name == (FAST if slow else source.codec.name)
                np.testing.assert_array_equal(ours.tensors[name].load(), source.load())


def test_the_engine_reads_nearly_the_same(two_bits: Path) -> None:
    said = []
    with fast_to_read(two_bits) as twin:
        for path in (two_bits, twin):
            with LlamaCpp.open(path, threads=1) as model:
                said.append(model.score(list(range(5, 69))).copy())
    assert np.abs(said[0] - said[1]).max() < 0.1 * np.abs(said[0]).max()


def test_it_is_gone_afterwards_even_after_a_failure(two_bits: Path) -> None:
    seen: list[Path] = []

    def fail() -> None:
        with fast_to_read(two_bits) as twin:
            seen.append(twin)
            assert twin.exists()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert not seen[0].exists()
    assert two_bits.exists()


def test_a_file_that_is_fast_is_its_own_twin(tmp_path: Path) -> None:
    path = tmp_path / "fast.gguf"
    export_gguf(tiny.checkpoint("llama"), path, {})
    with fast_to_read(path) as twin:
        assert twin == path
    assert path.exists()
