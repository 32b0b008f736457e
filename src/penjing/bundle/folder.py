"""The bundle folder: `bundle.json` says what is in it, by whom it was made and every file's hash.

The manifest is checked by hand, key by key, because a bundle may come from anyone: unknown keys,
paths that leave the folder and links out of it are refused. Knows nothing of what the files hold.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from penjing import __version__
from penjing.bundle.gguf_parts import whole_name
from penjing.core.errors import BadInput, FormatError, IntegrityError, near
from penjing.core.files import sha256_file, write_text
from penjing.core.memory_file import memory_name
from penjing.core.plain_json import is_whole, parse_json
from penjing.core.strangers import open_plain, read_plain, why
from penjing.core.units import counted

SCHEMA = 1
MANIFEST_NAME = "bundle.json"
MODEL_NAME = "model.gguf"
BROKEN = "-broken"
"""How the name of a bundle ends whose model was found to be of no use when it was measured."""
_MAX_MANIFEST_BYTES = 4 * 2**20
_MAX_TEXT = 1000
_MAX_FILES = 10_000
_MAX_DEPTH = 32


@dataclass(frozen=True)
class FileEntry:
    """One file of a bundle."""

    bytes: int
    """Its size."""
    sha256: str
    """64 lower-case hexadecimal digits."""


@dataclass(frozen=True)
class Baseline:
    """The model this one was made from and is measured against."""

    name: str
    """Its catalogue name or the name of its file."""
    sha256: str
    """Hash of its model file."""


@dataclass(frozen=True)
class Manifest:
    """What a bundle says about itself. A sound manifest is one that `write_manifest` accepts."""

    name: str
    """What to call the model."""
    architecture: str
    """ggml's name of it, "llama"."""
    parameters: int
    """How many weights the model has."""
    licence: str
    """SPDX name of the weights' licence; empty if the source does not say."""
    template: bool
    """Whether the model file carries a chat template."""
    files: Mapping[str, FileEntry]
    """Every file but the manifest, by its plain relative path ("model.gguf", "onnx/model.onnx")."""
    recipe: Mapping[str, Any]
    """How to make it again, as plain JSON data."""
    baseline: Baseline | None
    """None if it was not made from another model."""
    created: str
    """When, "2026-11-21T20:15:00Z"."""
    penjing: str = __version__
    """The version that made it."""
    schema: int = SCHEMA
    """Version of this list of fields."""


def now() -> str:
    """This moment as a manifest writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def describe_files(folder: Path, names: Iterable[str]) -> dict[str, FileEntry]:
    """Sizes and hashes of files that lie in `folder`, in the order given."""
    entries = {}
    for name in names:
        path = file_path(folder, name)
        if not path.is_file():
            raise FormatError(f"{folder} has no file '{name}' to put into its manifest")
        entries[name] = FileEntry(path.stat().st_size, sha256_file(path))
    return entries


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write `bundle.json`, whole or not at all; FormatError if it would not be read back."""
    document = {field.name: getattr(manifest, field.name) for field in fields(manifest)}
    document["files"] = {name: asdict(entry) for name, entry in manifest.files.items()}
    document["recipe"] = dict(manifest.recipe)
    document["baseline"] = asdict(manifest.baseline) if manifest.baseline else None
    try:
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError(f"a manifest must be plain JSON data: {error}") from error
    _manifest(parse_json(text))
    write_text(folder / MANIFEST_NAME, text)
    return folder / MANIFEST_NAME


def read_manifest(folder: Path) -> Manifest:
    """Read `bundle.json`; BadInput if there is none, FormatError if it is not sound."""
    path = folder / MANIFEST_NAME
    try:
        return _manifest(parse_json(read_plain(path, limit=_MAX_MANIFEST_BYTES, inside=folder)))
    except BadInput as error:
        raise BadInput(f"{folder} is not a bundle: {error}") from error
    except FormatError as error:
        raise FormatError(f"{path} is not a bundle manifest: {error}") from error


