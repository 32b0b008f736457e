"""Folders people point at: a hub's cache leads to its model, other things say what they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penjing.bundle.folders import folder_name, snapshot_of
from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model
from penjing.core.errors import BadInput, PenjingError
from penjing.core.progress import Silent


def find(path: Path) -> Path:
    return find_model(str(path), Home(path.parent / "home"), progress=Silent(), download=False)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A hub's cache of one model in two snapshots, files linked to blobs."""
    root = tmp_path / "models--some-org--tiny-model-1B"
    (root / "blobs").mkdir(parents=True)
    (root / "refs").mkdir()
    for number, commit in enumerate(("a1" * 20, "b2" * 20)):
        (root / "snapshots" / commit).mkdir(parents=True)
        for name in ("config.json", "model.safetensors"):
            blob = root / "blobs" / f"{number}{len(name)}"
            blob.write_text("{}")
            (root / "snapshots" / commit / name).symlink_to(f"../../blobs/{blob.name}")
    (root / "refs" / "main").write_text("b2" * 20 + "\n")
    return root


def test_the_root_of_a_cached_model_is_its_main_snapshot(cache: Path) -> None:
    main = cache / "snapshots" / ("b2" * 20)
    for path in (cache, cache / "snapshots", main):
        assert find(path) == main
        assert folder_name(find(path)) == "tiny-model-1B"
    assert find(cache / "snapshots" / ("a1" * 20)).name == "a1" * 20


@pytest.mark.parametrize("main", [None, "", "../..", "c3" * 20, "a1"])
def test_without_a_main_the_snapshots_are_named(cache: Path, main: str | None) -> None:
    (cache / "refs" / "main").unlink()
    if main is not None:
        (cache / "refs" / "main").write_text(main)
    with pytest.raises(BadInput, match=r"holds 2 snapshots .a1.*, b2.*: give the folder"):
        find(cache)
    for each in (cache / "snapshots" / ("a1" * 20)).iterdir():
        each.unlink()
    (cache / "snapshots" / ("a1" * 20)).rmdir()
    assert find(cache).name == "b2" * 20


def test_an_empty_cache_says_so(tmp_path: Path) -> None:
    (tmp_path / "models--x--y" / "snapshots").mkdir(parents=True)
    with pytest.raises(BadInput, match="holds no snapshot: download the model again"):
        find(tmp_path / "models--x--y")


def test_a_folder_of_ones_own_that_has_snapshots_is_itself(tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "snapshots" / "old").mkdir(parents=True)
    (own / "config.json").write_text("{}")
    assert snapshot_of(own) == own
    assert folder_name(own) == "own"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"base_model_name_or_path": "x/y"}, "is an adapter of x/y: merge it into its model"),
        ({"peft_type": "LORA"}, "is an adapter: merge it"),
        ({"base_model_name_or_path": 3}, "is an adapter: merge it"),
        ("not json", "is an adapter: merge it"),
    ],
)
def test_an_adapter_names_its_model(tmp_path: Path, config: object, says: str) -> None:
    folder = tmp_path / "lora"
    folder.mkdir()
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "adapter_config.json").write_text(text)
    (folder / "adapter_model.safetensors").write_bytes(b"")
    for more in ("tokenizer.json", "config.json"):  # with what trainers leave beside it
        with pytest.raises(PenjingError, match=says):
            find(folder)
        (folder / more).write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    assert find(folder) == folder  # a whole model that an adapter lies beside


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("model_index.json", "is a diffusers pipeline"),
        ("tf_model.h5", "holds TensorFlow weights: save it with transformers"),
        ("flax_model.msgpack", "holds Flax weights"),
        ("weights.npz", "holds MLX weights"),
        ("model_q4.onnx", "holds ONNX"),
        ("onnx/model.onnx", "holds ONNX"),
        ("phi.tflite", "holds LiteRT"),
        ("consolidated.00.pth", "holds weights as Meta packs them"),
    ],
)
@pytest.mark.parametrize("config", [True, False])
def test_a_folder_of_another_framework_says_what_to_do(
    tmp_path: Path, name: str, says: str, config: bool
) -> None:
    folder = tmp_path / "m"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_bytes(b"x")
    if config:
        (folder / "config.json").write_text("{}")
    with pytest.raises(PenjingError, match=says) as caught:
        find(folder)
    assert "\n" not in str(caught.value)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    assert find(folder) == folder
