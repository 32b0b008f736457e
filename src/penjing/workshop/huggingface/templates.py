"""Where a folder keeps its chat template, as GGUF keys. Must not run it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penjing.bundle.gguf_values import Value, ValueKind
from penjing.core.errors import FormatError
from penjing.core.files import read_text
from penjing.core.strangers import is_there
from penjing.workshop.huggingface.weights import read_object

_KEY = "tokenizer.chat_template"
_LIMIT = 8 * 2**20


def template_keys(folder: Path, settings: Mapping[str, Any]) -> dict[str, Value]:
    """The chat template keys; none when the model is no chat model.

    A file of its own wins over tokenizer_config.json, as it does in transformers.
    """
    jinja, older = folder / "chat_template.jinja", folder / "chat_template.json"
    if is_there(jinja):
        found: Any = read_text(jinja, limit=_LIMIT, inside=folder)
    elif is_there(older):
        found = read_object(older, limit=_LIMIT).get("chat_template")
    else:
        found = settings.get("chat_template")
    if found is None:
        return {}
    if isinstance(found, str):
        return {_KEY: Value.text(found)}
    return _named(found)


def _named(found: Any) -> dict[str, Value]:
    """Several templates; the one called "default" is the template, the rest keep their names."""
    if not isinstance(found, list) or not all(
        isinstance(each, dict)
        and isinstance(each.get("name"), str)
        and isinstance(each.get("template"), str)
        for each in found
    ):
        raise FormatError("the chat template is neither a text nor a list of named ones")
    texts = {each["name"]: each["template"] for each in found}
    if "default" not in texts:
        raise FormatError(f"no chat template is called default, only {', '.join(texts)[:80]}")
    out = {_KEY: Value.text(texts.pop("default"))}
    if texts:
        out |= {f"{_KEY}.{name}": Value.text(text) for name, text in texts.items()}
        out["tokenizer.chat_templates"] = Value.array(ValueKind.STRING, list(texts))
    return out
