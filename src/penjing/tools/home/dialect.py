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


def colour(said: Mapping[str, Any]) -> str | None:
    """The colour that a lamp shows, #rrggbb; None where it shows a white, or does not say."""
    mixed = said.get("color")
    white = said.get("color_mode", "color_temp" if "color_temp" in said else "") in _WHITE
    if white or not isinstance(mixed, Mapping):
        return None
    found = {one: number(mixed.get(one)) for one in ("r", "g", "b", "x", "y")}
    red, green, blue, x, y = found.values()
    if red is not None and green is not None and blue is not None:
        return _hex(red / 255, green / 255, blue / 255)
    return _from_xy(x, y) if x is not None and y is not None and y > 0 else None


def white(said: Mapping[str, Any]) -> int | None:
    """The colour temperature of a lamp that shows a white."""
    return None if colour(said) else kelvin(said.get("color_temp"))


_WHITE = ("color_temp", "white")


def _from_xy(x: float, y: float) -> str:
    """CIE 1931 chromaticity as sRGB (IEC 61966-2-1), as bright as it can be."""
    wide = (x / y, 1.0, (1 - x - y) / y)
    rows = (
        (3.2406, -1.5372, -0.4986),
        (-0.9689, 1.8758, 0.0415),
        (0.0557, -0.2040, 1.0570),
    )
    linear = [max(0.0, sum(a * b for a, b in zip(row, wide, strict=True))) for row in rows]
    most = max(*linear, 1e-9)
    return _hex(*(_gamma(one / most) for one in linear))


def _gamma(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def _hex(*channels: float) -> str:
    return "#" + "".join(f"{max(0, min(255, round(255 * one))):02x}" for one in channels)


def mired(kelvin: float) -> int:
    """A colour temperature as lamps count it."""
    return round(1_000_000 / kelvin)


def kelvin(value: Any) -> int | None:
    """And back."""
    found = number(value)
    return round(1_000_000 / found) if found else None
