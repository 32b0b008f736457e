"""A spec's `tools:` section into typed, frozen settings: unknown keys and wrong values refused.

Reads the fields of a dataclass: texts, numbers, booleans, lists, mappings, other dataclasses.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from penjing.core.errors import BadInput, UnknownName

_MAX_ITEMS = 2_000
_MAX_TEXT = 4_000

T = TypeVar("T")


def parse(kind: type[T], given: Any, where: str, folder: Path) -> T:
    """Settings of one dataclass from plain data; a relative path starts in `folder`."""
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise BadInput(f"{where} must be a mapping of settings")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in given:
        if key not in fields:
            raise UnknownName(f"setting of {where}", str(key)[:64], fields)
    hints = get_type_hints(kind)
    values = {
        name: _value(hints[name], given[name], f"{where}.{name}", folder)
        for name in fields
        if name in given
    }
    for name, field in fields.items():
        required = field.default is field.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise BadInput(f"{where} needs '{name}'")
    return kind(**values)


def _value(hint: Any, given: Any, where: str, folder: Path) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        return _optional(inner, given, where, folder)
    if origin is Literal:
        if given not in inner or isinstance(given, bool) != isinstance(inner[0], bool):
            raise BadInput(f"{where} must be one of {', '.join(map(str, inner))}")
        return given
    if origin is tuple:
        return _list(inner[0], given, where, folder)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(inner[1], given, where, folder)
    if dataclasses.is_dataclass(hint):
        return parse(hint, given, where, folder)  # type: ignore[arg-type]
    return _plain(hint, given, where, folder)


def _optional(inner: tuple[Any, ...], given: Any, where: str, folder: Path) -> Any:
    if given is None:
        return None
    kinds = [kind for kind in inner if kind is not type(None)]
    return _value(kinds[0], given, where, folder)


def _list(kind: Any, given: Any, where: str, folder: Path) -> tuple[Any, ...]:
    if not isinstance(given, list | tuple):
        raise BadInput(f"{where} must be a list")
    if len(given) > _MAX_ITEMS:
        raise BadInput(f"{where} has more than {_MAX_ITEMS} items: shorten it")
    return tuple(
        _value(kind, item, f"{where}[{index}]", folder) for index, item in enumerate(given)
    )


def _mapping(kind: Any, given: Any, where: str, folder: Path) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise BadInput(f"{where} must be a mapping of names")
    if len(given) > _MAX_ITEMS:
        raise BadInput(f"{where} has more than {_MAX_ITEMS} items: shorten it")
    return {key: _value(kind, item, f"{where}.{key}", folder) for key, item in given.items()}


def _plain(kind: Any, given: Any, where: str, folder: Path) -> Any:
    if kind is Any:
        return given
    if kind is bool:
        wrong = None if isinstance(given, bool) else "true or false"
    elif kind is int:
        wrong = None if isinstance(given, int) and not isinstance(given, bool) else "a whole number"
    elif kind is float:
        fine = isinstance(given, int | float) and not isinstance(given, bool)
        wrong = None if fine and math.isfinite(given) else "a number"
    else:
        fine = isinstance(given, str) and given.strip() != "" and len(given) <= _MAX_TEXT
        wrong = None if fine and given.isprintable() else "a text on one line"
    if wrong:
        raise BadInput(f"{where} must be {wrong}")
    if kind is Path:
        return folder / given
    return float(given) if kind is float else given
