"""The quantizers of the textbooks beside each other in the engine, by `penjing compare`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from place import Place, prose

from penjing.cli.app import main
from penjing.core.errors import BadInput
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compare import order as orders
from penjing.workshop.compress.methods import METHODS
from penjing.workshop.compress.textbook_methods import CARRIER, GROUP, TEXTBOOK, packed_bytes
from penjing.workshop.export.gguf import export_bytes
from penjing.workshop.quantize import textbook
from penjing.workshop.quantize.grouping import Grouping

NAMES = ("linear-8", "affine-4", "nf4", "log-4")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    found = Place(tmp_path_factory.mktemp("textbook"))
    (found.folder / "short.txt").write_text(prose(7, 400)[:1100])
    return found


@pytest.fixture(scope="module")
def made(place: Place) -> dict[str, Any]:
    out = place.folder / "out"
    words = [
        "compare", str(place.model), "--methods", ",".join(NAMES), "-o", str(out), "--effort",
        "light", "--held-out", str(place.folder / "short.txt"), "--threads", "1", "--keep-files",
        "--quiet", "--text", str(place.folder / "own.txt"),
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENJING_HOME", str(place.folder / "home"))
        assert main(words) == 0
    found: dict[str, Any] = json.loads((out / "compare.json").read_text())
    return found


def whole(checkpoint: Checkpoint, name: str, tensor: str) -> tuple[Any, torch.Tensor]:
    """A tensor quantized at once, without pieces: its codes, and what comes back."""
    quantizer = TEXTBOOK[name].quantizer
    assert quantizer is not None
    method = textbook.METHODS[quantizer.name]
    weights = torch.from_numpy(np.array(checkpoint.tensors[tensor].load()))
    fits = weights.shape[-1] % GROUP == 0
    grouping = Grouping("group", GROUP) if fits else Grouping("channel")
    codes = method.quantize(weights, quantizer.bits, grouping, **method.options)
    return codes, method.dequantize(codes)


def test_what_is_measured_are_the_weights_as_they_come_back(
    place: Place, made: dict[str, Any]
) -> None:
    for row in made["rows"]:
        with (
            Checkpoint.open(place.model) as start,
            Checkpoint.open(place.folder / "out" / row["file"]) as kept,
        ):
            for tensor in start.quantizable:
                assert kept.tensors[tensor].codec.name == CARRIER
                _, back = whole(start, row["method"], tensor)
                expected = back.numpy().astype(np.float16)
                assert np.array_equal(kept.tensors[tensor].load().astype(np.float16), expected)


@pytest.mark.parametrize("name", [*NAMES, "symmetric-3", "kmeans-2"])
def test_the_size_is_that_of_packed_codes_and_parameters(place: Place, name: str) -> None:
    quantizer = TEXTBOOK[name].quantizer
    assert quantizer is not None
    method = textbook.METHODS[quantizer.name]
    with Checkpoint.open(place.model) as start:
        packed = sum(
            textbook.stored_bytes(method, whole(start, name, tensor)[0])
            for tensor in start.quantizable
        )
        bare = export_bytes(start, dict.fromkeys(start.quantizable, CARRIER)) - sum(
            2 * start.tensors[tensor].parameters for tensor in start.quantizable
        )
        assert packed_bytes(start, quantizer) == bare + packed


def test_the_table_says_what_is_counted_and_has_controls(
    place: Place, made: dict[str, Any]
) -> None:
    kld = {}
    for row in made["rows"]:
        assert row["counted"] is True
        assert row["speed"] is None
        assert row["bytes"] == row["size"]
        assert [one["control"] for one in row["controls"]] == ["plain"]
        (control,) = row["controls"]
        if "bytes" in control:
            assert control["bytes"] <= row["bytes"]
            assert control["speed"] is not None
        kld[row["method"]] = row["measurements"][0]["value"]
    assert set(kld) == set(NAMES)
    assert kld["linear-8"] < kld["nf4"] < kld["log-4"]
    table = (place.folder / "out" / "compare.md").read_text("utf-8")
    assert "(counted)" in table
    assert "16-bit file" in table
    assert "linear-8" in (place.folder / "out" / "compare.html").read_text("utf-8")


def test_sizes_are_for_methods_that_make_files_of_any() -> None:
    known = {**METHODS, **TEXTBOOK}
    ordered = orders.order("nf4,searched", "80MB", known)
    assert [method.name for method in ordered.sized] == ["searched"]
    assert [method.name for method in ordered.textbook] == ["nf4"]
    assert orders.order("nf4,log-4", None, known).files == 4
    with pytest.raises(BadInput, match="give --sizes"):
        orders.order("nf4,searched", None, known)
    with pytest.raises(BadInput, match="leave --sizes"):
        orders.order("nf4", "80MB", known)
