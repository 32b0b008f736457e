"""A bundle or a record with anything in any place, and with what is no file in place of a file."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import oddities
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penjing.bundle.folder import (
    Baseline,
    Manifest,
    describe_files,
    now,
    read_manifest,
    verify,
    write_manifest,
)
from penjing.bundle.home import Home
from penjing.bundle.records import Record, Seal, check, read_record, record_path, write_record
from penjing.bundle.resolve import find_model
from penjing.core.errors import BadInput, FormatError, IntegrityError, PenjingError
from penjing.core.progress import Silent


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "model.gguf").write_bytes(b"GGUF" + bytes(100))
    (folder / "passport.json").write_text("{}")
    files = describe_files(folder, ["model.gguf", "passport.json"])
    recipe = {"a": [1, {"b": None}]}
    write_manifest(
        folder,
        Manifest("tiny", "llama", 1000, "MIT", True, files, recipe, Baseline("x", "0" * 64), now()),
    )
    return folder


def test_a_manifest_is_sound_or_refused_in_one_line(bundle: Path) -> None:
    path = bundle / "bundle.json"

    def read() -> None:
        manifest = read_manifest(bundle)
        verify(bundle)
        write_manifest(bundle, manifest)  # a sound one is one that can be written

    document = json.loads(path.read_text())
    count, refused = oddities.refusals(oddities.some(document, 12), path.write_text, read)
    assert 200 < refused < count


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_values_in_any_two_places_of_a_manifest(bundle: Path, data: Any) -> None:
    path = bundle / "bundle.json"
    text = path.read_text()
    changed = json.loads(text)
    for _ in range(2):
        at = data.draw(st.sampled_from(list(oddities.paths(changed))))
        value = data.draw(oddities.PLAIN)
        changed = json.loads(oddities.put(changed, at, json.dumps(value)))
    try:
        path.write_text(json.dumps(changed))
        oddities.answered(lambda: verify(bundle))
    finally:
        path.write_text(text)


@pytest.mark.parametrize("schema", [True, 1.0, "1", None, [1], {"1": 1}])
def test_what_only_equals_the_schema_is_another(bundle: Path, schema: Any) -> None:
    path = bundle / "bundle.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": schema}))
    with pytest.raises(FormatError, match="its schema is"):
        read_manifest(bundle)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _outside(path: Path) -> None:
    secret = path.parent.parent / "secret"
    secret.write_text('{"secret": 1}')
    path.symlink_to(secret)


def _circle(path: Path) -> None:
    path.symlink_to(path.name)


def _nowhere(path: Path) -> None:
    path.symlink_to("gone")


@pytest.mark.alone
@pytest.mark.parametrize("make", [_pipe, _folder, _device, _outside, _circle, _nowhere])
@pytest.mark.parametrize("name", ["bundle.json", "model.gguf", "passport.json"])
def test_what_is_no_file_of_the_bundle_is_one_line_at_once(
    bundle: Path, tmp_path: Path, name: str, make: Any
) -> None:
    (bundle / name).unlink()
    make(bundle / name)
    begun = time.monotonic()
    with pytest.raises(PenjingError) as caught:
        verify(bundle)
    assert isinstance(caught.value, BadInput | FormatError | IntegrityError)
    assert "secret" not in str(caught.value).replace(str(tmp_path), "")
    if name != "passport.json":
        with pytest.raises(PenjingError):
            find_model(str(bundle), Home(tmp_path / "home"), progress=Silent(), download=False)
    assert time.monotonic() - begun < 2


def test_a_record_that_is_off_is_none(tmp_path: Path) -> None:
    home = Home(tmp_path)
    seals = (Seal("f", 1, "0" * 64, 5),)
    write_record(home, Record("x", "model", str(tmp_path / "m"), "f", seals, "from", "", ours=True))
    path = record_path(home, "x")

    def read() -> None:
        record = read_record(home, "x")
        if record:
            check(record)

    document = json.loads(path.read_text())
    count, refused = oddities.refusals(oddities.some(document, 20), path.write_text, read)
    assert (count > 200, refused) == (True, 0)
    path.unlink()
    os.mkfifo(path)
    assert read_record(home, "x") is None
