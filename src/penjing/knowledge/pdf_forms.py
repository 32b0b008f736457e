"""What was filled into a PDF's form, and notes on a page. Knows pypdf's objects; bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_MOST = 2000
"""Of one page."""
_DEEPEST = 20
_LONGEST = 20_000
"""Characters of one value."""
_OFF = ("", "Off")


def filled(page: Any) -> Iterator[str]:
    """A line for each value and each note of a page, in their order."""
    annotations = _direct(page.get("/Annots"))
    if not isinstance(annotations, list):
        return
    seen: set[tuple[str, str]] = set()
    for reference in annotations[:_MOST]:
        one = _direct(reference)
        if not isinstance(one, dict):
            continue
        if one.get("/Subtype") == "/FreeText" and (said := _words(one.get("/Contents"))):
            yield said
        elif one.get("/Subtype") == "/Text" and (said := _words(one.get("/Contents"))):
            author = _words(one.get("/T"))
            yield f"[{author}: {said}]" if author else f"[{said}]"
        elif one.get("/Subtype") == "/Widget":
            name, value = _name(one), _value(one)
            if value and (name, value) not in seen:
                seen.add((name, value))
                yield f"{name}: {value}" if name else value


def _value(field: Any) -> str:
    """As a person reads it; of a box that is ticked, what it stands for."""
    kind, value = _inherited(field, "/FT"), _inherited(field, "/V")
    if kind == "/Btn":
        state = str(field.get("/AS") or value or "").removeprefix("/")
        return "" if state in _OFF else "✓" if state.lower() in ("yes", "on", "1") else f"✓ {state}"
    if isinstance(value, list):
        return ", ".join(filter(None, map(_words, value[:_MOST])))
    return _words(value)


def _name(field: Any) -> str:
    """What the form calls it to people, else to programs."""
    if told := _words(_inherited(field, "/TU")):
        return told
    parts: list[str] = []
    for one in _upwards(field):
        if part := _words(one.get("/T")):
            parts.insert(0, part)
    return ".".join(parts)


def _inherited(field: Any, key: str) -> Any:
    for one in _upwards(field):
        if key in one:
            return _direct(one.get(key))
    return None


def _upwards(field: Any) -> Iterator[Any]:
    for _ in range(_DEEPEST):
        if not isinstance(field, dict):
            return
        yield field
        field = _direct(field.get("/Parent"))


def _words(value: Any) -> str:
    value = _direct(value)
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return " ".join(value[:_LONGEST].split()) if isinstance(value, str) else ""


def _direct(value: Any) -> Any:
    return value.get_object() if hasattr(value, "get_object") else value
