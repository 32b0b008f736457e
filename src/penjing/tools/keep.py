"""Where tools keep what must survive a restart: a person's settings, as one JSON text a tool.

The vault's settings satisfy it; a file or a dictionary does where there is no vault. A text that
is not what was written (another program, an older version) is refused, never guessed at.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.core.errors import BadInput, FormatError, NotFound, StorageError
from penjing.core.files import write_text
from penjing.core.plain_json import read_json
from penjing.core.strangers import open_plain
from penjing.tools.failed import ToolError

if TYPE_CHECKING:
    from penjing.core.protocols import Settings

Kept = Callable[[str], "Settings"]
"""A person's settings, by their id."""

_LONGEST = 256 * 1024
_MOST_BYTES = 16 * 2**20


def load(kept: Kept, person: str, name: str) -> list[dict[str, Any]]:
    """What a tool kept for a person: a list of plain mappings, empty at first. Raises ToolError."""
    try:
        text = kept(person).get(f"tools.{name}")
    except NotFound as error:
        raise ToolError("not_kept", f"nothing of {name} is kept for you: log in first") from error
    except StorageError as error:
        raise ToolError("not_kept", str(error)) from error
    if text is None:
        return []
    try:
        document = json.loads(text) if len(text) <= _LONGEST else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, list) or not all(isinstance(one, dict) for one in document):
        advice = f"remove the setting tools.{name}"
        raise ToolError("not_kept", f"what was kept of {name} cannot be read: {advice}")
    return document


def save(kept: Kept, person: str, name: str, entries: list[dict[str, Any]]) -> None:
    """Keep it instead of what was kept before. Raises ToolError."""
    text = json.dumps(entries, ensure_ascii=False)
    if len(text) > _LONGEST:
        raise ToolError("full", f"there is no room for more of {name}: remove some")
    try:
        kept(person).put(f"tools.{name}", text)
    except NotFound as error:
        raise ToolError("not_kept", f"nothing of {name} is kept for you: log in first") from error
    except StorageError as error:
        raise ToolError("not_kept", f"it was not kept: {error}") from error


class MemorySettings:
    """Settings in a dictionary: gone with the process. Satisfies `core.protocols.Settings`."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def put(self, name: str, value: str) -> None:
        """Keep or replace a setting."""
        self._values[name] = value

    def drop(self, name: str) -> None:
        """Forget a setting; no harm when there is none."""
        self._values.pop(name, None)

    def get(self, name: str) -> str | None:
        """A setting, or None where there is none."""
        return self._values.get(name)

    def all(self) -> dict[str, str]:
        """All of them by name."""
        return dict(self._values)


class FileSettings:
    """Settings in one plain file, for one person who has no vault: readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def put(self, name: str, value: str) -> None:
        """Keep or replace a setting."""
        with self._lock:
            self._write({**self._read(), name: value})

    def drop(self, name: str) -> None:
        """Forget a setting; no harm when there is none."""
        with self._lock:
            values = self._read()
            if values.pop(name, None) is not None:
                self._write(values)

    def get(self, name: str) -> str | None:
        """A setting, or None where there is none."""
        return self._read().get(name)

    def all(self) -> dict[str, str]:
        """All of them by name."""
        return self._read()

    def _read(self) -> dict[str, str]:
        try:
            if not self._path.exists():
                return {}
            values = read_json(self._path, limit=_MOST_BYTES)
        except (OSError, BadInput, FormatError) as error:
            raise StorageError(f"cannot read {self._path}: move it away to start anew") from error
        if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
            raise StorageError(f"{self._path} holds no settings: move it away to start anew")
        return values

    def _write(self, values: dict[str, str]) -> None:
        write_text(self._path, json.dumps(values, ensure_ascii=False, indent=1), private=True)


def in_memory() -> Kept:
    """Everybody's settings in this process."""
    people: dict[str, Settings] = {}
    return lambda person: people.setdefault(person, MemorySettings())


def in_file(path: Path) -> Kept:
    """One file for the one person there is."""
    own = FileSettings(path)
    return lambda _person: own


def read_secret(path: Path) -> str:
    """A password or token from a file that only its owner may read."""
    try:
        with open_plain(path) as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_MOST_BYTES).decode("utf-8").strip()
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read the secret in {path}: put it there on one line") from error
    if mode & 0o007:
        raise BadInput(f"everybody may read the secret in {path}: chmod 600 {path}")
    if not text or not text.isprintable() or len(text) > 4096:
        raise BadInput(f"{path} holds no secret: put it there on one line")
    return text
