"""The bundle folder: its manifest is checked by hand, its files by hash, its paths for escapes."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penjing import __version__
from penjing.bundle.folder import (
    Baseline,
    FileEntry,
    Manifest,
    describe_files,
    file_path,
    model_name,
    now,
    read_manifest,
    verify,
    write_manifest,
)
from penjing.core.errors import BadInput, FormatError, IntegrityError

ZERO = "0" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound bundle."""
    root = tmp_path / "bundle"
    (root / "onnx").mkdir(parents=True)
    (root / "model.gguf").write_bytes(b"GGUF" + bytes(100))
    (root / "passport.json").write_text("{}")
    (root / "onnx" / "model.onnx").write_bytes(b"x")
    names = ["model.gguf", "passport.json", "onnx/model.onnx"]
    write_manifest(root, manifest(files=describe_files(root, names)))
    return root


def manifest(**changes: object) -> Manifest:
    return dataclasses.replace(
        Manifest(
            name="smollm2-135m-instruct at 80 MB",
            architecture="llama",
            parameters=134_515_008,
            licence="Apache-2.0",
            template=True,
            files={"model.gguf": FileEntry(104, ZERO)},
            recipe={"steps": [{"step": "quantize", "budget": 80_000_000}], "seed": 7},
            baseline=Baseline("smollm2-135m-instruct", "a" * 64),
            created="2026-11-21T20:15:00Z",
        ),
        **changes,
    )


def edited(folder: Path, **changes: object) -> None:
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_is_written_is_read_back(folder: Path) -> None:
    made = manifest(files=describe_files(folder, ["model.gguf"]), baseline=None, licence="")
    assert write_manifest(folder, made) == folder / "bundle.json"
    assert read_manifest(folder) == made
    assert made.penjing == __version__
    assert made.schema == 1


def test_a_sound_bundle_verifies_and_counts_its_bytes(folder: Path) -> None:
    heard: list[int] = []
    found = verify(folder, on_bytes=heard.append)
    assert sum(heard) == 104 + 2 + 1
    assert list(found.files) == ["model.gguf", "passport.json", "onnx/model.onnx"]
    assert found.files["model.gguf"].bytes == 104


def test_writing_is_repeatable_and_leaves_nothing_else(folder: Path) -> None:
    before = (folder / "bundle.json").read_bytes()
    write_manifest(folder, read_manifest(folder))
    assert (folder / "bundle.json").read_bytes() == before
    assert len(list(folder.iterdir())) == 4


def test_now_is_a_moment_a_manifest_takes(folder: Path) -> None:
    write_manifest(folder, manifest(created=now()))
    assert read_manifest(folder).created.endswith("Z")


# -- integrity


