"""Models from strangers: any value in any place of a folder or of a file's metadata.

What comes is a checkpoint or one line, at once. Each run tries the same sample; `make siege` tries
others.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import odd_gguf
import oddities
import pytest
import tiny
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penjing.bundle.gguf_reader import GGUFFile
from penjing.core.errors import FormatError, PenjingError
from penjing.devices.fit import fit
from penjing.devices.profile import load_devices
from penjing.devices.shape import shape_from_folder, shape_from_gguf
from penjing.engine.guard import require_survivable
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_bytes, export_gguf

TinyFolder = Callable[..., Path]
PHONE = next(iter(load_devices().values()))


@pytest.fixture
def model(tiny_folder: TinyFolder, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a tiny model's folder."""

    def copy(family: str) -> Path:
        return Path(shutil.copytree(tiny_folder(family), tmp_path / family))

    return copy


def opened(folder: Path) -> None:
    """Everything that reads a folder; the last refusal of all."""
    refusal = None
    for read in (_judged, _read):
        try:
            read(folder)
        except PenjingError as error:
            refusal = error
    if refusal:
        raise refusal


def _judged(folder: Path) -> None:
    fit(shape_from_folder(folder), PHONE, 512)


def _read(folder: Path) -> None:
    with Checkpoint.open(folder) as checkpoint:
        for name in list(checkpoint.tensors)[:3]:
            checkpoint.tensor(name).load()


@pytest.mark.parametrize("family", ["llama", "gemma3"])
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "tokenizer.json"])
def test_a_folder_is_a_model_or_one_line(
    model: Callable[[str], Path], family: str, name: str
) -> None:
    folder = model(family)
    path = folder / name
    each = 3 if name == "tokenizer.json" else 6
    changed = oddities.some(json.loads(path.read_text("utf-8")), each)
    texts = islice(changed, 0, None, 4) if name == "tokenizer.json" else changed
    count, refused = oddities.refusals(
        texts, lambda text: path.write_text(text, "utf-8"), lambda: opened(folder)
    )
    assert 10 < refused < count


@given(st.data())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None, max_examples=40,
)  # fmt: skip
def test_any_values_in_any_two_places_of_a_config(tiny_folder: TinyFolder, data: Any) -> None:
    folder = tiny_folder("gemma3")
    path = folder / "config.json"
    text = path.read_text()
    changed = json.loads(text)
    for _ in range(2):
        at = data.draw(st.sampled_from(list(oddities.paths(changed))))
        changed = json.loads(oddities.put(changed, at, json.dumps(data.draw(oddities.PLAIN))))
    try:
        path.write_text(json.dumps(changed))
        oddities.answered(lambda: opened(folder))
    finally:
        path.write_text(text)


def test_a_header_of_weights_is_sound_or_one_line(model: Callable[[str], Path]) -> None:
    folder = model("llama")
    path = folder / "model.safetensors"
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")

    def write(text: str) -> None:
        head = text.encode("utf-8")
        path.write_bytes(len(head).to_bytes(8, "little") + head + data[end:])

    texts = oddities.some(json.loads(data[8:end]), 3)
    count, refused = oddities.refusals(texts, write, lambda: opened(folder))
    assert 50 < refused < count


def test_an_index_is_sound_or_one_line(model: Callable[[str], Path]) -> None:
    folder = model("llama")
    whole = folder / "model.safetensors"
    data = whole.read_bytes()
    names = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    names.pop("__metadata__", None)
    whole.rename(folder / "a.safetensors")
    path = folder / "model.safetensors.index.json"
    document = {"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(names, "a.safetensors")}
    texts = oddities.some(document, 6)
    count, refused = oddities.refusals(texts, path.write_text, lambda: opened(folder))
    assert 20 < refused < count


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("config.json", '"rms_norm_eps": 1' + "0" * 400, "config.json"),
        ("config.json", '"rms_norm_eps": 1e400', "too large"),
        ("config.json", '"rms_norm_eps": NaN', "NaN is not JSON"),
        ("config.json", '"vocab_size": true', "not a count"),
        ("config.json", '"hidden_size": 64.0', "not a count"),
        ("config.json", '"hidden_act": {}', "the activation is"),
        ("config.json", '"architectures": [{}]', "architectures is"),
    ],
)
def test_numbers_no_machine_holds_and_values_of_another_type(
    model: Callable[[str], Path], name: str, text: str, words: str
) -> None:
    folder = model("llama")
    document = json.loads((folder / name).read_text())
    key = json.loads(f"[{text.partition(':')[0]}]")[0]
    document.pop(key, None)
    (folder / name).write_text(json.dumps(document)[:-1] + f", {text}}}")
    with pytest.raises(FormatError, match=words):
        Checkpoint.open(folder)


IRREGULAR: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "outside": lambda path: path.symlink_to("/etc/hostname"),
    "circle": lambda path: path.symlink_to(path.name),
    "nowhere": lambda path: path.symlink_to("gone"),
}
FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
         "special_tokens_map.json", "chat_template.jinja")  # fmt: skip


@pytest.mark.parametrize("kind", IRREGULAR)
@pytest.mark.parametrize("name", FILES)
def test_what_is_no_file_of_the_folder_is_one_line_at_once(
    model: Callable[[str], Path], name: str, kind: str
) -> None:
    folder = model("llama")
    (folder / name).unlink(missing_ok=True)
    IRREGULAR[kind](folder / name)
    begun = time.monotonic()
    with pytest.raises(PenjingError, match=r"cannot read|is not"):
        Checkpoint.open(folder)
    assert time.monotonic() - begun < 5


def test_a_folder_of_a_hubs_cache_is_a_model(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    """It is made of links."""
    snapshot, blobs = tmp_path / "r" / "snapshots" / "a", tmp_path / "r" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for path in tiny_folder("llama").iterdir():
        shutil.copy(path, blobs / f"b{path.name}")
        (snapshot / path.name).symlink_to(f"../../blobs/b{path.name}")
    with Checkpoint.open(snapshot) as checkpoint:
        assert checkpoint.tensor("token_embd.weight").load().any()
    assert shape_from_folder(snapshot).weight_bytes > 0


@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_any_value_under_any_key_of_a_gguf(tmp_path: Path, family: str) -> None:
    """Every key, every type; what the guard lets pass is still read or refused by all others."""
    path, changed = tmp_path / "model.gguf", tmp_path / "changed.gguf"
    export_gguf(tiny.checkpoint(family), path, {})
    for what, data in islice(odd_gguf.files(path), 0, None, 23):
        changed.write_bytes(data)
        for read in (_guarded, _fitted, _taken_apart):
            try:
                oddities.answered(lambda read=read: read(changed))  # type: ignore[misc]
            except BaseException as error:
                error.add_note(what)
                raise


def _guarded(path: Path) -> None:
    with GGUFFile.open(path) as file:
        require_survivable(file)


def _fitted(path: Path) -> None:
    shape = shape_from_gguf(path)
    fit(shape.with_codec("Q4_0"), PHONE, 512)


def _taken_apart(path: Path) -> None:
    with Checkpoint.open(path) as checkpoint:
        export_bytes(checkpoint, {})
        checkpoint.sha256()
