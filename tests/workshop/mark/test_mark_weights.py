"""Marks in weights: written by the key, read after what is done to files, and never elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from penjing.bundle.codecs import codec
from penjing.bundle.gguf_parts import GGUFModel
from penjing.bundle.gguf_values import Value
from penjing.bundle.gguf_writer import OutTensor, write_gguf
from penjing.core.errors import BadInput, FormatError
from penjing.core.progress import Silent
from penjing.ggml.quantize import dequantize, quantize
from penjing.workshop.mark import chips, weights
from penjing.workshop.mark.model import read_mark, write_mark
from penjing.workshop.mark.receipt import read_receipt, write_receipt

KEY, CODE = bytes(range(32)), 0x0123456789ABCDEF
SHAPES = {"blk.0.attn_q.weight": (256, 256), "blk.0.ffn_up.weight": (512, 256),
          "blk.1.ffn_down.weight": (256, 512), "blk.1.attn_v.weight": (128, 256)}  # fmt: skip
Floats = npt.NDArray[np.float32]
Change = Callable[[str, Floats], Floats]


def write(path: Path, values: dict[str, Floats], kind: str) -> Path:
    out = [OutTensor("output_norm.weight", (256,), codec("F32"), lambda: np.ones(256, np.float32))]
    for name, each in values.items():
        raw = quantize(codec(kind), each)
        out.append(OutTensor(name, each.shape, codec(kind), lambda raw=raw: raw))
    write_gguf(path, {"general.architecture": Value.text("llama")}, out)
    return path


def random(seed: int) -> dict[str, Floats]:
    noise = np.random.default_rng(seed)
    return {name: noise.normal(0, 0.05, shape).astype(np.float32) for name, shape in SHAPES.items()}


IMPORTANCE = {name: np.random.default_rng(1).lognormal(0, 1, shape[-1]).astype(np.float32)
              for name, shape in SHAPES.items()}  # fmt: skip


class Marked:
    """A file, the same with a mark, and its receipt."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.kind, self.folder = kind, folder
        self.plain = write(folder / "plain.gguf", random(0), kind)
        self.path = folder / "marked.gguf"
        with GGUFModel.open(self.plain) as model:
            self.receipt = write_mark(
                model, self.path, IMPORTANCE, key=KEY, code=CODE, name="m", progress=Silent()
            )

    def read(self, path: Path, receipt: Any = None) -> chips.Reading:
        with GGUFModel.open(path) as model:
            return read_mark(model, receipt or self.receipt, Silent())

    def again(
        self, kind: str, change: Change = lambda _, each: each, *, plain: bool = False
    ) -> Path:
        """Its weights changed, and rounded to another codec."""
        found = values(self.plain if plain else self.path)
        return write(self.folder / "again.gguf", {n: change(n, v) for n, v in found.items()}, kind)


def values(path: Path) -> dict[str, Floats]:
    with GGUFModel.open(path) as model:
        return {
            name: dequantize(info.codec, model.raw(name), info.shape)
            for name, info in model.tensors.items()
            if name in SHAPES
        }


