"""Signing a model with a key pair, and checking what was signed: provenance with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.core.errors import BadInput
from penjing.core.progress import Progress

if TYPE_CHECKING:
    from penjing.bundle.folder import Manifest

_MOST_PASSPORT = 16 * 2**20


def sign(
    model: Path,
    key: Path,
    progress: Progress,
    *,
    passphrase: str | None = None,
    signature: Path | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Sign a bundle, any folder, or a file; where the signature lies and what it covers."""
    from penjing.core.files import require_folder, write_text
    from penjing.core.strangers import is_there
    from penjing.ownership.model_signature import default_place, describe, hint_of, signed
    from penjing.ownership.signing_key import read_private

    _require(model)
    place = signature or default_place(model)
    if is_there(place) and not overwrite:
        raise BadInput(f"{place} is there already: add --overwrite to sign anew")
    require_folder(place)
    private = read_private(key, passphrase)
    manifest = _manifest(model, progress)
    with progress.task(f"hashing {model.name}", _size(model), unit="B") as bar:
        statement = describe(model, place, on_bytes=bar.advance)
    statement = replace(statement, provenance=_provenance(model, manifest))
    write_text(place, json.dumps(signed(statement, private)) + "\n")
    return {
        "signature": str(place),
        "name": statement.name,
        "files": dict(statement.files),
        "key": hint_of(private.public_key()),
        "provenance": dict(statement.provenance),
    }


def verify(
    model: Path, progress: Progress, *, key: Path | None = None, signature: Path | None = None
) -> dict[str, Any]:
    """Check a bundle's hashes, and with a public key who vouches for all of it.

    Without a key a signature proves nothing, and is only told.
    """
    from penjing.core.strangers import is_there
    from penjing.ownership.model_signature import default_place, read_signature, require_same
    from penjing.ownership.signing_key import read_public

    _require(model)
    place = signature or default_place(model)
    found: dict[str, Any] = {"model": str(model), "signed": None, "signature": None}
    if key is not None:
        if not is_there(place):
            raise BadInput(f"{model} is not signed: there is no {place}, give --signature FILE")
        public = read_public(key)
        statement = read_signature(place, public)
        with progress.task(f"hashing {model.name}", _size(model), unit="B") as bar:
            require_same(model, statement, place, on_bytes=bar.advance)
        found |= {"signed": True, "name": statement.name, "files": dict(statement.files)}
        found |= {"provenance": dict(statement.provenance)}
        found |= {
            "left_out": sorted(one for one in statement.ignored if not (model / one).is_file())
        }
    elif is_there(place):
        found["signed"] = False
    found["signature"] = str(place) if is_there(place) else None
    manifest = _manifest(model, progress)
    if manifest is None and key is None:
        raise BadInput(f"{model} is no bundle: give --key, the public key of who signed it")
    return found | {"bundle": manifest.name if manifest else None}


def new_pair(path: Path, passphrase: str | None) -> dict[str, str]:
    """Make a key pair; where both halves are."""
    from penjing.core.files import require_folder
    from penjing.ownership.signing_key import make_pair

    require_folder(path)
    return {"private": str(path), "public": str(make_pair(path, passphrase))}


def _manifest(model: Path, progress: Progress) -> Manifest | None:
    """A bundle's manifest, every hash in it checked; None for what is no bundle."""
    from penjing.bundle import folder
    from penjing.core.strangers import is_there

    if not is_there(model / folder.MANIFEST_NAME):
        return None
    size = sum(entry.bytes for entry in folder.read_manifest(model).files.values())
    with progress.task(f"verifying {model.name}", size, unit="B") as bar:
        return folder.verify(model, on_bytes=bar.advance)


def _provenance(model: Path, manifest: Manifest | None) -> dict[str, Any]:
    """Recipe, hashes of inputs, versions of tools: what the bundle says, and who signs."""
    from importlib.metadata import version

    from penjing import __version__
    from penjing.core.plain_json import read_json

    signer = {"penjing": __version__, "cryptography": version("cryptography")}
    if manifest is None:
        return {"signed_with": signer}
    passport = {}
    if "passport.json" in manifest.files:
        found = read_json(model / "passport.json", limit=_MOST_PASSPORT, inside=model)
        passport = found if isinstance(found, dict) else {}
    baseline = manifest.baseline
    inputs = [{"name": baseline.name, "sha256": baseline.sha256}] if baseline else []
    held_out, runtime = passport.get("held_out"), passport.get("runtime")
    if isinstance(held_out, dict) and {"name", "sha256"} <= held_out.keys():
        inputs.append({"name": held_out["name"], "sha256": held_out["sha256"]})
    made = {"penjing": manifest.penjing}
    if isinstance(runtime, dict) and isinstance(runtime.get("engine"), str):
        made["engine"] = runtime["engine"]
    return {
        "recipe": dict(manifest.recipe),
        "inputs": inputs,
        "made_with": made,
        "created": manifest.created,
        "signed_with": signer,
    }


def _require(model: Path) -> None:
    if not model.exists():
        raise BadInput(f"there is no {model}: give a bundle or a file")


def _size(model: Path) -> int:
    files = model.rglob("*") if model.is_dir() else [model]
    return sum(path.stat().st_size for path in files if path.is_file())
