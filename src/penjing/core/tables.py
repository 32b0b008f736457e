"""Tables of plain data, as of a TOML file, emptied key by key: what is left at the end was unknown.

Each complaint is a BadInput of one line that says where in the file, and for an unknown key which
one is near. What a value may be, and what a table means, is for who reads it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput, near
from penjing.core.strangers import read_plain

_MOST_BYTES = 4 * 2**20

Kinds = Mapping[Any, tuple[Callable[[Any], bool], str]]
"""Type to whether a value is of it, and what it then is called in a complaint."""


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """What a TOML file says; BadInput where it is no `what` ("a catalogue")."""
    try:
        return tomllib.loads(read_plain(path, limit=_MOST_BYTES).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        reason = error if isinstance(error, ValueError) else "it is nested too deeply"
        raise BadInput(f"{path} is not {what}: {reason}") from error


class Table:
    """One table; take what is known, then `finish`."""

    def __init__(self, data: Any, where: str, kinds: Kinds) -> None:
        if not isinstance(data, dict):
            raise BadInput(f"{where} must be a table")
        named = next((data[key] for key in ("name", "kind") if isinstance(data.get(key), str)), "")
        self.where = f"{where} ({named})" if named else where
        self._left = dict(data)
        self._known: set[str] = set()
        self._kinds = kinds

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def take(self, key: str, kind: Any, default: Any = MISSING) -> Any:
        """The value of a key, of a kind; lists come as tuples."""
        value = self._pop(key, default)
        if value is MISSING:
            raise BadInput(f"{self.where}: '{key}' is missing")
        if value is default:
            return value
        fits, words = self._kinds[kind]
        if not fits(value):
            raise BadInput(f"{self.where}: '{key}' must be {words}")
        return tuple(value) if isinstance(value, list) else value

    def table(self, key: str) -> Table:
        """The table of a key, which must be there."""
        value = self._pop(key, MISSING)
        if value is MISSING:
            raise BadInput(f"{self.where}: the table [{key}] is missing")
        return Table(value, f"{self.where}, {key}", self._kinds)

    def tables(self, key: str) -> list[Table]:
        """The list of tables of a key; none where it is not there."""
        items = self._pop(key, [])
        if not isinstance(items, list):
            raise BadInput(f"{self.where}: write [[{key}]]")
        return [
            Table(item, f"{self.where}, {key} {number}", self._kinds)
            for number, item in enumerate(items, 1)
        ]

    def finish(self) -> None:
        """Refuse what nobody took."""
        for key in self._left:
            raise BadInput(f"{self.where}: unknown '{key[:64]}': {near(key[:64], self._known)}")

    def _pop(self, key: str, default: Any) -> Any:
        self._known.add(key)
        return self._left.pop(key, default)
