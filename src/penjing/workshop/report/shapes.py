"""What a passport says of parts that were left out, and of the shapes that were tried.

Optional, like all of a passport; a part of the wrong kind is a FormatError. Plain text only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penjing.core.errors import FormatError
from penjing.core.units import format_count, format_size
from penjing.workshop.pages.texts import significant
from penjing.workshop.report.reading import number, text


@dataclass(frozen=True)
class TriedShape:
    """One shape that was tried, rounded by importance and not trained."""

    name: str
    """What of it stays."""
    kld: float
    """Mean KLD on calibration text, nats."""
    decode: float
    """How many times as fast as the starting model it writes."""
    prefill: float
    """How many times as fast it reads."""
    bytes: float
    """Of its file."""
    parameters: float
    """Weights in it."""
    fits: bool
    """Whether it is as fast as was asked for."""
    front: bool
    """Whether nothing that was tried is better in both."""


def told(passport: Mapping[str, Any]) -> list[str]:
    """Sentences on what was left out and why, and on what stood against it."""
    part = _part(passport, "shape")
    shipped, why = text(part, "shipped"), text(part, "why")
    if not shipped:
        return []
    shape = _part(part, "shape")
    if shape:
        before, after = number(part, "parameters_before"), number(part, "parameters")
        counts = f"{format_count(int(before or 0))} to {format_count(int(after or 0))} parameters"
        first = f"Before rounding, parts were left out ({stays(shape)}): {counts}; {why}."
    else:
        first = f"No parts were left out ({shipped}): {why}."
    out = [first, *([healed] if (healed := _healing(_part(part, "healing"))) else [])]
    rivals = [_rival(item) for item in _items(part, "rivals")]
    if len(rivals) > 1:
        out.append(f"Compared on calibration text kept apart: {'; '.join(rivals)}.")
    return out


def tried(details: Mapping[str, Any]) -> list[TriedShape]:
    """Every shape whose file was measured."""
    found = []
    for item in _items(_part(details, "shapes"), "trials"):
        values = [number(item, key) for key in ("kld", "decode", "prefill", "bytes", "parameters")]
        kld, decode, prefill, size, count = values
        if None in (kld, decode, prefill, size) or not kld or not decode:
            continue
        found.append(
            TriedShape(stays(_part(item, "shape")), kld, decode, prefill or 0.0, size or 0.0,
                  count or 0.0, item.get("fits") is True, item.get("front") is True)
        )  # fmt: skip
    return found


def stays(shape: Mapping[str, Any]) -> str:
    """ "75% of the channels, unevenly; 4 halves of layers left out"."""
    names = {"ffn": "channels", "heads": "key-value heads", "hidden": "residual channels"}
    parts = [
        f"{share:.0%} of the {name}"
        for key, name in names.items()
        if (share := number(shape, key)) is not None and share < 1
    ]
    if parts and shape.get("uneven") is True:
        parts[0] += ", more where they matter"
    for key, name in (("layers", "layers"), ("sublayers", "halves of layers")):
        if count := number(shape, key):
            parts.append(f"{count:.0f} {name} gone")
    if text(shape, "score") == "random":
        parts.append("chosen by chance")
    return ", ".join(parts) or "all of it"


def _healing(item: Mapping[str, Any]) -> str:
    steps, before, after = (number(item, key) for key in ("steps", "before", "after"))
    if not steps or before is None or after is None:
        return ""
    return (
        f"Healed in {steps:,.0f} steps before it was rounded: KLD {significant(before)} to "
        f"{significant(after)} on text kept apart."
    )


def _rival(item: Mapping[str, Any]) -> str:
    kld, size = number(item, "kld"), number(item, "bytes")
    decode, prefill = number(item, "decode"), number(item, "prefill")
    words = f"{text(item, 'name')} {format_size(int(size or 0))}"
    if kld is not None:
        words += f", KLD {significant(kld)}"
    if decode is not None and prefill is not None:
        words += f", writes {decode:.2f} and reads {prefill:.2f} times as fast"
    return words


def _part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise FormatError(f"'{key}' in the passport must be an object: make it again")
    return value


def _items(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = data.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise FormatError(f"'{key}' in the passport must be a list of objects: make it again")
    return value
