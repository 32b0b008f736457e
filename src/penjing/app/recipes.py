"""`recipe.yaml`: how a bundle was made, so that it can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput
from penjing.core.plain_json import is_whole
from penjing.core.tables import Kinds, Table


def read_recipe(path: Path) -> dict[str, Any]:
    """What a file of ours says. BadInput where it is none."""
    from penjing.assistant.spec.yaml_nodes import read_yaml

    try:
        said = read_yaml(path).plain()
    except BadInput as error:
        raise BadInput(f"{path} is not a recipe: {error}") from error
    if not isinstance(said, dict) or not is_whole(said.get("schema")) or said["schema"] != 1:
        raise BadInput(f"{path} is not a recipe: it has no 'schema: 1'")
    table = Table(said, str(path), _KINDS)
    data = {key: table.take(key, kind) for key, kind in _RECIPE.items() if key in table}
    table.finish()
    if "prune" in data:
        data["prune"] = _shape(data["prune"], f"{path}: prune")
    if data.get("path", "forward") not in ("forward", "engine"):
        raise BadInput(f"{path} has {data['path'][:40]!r} as its 'path': forward or engine")
    return data


def _shape(said: dict[str, Any], where: str) -> dict[str, Any]:
    """What of a model is to stay."""
    table = Table(said, where, _KINDS)
    found = {key: table.take(key, kind) for key, kind in _SHAPE.items() if key in table}
    table.finish()
    return found


_SHAPE: Mapping[str, Any] = {
    "ffn": float,
    "heads": float,
    "hidden": float,
    "uneven": bool,
    "layers": int,
    "sublayers": int,
    "score": str,
    "repair": bool,
    "seed": int,
}
"""Keys of what a recipe leaves out, as `penjing prune` calls them."""

_Names = Mapping[str, str]
_RECIPE: Mapping[str, Any] = {
    "schema": int,
    "model": str,
    "model_sha256": str,
    "budget_bytes": int,
    "effort": str,
    "path": str,
    "seed": int,
    "text_sha256": str | None,
    "mix_sha256": str | None,
    "held_out": dict,
    "training_steps": int | None,
    "healing_steps": int | None,
    "prune": dict,
    "teacher": str | None,
    "codecs": _Names,
}
"""Keys of a recipe and the types of their values."""


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _count(value: Any) -> bool:
    return is_whole(value) and bool(value >= 0)


def _names(value: Any) -> bool:
    return isinstance(value, dict) and all(_text(word) for pair in value.items() for word in pair)


_KINDS: Kinds = {
    str: (_text, "a text"),
    str | None: (lambda value: value is None or _text(value), "a text, or null"),
    int: (_count, "a whole number"),
    int | None: (lambda value: value is None or _count(value), "a whole number, or null"),
    float: (lambda value: type(value) in (int, float) and 0 < value <= 1, "a share from 0 to 1"),
    bool: (lambda value: type(value) is bool, "true or false"),
    dict: (lambda value: isinstance(value, dict), "a mapping"),
    _Names: (_names, "codecs by the names of tensors"),
}