def verify(
    folder: Path,
    *,
    only: Iterable[str] | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> Manifest:
    """Check every file's size and hash (or those named by `only`) and give the manifest.

    IntegrityError names the first file that is missing or not the one that was promised.
    """
    manifest = read_manifest(folder)
    for name in manifest.files if only is None else only:
        entry = manifest.files.get(name)
        if entry is None:
            raise FormatError(f"{folder} does not promise a file '{name}' in its {MANIFEST_NAME}")
        _verify_file(folder, name, entry, on_bytes)
    return manifest


def model_name(path: Path) -> str:
    """What to call a model file: its bundle's folder, or its own name without the ending.

    One that lies in memory alone has the name that it was given there.
    """
    if (named := memory_name(path)) is not None:
        return named
    in_bundle = path.name == MODEL_NAME and (path.parent / MANIFEST_NAME).exists()
    return path.resolve().parent.name if in_bundle else whole_name(path)


def file_path(folder: Path, name: str) -> Path:
    """Where a bundle's file lies; FormatError for a name or a link that leaves the folder."""
    _check_name(name)
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:
        raise FormatError(f"{path} cannot be followed: {error}") from error
    if not inside:
        raise FormatError(f"{path} is a link out of the bundle: put the file itself there")
    return path


def _verify_file(
    folder: Path, name: str, entry: FileEntry, on_bytes: Callable[[int], None] | None
) -> None:
    path = file_path(folder, name)
    remedy = "the bundle is damaged or was changed, make it or copy it again"
    try:
        with open_plain(path, inside=folder) as file:
            size = os.fstat(file.fileno()).st_size
        if size != entry.bytes:
            raise IntegrityError(f"{path} is {counted(size, 'byte')}, not {entry.bytes}: {remedy}")
        found = sha256_file(path, on_bytes=on_bytes)
    except FileNotFoundError as error:
        raise IntegrityError(f"{path} is missing: {remedy}") from error
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read: {why(error)}: {remedy}") from error
    if found != entry.sha256:
        raise IntegrityError(f"{path} does not have the promised sha256: {remedy}")


def _manifest(document: Any) -> Manifest:
    if isinstance(document, dict):
        schema = document.get("schema")
        if not is_whole(schema) or schema != SCHEMA:  # True is 1 to Python
            raise FormatError(
                f"its schema is {_show(schema)} and this Penjing reads {SCHEMA}: "
                "use a newer Penjing"
            )
    raw = _object(document, Manifest, "the manifest")
    created = _text(raw["created"], "created")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created, re.ASCII):
        raise FormatError(f"'created' is {_show(created)}, not like 2026-11-21T20:15:00Z")
    return Manifest(
        name=_text(raw["name"], "name"),
        architecture=_text(raw["architecture"], "architecture"),
        parameters=_integer(raw["parameters"], "parameters"),
        licence=_text(raw["licence"], "licence", empty=True),
        template=_boolean(raw["template"], "template"),
        files=_files(raw["files"]),
        recipe=_recipe(raw["recipe"]),
        baseline=None if raw["baseline"] is None else _baseline(raw["baseline"]),
        created=created,
        penjing=_text(raw["penjing"], "penjing"),
        schema=SCHEMA,
    )


def _object(document: Any, shape: type, what: str) -> dict[str, Any]:
    """A JSON object with exactly the fields of a dataclass."""
    if not isinstance(document, dict):
        raise FormatError(f"{what} is not an object")
    wanted = {field.name for field in fields(shape)}
    if unknown := sorted(document.keys() - wanted):
        meant = near(unknown[0][:64], wanted)
        raise FormatError(f"{what} has the unknown key {_show(unknown[0])}: {meant}")
    if missing := sorted(wanted - document.keys()):
        raise FormatError(f"{what} lacks the key '{missing[0]}'")
    return document


def _files(document: Any) -> Mapping[str, FileEntry]:
    if not isinstance(document, dict) or not 1 <= len(document) <= _MAX_FILES:
        raise FormatError(f"'files' is not an object of 1 to {_MAX_FILES} files")
    found = {}
    for name, entry in document.items():
        _check_name(name)
        raw = _object(entry, FileEntry, f"the entry of {_show(name)}")
        found[name] = FileEntry(_integer(raw["bytes"], "bytes"), _sha256(raw["sha256"]))
    return MappingProxyType(found)


def _baseline(document: Any) -> Baseline:
    raw = _object(document, Baseline, "the baseline")
    return Baseline(_text(raw["name"], "name"), _sha256(raw["sha256"]))


def _recipe(document: Any) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise FormatError("'recipe' is not an object")
    if _depth(document) > _MAX_DEPTH:
        raise FormatError(f"'recipe' is nested more than {_MAX_DEPTH} deep")
    return MappingProxyType(document)


def _depth(document: Any) -> int:
    depth, level = 0, [document]
    while level := [
        item
        for holder in level
        if isinstance(holder, dict | list)
        for item in (holder.values() if isinstance(holder, dict) else holder)
    ]:
        depth += 1
    return depth


def _check_name(name: str) -> None:
    """Raise unless this is a plain relative path, written the same way on every system."""
    parts = PurePosixPath(name).parts
    plain = (
        0 < len(name) <= 255
        and name.isprintable()
        and not any(character in '\\:*?"<>|' for character in name)
        and "/".join(parts) == name  # no leading, doubled or trailing slash, no "."
        and not name.startswith("/")
        and ".." not in parts
        and all(part == part.strip() and not part.endswith(".") for part in parts)
        and name.lower() != MANIFEST_NAME
    )
    if not plain:
        raise FormatError(f"{_show(name)} is not a plain file name inside the bundle")


def _text(value: Any, what: str, *, empty: bool = False) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT or not value.isprintable():
        raise FormatError(f"'{what}' is not one line of text")
    if not value and not empty:
        raise FormatError(f"'{what}' is empty")
    return value


def _integer(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise FormatError(f"'{what}' is {_show(value)}, not a count")
    return value


def _boolean(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise FormatError(f"'{what}' is {_show(value)}, not true or false")
    return value


def _sha256(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value):
        raise FormatError(f"{_show(value)} is not a sha256: 64 hexadecimal digits")
    return value


def _show(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."
