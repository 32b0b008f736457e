"""`recipe.yaml`: how a bundle was made, so that it can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput


def read_recipe(path: Path) -> dict[str, Any]:
    """What a file of ours says. BadInput where it is none."""
    from penjing.assistant.spec.yaml_nodes import read_yaml
    from penjing.core.plain_json import is_whole

    try:
        data = read_yaml(path).plain()
    except BadInput as error:
        raise BadInput(f"{path} is not a recipe: {error}") from error
    if not isinstance(data, dict) or not is_whole(data.get("schema")) or data["schema"] != 1:
        raise BadInput(f"{path} is not a recipe: it has no 'schema: 1'")
    for key, value in data.items():
        if key not in _RECIPE:
            known = ", ".join(_RECIPE)
            raise BadInput(f"{path} has an unknown key '{str(key)[:40]}': known are {known}")
        if type(value) not in _RECIPE[key] or (type(value) is int and value < 0):
            raise BadInput(f"{path} has {str(value)[:40]!r} as its '{key}': correct it")
    if data.get("path", "forward") not in ("forward", "engine"):
        raise BadInput(f"{path} has {data['path'][:40]!r} as its 'path': forward or engine")
    codecs = data.get("codecs", {})
    if not all(isinstance(word, str) for pair in codecs.items() for word in pair):
        raise BadInput(f"{path} has codecs that are not names: correct it")
    return data


_RECIPE: Mapping[str, tuple[type, ...]] = {
    "schema": (int,),
    "model": (str,),
    "model_sha256": (str,),
    "budget_bytes": (int,),
    "effort": (str,),
    "path": (str,),
    "seed": (int,),
    "text_sha256": (str, type(None)),
    "mix_sha256": (str, type(None)),
    "held_out": (dict,),
    "training_steps": (int, type(None)),
    "codecs": (dict,),
}
"""Keys of a recipe and the types of their values."""
