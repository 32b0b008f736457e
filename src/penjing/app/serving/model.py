"""What a server can say of the model that answers in it: names, manifest, passport."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.core.plain_json import parse_json, read_json
from penjing.core.strangers import is_there

if TYPE_CHECKING:
    from penjing.serve.services import Model

_MOST_PASSPORT = 16 * 2**20
_NONE: Mapping[str, bytes] = {}


def model_of(path: Path, name: str, documents: Mapping[str, bytes] = _NONE) -> Model:
    """What is known of a model: a bundle tells more than a file, a sealed one by `documents`."""
    from penjing.bundle.folder import MANIFEST_NAME
    from penjing.devices.machine import look
    from penjing.serve.services import Model

    machine = look()
    folder = path.parent
    manifest: Mapping[str, Any] = _sealed(documents, MANIFEST_NAME) or {}
    if is_there(folder / MANIFEST_NAME):
        manifest = _document(folder / MANIFEST_NAME) or {}
    passport = _sealed(documents, "passport.json") or _document(folder / "passport.json")
    return Model(
        name=name,
        manifest=manifest,
        passport=passport if manifest else None,
        device=f"{machine.model}, {machine.cores} cores",
        created=int(path.stat().st_mtime),
        also=_catalogued(path),
        **_looked_at(path),
    )


def _looked_at(path: Path) -> dict[str, Any]:
    """What the file says of itself."""
    from collections import Counter
    from math import prod

    from penjing.bundle.gguf_parts import GGUFModel

    with GGUFModel.open(path) as file:
        counts: Counter[str] = Counter()
        for tensor in file.tensors.values():
            counts[tensor.codec.name] += prod(tensor.shape)
        family = file.get("general.architecture")
    return {
        "size": path.stat().st_size,
        "parameters": counts.total(),
        "family": family if isinstance(family, str) else "",
        "codec": counts.most_common(1)[0][0] if counts else "",
    }


def _sealed(documents: Mapping[str, bytes], name: str) -> dict[str, Any] | None:
    """A document that came sealed with the model."""
    document = parse_json(documents[name]) if name in documents else None
    return document if isinstance(document, dict) else None


def _catalogued(path: Path) -> tuple[str, ...]:
    """Names that `penjing list` has for a file."""
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.fetch import installed
    from penjing.bundle.home import Home

    home = Home.from_environment()
    known = catalogue_of(home).models
    found = (one for one in installed(home) if one.name in known and one.path.exists())
    return tuple(one.name for one in found if one.path.samefile(path))


def _document(path: Path) -> dict[str, Any] | None:
    if not is_there(path):
        return None
    document = read_json(path, limit=_MOST_PASSPORT, inside=path.parent)
    return document if isinstance(document, dict) else None
