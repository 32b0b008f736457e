"""How a device on a broker is spoken to: the seam between the broker and the dialects. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from penjing.tools.failed import ToolError
from penjing.tools.home.device import State, Wanted

Heard = Mapping[str, bytes]
"""The last payload on each topic."""


class Dialect(Protocol):
    """One device."""

    def topics(self) -> Sequence[str]:
        """Where it tells what it is."""
        ...

    def messages(self, wanted: Wanted) -> Sequence[tuple[str, str]]:
        """What to publish, as (topic, payload). Raises ToolError for what it cannot do."""
        ...

    def state(self, heard: Heard) -> State:
        """What its topics say. Raises ToolError when it is off line."""
        ...


def unsupported(name: str, wanted: Wanted) -> ToolError:
    """It cannot do that."""
    return ToolError("not_supported", f"{name} has no {', '.join(sorted(wanted))}")


def document(payload: bytes | None) -> dict[str, Any]:
    """A payload that is a JSON object; anything else says nothing."""
    try:
        found = json.loads(payload) if payload and len(payload) < 65_536 else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def word(payload: bytes | None) -> str:
    """A payload that is a word."""
    return payload[:200].decode("utf-8", "replace").strip() if payload else ""


def number(value: Any) -> float | None:
    """A number, also when it is written as a text."""
    try:
        found = float(value) if not isinstance(value, bool) and value is not None else None
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found is not None and abs(found) < 1e12 else None


def known(**state: Any) -> dict[str, Any]:
    """What is not None."""
    return {name: value for name, value in state.items() if value is not None}


def on_off(value: Any) -> bool | None:
    """What a device means by a word."""
    words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
    return words.get(str(value).strip().lower())


def share(value: Any, scale: float) -> int | None:
    """A number out of `scale` as a percentage."""
    found = number(value)
    return None if found is None else max(0, min(100, round(found * 100 / scale)))


def scaled(percent: float, scale: float) -> int:
    """A percentage of `scale`; what is not zero stays above it."""
    return max(round(percent * scale / 100), 1 if percent > 0 else 0)


def mired(kelvin: float) -> int:
    """A colour temperature as lamps count it."""
    return round(1_000_000 / kelvin)


def kelvin(value: Any) -> int | None:
    """And back."""
    found = number(value)
    return round(1_000_000 / found) if found else None
