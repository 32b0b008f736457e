"""What the scripts are told: where the server is, with which token, and what is served."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

URL, TOKEN = os.environ["PENJING_URL"], os.environ["PENJING_TOKEN"]
BASE = f"{URL}/v1"


def ask(path: str) -> Any:
    """A document of the server's."""
    request = urllib.request.Request(URL + path, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


_SERVED = ask("/v1/models")["data"]
MODEL: str = _SERVED[0]["id"]
"""What only writes."""
ASSISTANT = "assistant"
EMBEDDER: str | None = next(
    (one["id"] for one in _SERVED if one["capabilities"] == ["embedding"]), None
)
"""None where none was pulled."""


def add(first: int, second: int) -> int:
    """Adds two whole numbers."""
    return first + second


ADD: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two whole numbers.",
        "parameters": {
            "type": "object",
            "properties": {"first": {"type": "integer"}, "second": {"type": "integer"}},
            "required": ["first", "second"],
        },
    },
}