@pytest.mark.parametrize("name", ["model.gguf", "passport.json", "onnx/model.onnx"])
def test_a_changed_byte_in_any_file_is_noticed(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(IntegrityError, match=f"{name} does not have the promised sha256"):
        verify(folder)


def test_a_longer_or_missing_file_is_named(folder: Path) -> None:
    with (folder / "model.gguf").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(IntegrityError, match=r"model\.gguf is 105 bytes, not 104"):
        verify(folder)
    (folder / "model.gguf").unlink()
    with pytest.raises(IntegrityError, match=r"model\.gguf is missing"):
        verify(folder)


def test_one_file_can_be_verified_alone(folder: Path) -> None:
    (folder / "passport.json").write_text("changed")
    verify(folder, only=["model.gguf"])
    with pytest.raises(IntegrityError):
        verify(folder, only=["passport.json"])
    with pytest.raises(FormatError, match="does not promise"):
        verify(folder, only=["other.gguf"])


def test_a_file_nobody_promised_is_let_be(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    verify(folder)


# -- paths


ESCAPES = [
    "../secret", "a/../../secret", "/etc/passwd", "..", ".", "", "./model.gguf", "a//b", "a/",
    "a\\b", "C:\\x", "c:x", "a\0b", "a\nb", "\x1b[2J", "~/x/../y", "a/./b", "bundle.json",
    "Bundle.json", "a ", " a", "a.", "a./b", "x" * 256, "a*", 'a"b', "a|b", "nul\u202egpj.exe",
]  # fmt: skip


@pytest.mark.parametrize("name", ESCAPES)
def test_names_that_are_not_plain_are_refused_everywhere(folder: Path, name: str) -> None:
    with pytest.raises(FormatError, match="plain file name"):
        file_path(folder, name)
    with pytest.raises(FormatError, match="plain file name"):
        write_manifest(folder, manifest(files={name: FileEntry(1, ZERO)}))
    edited(folder, files={name: {"bytes": 1, "sha256": ZERO}})
    with pytest.raises(FormatError, match="plain file name") as caught:
        verify(folder)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["model.gguf", "onnx/model.onnx", ".hidden", "a..b", "模型.gguf"])
def test_plain_names_are_taken(folder: Path, name: str) -> None:
    assert file_path(folder, name) == folder / name


@given(st.text(max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_name_leaves_the_folder(folder: Path, name: str) -> None:
    try:
        path = file_path(folder, name)
    except FormatError:
        return
    assert os.path.normpath(path).startswith(f"{folder}{os.sep}")


def test_a_link_out_of_the_bundle_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "model.gguf").rename(tmp_path / "elsewhere.gguf")
    (folder / "model.gguf").symlink_to(tmp_path / "elsewhere.gguf")
    with pytest.raises(FormatError, match="link out of the bundle"):
        verify(folder)
    (folder / "out").symlink_to(tmp_path)
    with pytest.raises(FormatError, match="link out of the bundle"):
        file_path(folder, "out/elsewhere.gguf")


def test_a_link_inside_and_a_link_to_the_folder_are_fine(folder: Path, tmp_path: Path) -> None:
    (folder / "model.gguf").rename(folder / "real.gguf")
    (folder / "model.gguf").symlink_to("real.gguf")
    (tmp_path / "alias").symlink_to(folder)
    verify(tmp_path / "alias")


def test_a_link_to_itself_and_a_pipe_are_refused(folder: Path) -> None:
    (folder / "model.gguf").unlink()
    (folder / "model.gguf").symlink_to("model.gguf")
    with pytest.raises((FormatError, IntegrityError)):
        verify(folder)
    (folder / "model.gguf").unlink()
    os.mkfifo(folder / "model.gguf")
    with pytest.raises(IntegrityError):
        verify(folder)


# -- the manifest itself


def test_no_manifest_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a bundle"):
        read_manifest(tmp_path)
    with pytest.raises(BadInput, match="not a bundle"):
        read_manifest(tmp_path / "absent")


@pytest.mark.parametrize("key", [field.name for field in dataclasses.fields(Manifest)])
def test_every_key_is_needed(folder: Path, key: str) -> None:
    path = folder / "bundle.json"
    document = json.loads(path.read_text())
    del document[key]
    path.write_text(json.dumps(document))
    with pytest.raises(FormatError, match=key):
        read_manifest(folder)


WRONG = {
    "unknown key": {"extra": 1},
    "unknown key in a file": {"files": {"a": {"bytes": 1, "sha256": ZERO, "mode": 7}}},
    "missing key in a file": {"files": {"a": {"bytes": 1}}},
    "a newer schema": {"schema": 2},
    "schema as text": {"schema": "1"},
    "no files": {"files": {}},
    "files as a list": {"files": ["model.gguf"]},
    "a file that is a hash": {"files": {"a": ZERO}},
    "a short hash": {"files": {"a": {"bytes": 1, "sha256": "0" * 63}}},
    "a hash in capitals": {"files": {"a": {"bytes": 1, "sha256": "A" * 64}}},
    "a hash with a newline": {"files": {"a": {"bytes": 1, "sha256": ZERO + "\n"}}},
    "negative bytes": {"files": {"a": {"bytes": -1, "sha256": ZERO}}},
    "bytes as true": {"files": {"a": {"bytes": True, "sha256": ZERO}}},
    "bytes as a float": {"files": {"a": {"bytes": 1.0, "sha256": ZERO}}},
    "parameters as text": {"parameters": "134M"},
    "a giant count": {"parameters": 2**63},
    "an empty name": {"name": ""},
    "a name of two lines": {"name": "a\nb"},
    "a name with escapes": {"name": "\x1b[31m"},
    "a name that is a list": {"name": ["a"]},
    "a long name": {"name": "n" * 1001},
    "no licence": {"licence": None},
    "template as 1": {"template": 1},
    "recipe as text": {"recipe": "steps"},
    "baseline as text": {"baseline": "smollm2"},
    "baseline without hash": {"baseline": {"name": "x"}},
    "created some day": {"created": "yesterday"},
    "created with an offset": {"created": "2026-11-21T20:15:00+01:00"},
}


@pytest.mark.parametrize("case", WRONG)
def test_anything_off_is_refused_in_one_line(folder: Path, case: str) -> None:
    edited(folder, **WRONG[case])
    with pytest.raises(FormatError, match=r"bundle\.json is not a bundle manifest") as caught:
        read_manifest(folder)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"schema": 1, "schema": 1}', b"[" * 200_000,
        b'{"schema": NaN}', b'{"schema": ' + b"9" * 10_000 + b"}", b"GGUF", b" " * (4 * 2**20 + 1),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(folder: Path, text: bytes) -> None:
    (folder / "bundle.json").write_bytes(text)
    with pytest.raises(FormatError, match="not a bundle manifest"):
        read_manifest(folder)


def test_a_deep_recipe_is_refused(folder: Path) -> None:
    recipe: dict[str, object] = {}
    for _ in range(40):
        recipe = {"a": recipe}
    edited(folder, recipe=recipe)
    with pytest.raises(FormatError, match="nested"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": {"x": object()}},
        {"recipe": {"x": float("nan")}},
        {"recipe": {"x": "\ud800"}},
        {"recipe": {"x": {1: 1, "1": 2}}},
        {"parameters": 1.5},
        {"template": "yes"},
        {"name": ""},
        {"files": {}},
        {"files": {"a": FileEntry(1, "short")}},
        {"created": "now"},
        {"schema": 2},
    ],
)
def test_an_unsound_manifest_is_not_written(folder: Path, changes) -> None:
    before = (folder / "bundle.json").read_bytes()
    with pytest.raises(FormatError):
        write_manifest(folder, manifest(**changes))
    assert (folder / "bundle.json").read_bytes() == before


def test_tuples_in_a_recipe_are_lists_when_read(folder: Path) -> None:
    write_manifest(folder, manifest(recipe={"steps": ("a", "b")}))
    assert read_manifest(folder).recipe == {"steps": ["a", "b"]}


def test_a_missing_file_cannot_be_described(folder: Path) -> None:
    with pytest.raises(FormatError, match="absent"):
        describe_files(folder, ["absent"])


def test_a_model_is_called_after_its_bundle_or_its_file(tmp_path: Path) -> None:
    assert model_name(tmp_path / "small" / "model.gguf") == "model"
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "bundle.json").touch()
    assert model_name(tmp_path / "small" / "model.gguf") == "small"
    assert model_name(tmp_path / "small" / "qwen.Q4_0.gguf") == "qwen.Q4_0"