KINDS = ("Q4_0", "Q4_1", "IQ4_NL", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q6_K", "Q3_K", "IQ4_XS")


@pytest.fixture(scope="module", params=KINDS)
def marked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Marked:
    return Marked(tmp_path_factory.mktemp("mark"), request.param)


def test_it_is_read_from_the_file_and_little_was_moved(marked: Marked) -> None:
    found = marked.read(marked.path)
    assert (found.code, found.matching, found.found) == (CODE, 64, True)
    assert found.weights == marked.receipt.count > 4000
    assert found.strength > 0.7
    before, after = values(marked.plain), values(marked.path)
    changed = sum(int((before[name] != after[name]).sum()) for name in SHAPES)
    assert changed == marked.receipt.count
    other = marked.read(marked.plain)
    assert not other.found
    assert other.log10_p == 0


NEXT = {
    "Q4_0": ("Q3_K", "Q5_0"), "IQ4_NL": ("Q3_K", "Q5_0"), "Q4_K": ("Q3_K", "Q5_K"),
    "IQ4_XS": ("Q3_K", "Q5_K"), "Q4_1": ("Q4_0", "Q5_0"), "Q5_0": ("Q4_1", "Q5_1"),
    "Q5_1": ("Q5_0", "Q8_0"), "Q8_0": ("Q6_K", "F16"), "Q6_K": ("Q5_K", "Q8_0"),
    "Q3_K": ("Q2_K", "Q4_0"),
}  # fmt: skip
"""One size down and one up."""


@pytest.mark.parametrize("way", [0, 1], ids=["down", "up"])
def test_it_survives_another_size(marked: Marked, way: int) -> None:
    found = marked.read(marked.again(NEXT[marked.kind][way]))
    unmarked = marked.read(marked.again(NEXT[marked.kind][way], plain=True))
    assert not unmarked.found
    if (marked.kind, way) in ABOVE:
        assert found.log10_p_bits < -1, (marked.kind, found)
        return
    assert found.found
    assert (found.code, found.matching) == (CODE, 64), (marked.kind, found)


ABOVE: set[tuple[str, int]] = set()
"""Where the steps that were made are too small for the next size."""


def test_it_survives_a_merged_adapter(marked: Marked) -> None:
    noise = np.random.default_rng(5)

    def merge(_: str, each: Floats) -> Floats:
        low = noise.normal(0, 1, (each.shape[0], 8)) @ noise.normal(0, 1, (8, each.shape[1]))
        return (each + low * 0.03 * np.linalg.norm(each) / np.linalg.norm(low)).astype(np.float32)

    found = marked.read(marked.again(marked.kind, merge))
    assert found.found
    if marked.kind not in ("Q8_0", "Q6_K"):  # whose steps are smaller than such a change
        assert (found.code, found.matching) == (CODE, 64), (marked.kind, found)


def test_it_survives_pruning_of_five_percent(marked: Marked) -> None:
    def prune(_: str, each: Floats) -> Floats:
        return np.where(np.abs(each) < np.quantile(np.abs(each), 0.05), 0, each).astype(np.float32)

    found = marked.read(marked.again(marked.kind, prune))
    assert (found.code, found.matching, found.found) == (CODE, 64, True)


def test_narrower_matrices_are_left_out_and_the_rest_is_read(marked: Marked) -> None:
    found = values(marked.path)
    found["blk.0.ffn_up.weight"] = found["blk.0.ffn_up.weight"][:486]
    path = write(marked.folder / "narrow.gguf", found, marked.kind)
    read = marked.read(path)
    assert (read.code, read.found) == (CODE, True)
    assert read.weights < marked.receipt.count


def test_none_is_found_in_a_thousand_other_files(tmp_path: Path) -> None:
    """Other models, other roundings, other keys: the p-value is what it says, or larger."""
    marked = Marked(tmp_path, "Q4_0")
    before = np.zeros(marked.receipt.count)
    steps, places = before.copy(), {}
    for name, one in marked.receipt.tensors.items():
        before[one.ranks], steps[one.ranks], places[name] = one.before, one.steps, one
    real = values(marked.path)
    noise = np.random.default_rng(9)
    found = []
    for number in range(1000):
        key = KEY if number % 2 else noise.bytes(32)
        moved = np.empty(marked.receipt.count)
        for name, one in places.items():
            shift = noise.normal(0, 0.05, len(one.places))  # another model, or a tuned one
            base = real[name].reshape(-1)[one.places] if key != KEY else one.before
            scale = (1.0, 0.3, 0.02, 0.0)[number // 2 % 4]
            moved[one.ranks] = (base + scale * shift - one.before) / one.steps
        found.append(chips.read(key, CODE, moved))
    assert not any(each.found for each in found)
    assert min(each.log10_p for each in found) > -5
    assert sum(each.log10_p < -1 for each in found) < 130
    assert sum(each.log10_p < -2 for each in found) < 20
    assert sum(each.matching for each in found) / 1000 == pytest.approx(32, abs=2)


def test_a_shrunken_file_says_nothing(tmp_path: Path) -> None:
    """What qualifies does so both ways: a change that leans to zero does not look like a mark."""
    marked = Marked(tmp_path, "Q4_0")
    for scale in (0.5, 0.9, 1.1, 1.5, 0.0, -1.0):
        path = marked.again(
            "F32", lambda _, each, s=scale: (each * s).astype(np.float32), plain=True
        )
        assert marked.read(path).log10_p > -4, scale


def test_what_costs_least_is_moved(tmp_path: Path) -> None:
    raw = quantize(codec("Q4_0"), random(0)["blk.0.ffn_up.weight"])
    found = weights.levels(codec("Q4_0"), raw, (512, 256))
    channels = np.where(np.arange(256) < 128, 1.0, 100.0).astype(np.float32)
    places = weights.qualified(found, channels)
    assert len(places) > 5000
    assert (places % 256 < 128).all()
    largest = np.abs(found.now.reshape(-1, 32)).max(1)[places // 32]
    assert (np.abs(found.now[places]) < 0.8 * largest).all()


def test_the_bound_is_that_of_hoeffding() -> None:
    moved = np.ones(640)
    right = chips.read(KEY, CODE, moved * chips.directions(KEY, CODE, 640))
    assert right.log10_p == pytest.approx(-320 / np.log(10))
    assert right.log10_p_bits == pytest.approx(-64 * np.log10(2))
    assert (
        chips.read(KEY, CODE ^ (2**64 - 1), moved * chips.directions(KEY, CODE, 640)).log10_p == 0
    )
    nothing = chips.read(KEY, CODE, np.zeros(640))
    assert (nothing.log10_p, nothing.found) == (0, False)
    wild = moved * chips.directions(KEY, CODE, 640)
    wild[0] = -1e30
    assert chips.read(KEY, CODE, wild).matching == 64


# -- receipts and refusals


def test_a_receipt_comes_back_and_is_its_owners(marked: Marked) -> None:
    path = marked.folder / "r.mark"
    write_receipt(path, marked.receipt)
    assert path.stat().st_mode & 0o777 == 0o600
    found = read_receipt(path)
    assert KEY.hex() not in repr(found)
    assert marked.read(marked.path, found).matching == 64
    again = write(marked.folder / "x.gguf", {"blk.0.attn_q.weight": np.ones((32, 256), np.float32)},
                  "F32")  # fmt: skip
    with pytest.raises(FormatError, match="is another model"):
        marked.read(again)


@pytest.mark.parametrize("change", [
    {"schema": 2}, {"key": "00"}, {"code": "1"}, {"code": "x" * 16}, {"tensors": {}}, {"name": 1},
    {"tensors": {"a": {"shape": [4], "places": [9], "ranks": [0], "before": [0], "steps": [1]}}},
    {"tensors": {"a": {"shape": [4], "places": [1], "ranks": [1], "before": [0], "steps": [1]}}},
    {"tensors": {"a": {"shape": [4], "places": [1], "ranks": [0], "before": [0], "steps": [0]}}},
    {"tensors": {"a": {"shape": [], "places": [1], "ranks": [0], "before": [0], "steps": [1]}}},
    {"tensors": {"a": 5}}, {"tensors": 5},
])  # fmt: skip
def test_odd_receipts_are_one_line(tmp_path: Path, change: dict[str, Any]) -> None:
    good = {"shape": [4], "places": [1], "ranks": [0], "before": [0.0], "steps": [1.0]}
    document = {
        "schema": 1,
        "key": KEY.hex(),
        "code": "0" * 16,
        "name": "m",
        "tensors": {"a": good},
    }
    (tmp_path / "good").write_text(json.dumps(document))
    assert read_receipt(tmp_path / "good").count == 1
    (tmp_path / "odd").write_text(json.dumps(document | change))
    with pytest.raises(FormatError, match="is no receipt of a mark"):
        read_receipt(tmp_path / "odd")


def test_a_model_that_cannot_carry_it_is_one_line(tmp_path: Path) -> None:
    for kind, shapes in (("F16", SHAPES), ("Q4_0", {"blk.0.x.weight": (32, 64)})):
        path = write(
            tmp_path / "a.gguf", {n: np.ones(s, np.float32) for n, s in shapes.items()}, kind
        )
        with GGUFModel.open(path) as model, pytest.raises(BadInput, match="could carry a mark"):
            write_mark(model, tmp_path / "b", {}, key=KEY, code=CODE, name="m", progress=Silent())
        assert not (tmp_path / "b").exists()
