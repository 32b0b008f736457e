"""Sealing a model to devices or a passphrase, and opening one into memory.

What was sealed is decrypted into a file that lies in memory alone (`core/memory_file.py`); no byte
of it is written to a disk by us, and this process makes no core dump from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.core.errors import (
    BadInput,
    EngineError,
    FormatError,
    UsageError,
    WrongPassphrase,
)
from penjing.core.progress import Progress

if TYPE_CHECKING:
    from penjing.bundle.home import Home
    from penjing.ownership.sealed_file import SealedFiles, SealedHead
    from penjing.vault.envelope import Key

Words = Callable[[str], str]
"""Asks for the passphrase of a file, which is named to it."""

_HEADROOM = 256 * 2**20
_DOCUMENTS = ("bundle.json", "passport.json")


@dataclass(frozen=True)
class Sealing:
    """What to seal, and for whom."""

    model: str
    """A bundle, a .gguf file or a name of the catalogue."""
    output: Path
    """The file to be made; ends in .sealed."""
    to: tuple[str, ...] = ()
    """Public keys of devices, as each prints its own."""
    passphrase: str | None = field(default=None, repr=False)
    """Opens it too."""
    overwrite: bool = False
    """Replace a file that is there."""


def seal(asked: Sealing, progress: Progress) -> dict[str, Any]:
    """Seal a model; what was made, as plain data. The model itself stays where it is."""
    from penjing.bundle.home import Home
    from penjing.core.files import require_new_file
    from penjing.ownership import recipients
    from penjing.ownership.sealed_file import SUFFIX, write_sealed
    from penjing.vault.envelope import Key

    if not asked.to and asked.passphrase is None:
        raise UsageError("sealed for whom? give --to KEY of a device, or --passphrase")
    public = [recipients.public_bytes(text) for text in asked.to]
    if len(set(public)) > recipients.MOST_WAYS - 1:
        raise UsageError(f"{len(public)} devices are too many for one file: make several")
    require_new_file(asked.output, SUFFIX, overwrite=asked.overwrite)
    name, files = _files_of(asked.model, Home.from_environment(), progress)
    key = Key.random()
    ways: list[dict[str, Any]] = [recipients.for_device(key, one) for one in dict.fromkeys(public)]
    if asked.passphrase is not None:
        ways.append(recipients.for_passphrase(key, asked.passphrase))
    size = sum(path.stat().st_size for path in files.values())
    with progress.task(f"sealing {name}", size, unit="B") as bar:
        written = write_sealed(asked.output, key, ways, files, on_bytes=bar.advance)
    key.wipe()
    return {
        "output": str(asked.output),
        "name": name,
        "bytes": written,
        "plain_bytes": size,
        "files": list(files),
        "devices": len(set(public)),
        "passphrase": asked.passphrase is not None,
    }


def look_into(path: Path, words: Words | None, progress: Progress) -> dict[str, Any]:
    """Open a sealed model in memory, check all of it, say what it holds, and let go of it."""
    from penjing.bundle.gguf_parts import GGUFModel

    with (
        opened(path, words, progress) as found,
        found.model,
        GGUFModel.open(found.model.path) as it,
    ):
        manifest = _manifest(found.documents)
        return {
            "file": str(path),
            "name": manifest.get("name") or path.stem,
            "architecture": str(it.get("general.architecture", "")),
            "licence": manifest.get("licence"),
            "parameters": manifest.get("parameters"),
            "model_bytes": it.file_bytes,
            "files": dict(found.files),
            "manifest": manifest or None,
            "passport": _document(found.documents, "passport.json"),
        }


@contextmanager
def opened(path: Path, words: Words | None, progress: Progress) -> Iterator[SealedFiles]:
    """What was sealed, in memory. `words` are asked for where no device key of ours opens it."""
    from penjing.bundle.home import Home
    from penjing.core.process import shield
    from penjing.ownership.sealed_file import open_sealed, read_head

    head = read_head(path)
    _require_memory(head)
    shield()
    key = _key(head, Home.from_environment(), words)
    _warn_of_swap(progress)
    with progress.task(f"opening {path.name}", head.length, unit="B") as bar:
        found = open_sealed(
            head, key, keep=_DOCUMENTS, name=lambda kept: _called(kept, path), on_bytes=bar.advance
        )
    key.wipe()
    with found.model:
        yield found


def device_key(home: Home, *, in_file: bool = False) -> dict[str, str]:
    """The public key of this device, made now if it has none, and where the private one lies."""
    from penjing.ownership.device_key import file_of, make_device

    device = make_device(home.root, in_file=in_file)
    return {"key": device.key.public, "bound": device.bound, "file": str(file_of(home.root))}


def _key(head: SealedHead, home: Home, words: Words | None) -> Key:
    from penjing.ownership import recipients
    from penjing.ownership.device_key import this_device

    kinds = recipients.kinds(head.ways)
    device = this_device(home.root) if "x25519" in kinds else None
    if device and (key := recipients.opened_by_device(head.ways, device.key)) is not None:
        return key
    if "passphrase" not in kinds:
        own = f"to this one, {device.key.public}" if device else (
            "to this one, whose key penjing seal --this-device prints"
        )  # fmt: skip
        raise UsageError(f"{head.path} is sealed to other devices: have it sealed {own}")
    if words is None:
        raise UsageError(f"{head.path} takes a passphrase: give it with --model-passphrase-file")
    if (key := recipients.opened_by_passphrase(head.ways, words(head.path.name))) is None:
        raise WrongPassphrase(f"that is not the passphrase of {head.path}: type it again")
    return key


def _files_of(model: str, home: Home, progress: Progress) -> tuple[str, dict[str, Path]]:
    """Its name, and the files that are sealed: a bundle's with its manifest first."""
    from penjing.bundle import folder
    from penjing.bundle.gguf_parts import is_part, whole_name
    from penjing.bundle.resolve import find_model

    given = Path(model)
    if (given / folder.MANIFEST_NAME).is_file():
        size = sum(entry.bytes for entry in folder.read_manifest(given).files.values())
        with progress.task(f"verifying {given.name}", size, unit="B") as bar:
            manifest = folder.verify(given, on_bytes=bar.advance)
        names = sorted(manifest.files, key=lambda name: name.endswith(".gguf"))
        if not any(name.endswith(".gguf") for name in names):
            raise BadInput(f"{given} holds no GGUF model: only such bundles are sealed")
        files = {folder.MANIFEST_NAME: given / folder.MANIFEST_NAME}
        return manifest.name, files | {name: folder.file_path(given, name) for name in names}
    path = find_model(model, home, progress=progress, download=True)
    if path.is_dir() or is_part(path):
        raise BadInput(f"{path} is not one .gguf file: make one with penjing compress, seal that")
    return whole_name(path), {path.name: path}


def _called(kept: Mapping[str, bytes], path: Path) -> str:
    return str(_manifest(kept).get("name") or path.stem)


def _manifest(kept: Mapping[str, bytes]) -> dict[str, Any]:
    return _document(kept, "bundle.json") or {}


def _document(kept: Mapping[str, bytes], name: str) -> dict[str, Any] | None:
    from penjing.core.plain_json import parse_json

    if name not in kept:
        return None
    found = parse_json(kept[name])
    if not isinstance(found, dict):
        raise FormatError(f"{name} of the sealed bundle is not an object: seal it again")
    return found


def _require_memory(head: SealedHead) -> None:
    from penjing.core.units import format_size
    from penjing.devices.machine import look

    free = look().available_bytes
    if free and head.length + _HEADROOM > free:
        raise EngineError(
            f"{head.path} opens into memory and takes {format_size(head.length)}, of which "
            f"{format_size(free)} are free: close other programs, or seal a smaller model"
        )


def _warn_of_swap(progress: Progress) -> None:
    from penjing.core.memory import has_swap

    if has_swap():
        progress.note("this machine may swap memory to its disk: encrypt the swap, or turn it off")
