"""Catalogues of one's own: a tiny model and a text, from wherever a test has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from penjing.bundle.origins import PackageSource

_MODEL: Mapping[str, Any] = {
    "name": "tiny",
    "title": "Tiny",
    "architecture": "llama",
    "template": "chatml",
    "licence": "Apache-2.0",
    "parameters": 1,
    "context": 1,
}
_SHAPE = "layers = 1, hidden = 1, ffn = 1, heads = 1, kv_heads = 1, head_dim = 1, vocabulary = 1"
_TEXT: Mapping[str, Any] = {"name": "diary", "title": "Diary", "licence": "mine"}


def catalogue(*entries: str) -> str:
    """The whole file."""
    return "\n".join(["schema = 1", *entries])


def model(source: Mapping[str, Any], **more: Any) -> str:
    """The model "tiny"; `more` are further keys, or other values."""
    keys = _lines({**_MODEL, **more})
    return f"[[model]]\n{keys}shape = {{ {_SHAPE} }}\n[[model.source]]\n{_lines(source)}"


def text(source: Mapping[str, Any], **more: Any) -> str:
    """The text "diary"."""
    return f"[[text]]\n{_lines({**_TEXT, **more})}[[text.source]]\n{_lines(source)}"


def local(path: object) -> dict[str, Any]:
    """A file that is here."""
    return {"kind": "local", "path": str(path)}


def package(source: PackageSource) -> dict[str, Any]:
    """A member of a package on an index."""
    names = ("package", "version", "sha256", "bytes", "member")
    return {"kind": "package", **{name: getattr(source, name) for name in names}}


def _lines(keys: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
