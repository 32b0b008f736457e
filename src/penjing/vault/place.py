"""Where the files of a vault lie. Knows names, not what is in them.

    keys/SUBJECT.slot, SUBJECT.spare      what opens a key, twice (never in a backup)
    keys/gone                             who was wiped
    data/SUBJECT.GENERATION.db            a SQLCipher database under the key of that generation
    data/audit.head                       how long the audit log is
    locks/SUBJECT.use, SUBJECT.turn       empty; held by running processes

A subject is "accounts" or the random id of a person.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from penjing.core.errors import BadInput

ACCOUNTS = "accounts"
"""The subject that holds people, roles, permissions and the audit log."""

HEAD = "audit.head"
"""The file that says where the audit log ended."""

_SUBJECT = re.compile(r"accounts|[0-9a-f]{32}")
_DATABASE = re.compile(r"(accounts|[0-9a-f]{32})\.([0-9]{1,9})\.db")


@dataclass(frozen=True)
class Place:
    """One vault's folder; nothing is created until something is written."""

    root: Path
    """The folder itself."""

    @property
    def keys(self) -> Path:
        """What opens the keys. Whoever wants backups to die with a key keeps this out of them."""
        return self.root / "keys"

    @property
    def data(self) -> Path:
        """Everything that is encrypted."""
        return self.root / "data"

    @property
    def locks(self) -> Path:
        """Who is using what, while they run."""
        return self.root / "locks"

    @property
    def gone(self) -> Path:
        """The ids of those who were wiped: one a line."""
        return self.keys / "gone"

    @property
    def head(self) -> Path:
        """Where the audit log ended when it was last written to."""
        return self.data / HEAD

    def slots(self, subject: str) -> tuple[Path, Path]:
        """Both copies of a subject's key slots; the first counts while it is whole."""
        name = require_subject(subject)
        return self.keys / f"{name}.slot", self.keys / f"{name}.spare"

    def database(self, subject: str, generation: int) -> Path:
        """The database of a subject under its key of that generation."""
        return self.data / f"{require_subject(subject)}.{generation}.db"

    def generations(self, subject: str) -> list[int]:
        """For which generations there is a database, oldest first."""
        found = (database_name(path.name) for path in self._files(self.data))
        return sorted(name[1] for name in found if name and name[0] == subject)

    def subjects(self) -> list[str]:
        """Everybody who has key slots or a database."""
        slots = {path.stem for path in self._files(self.keys) if path.suffix in (".slot", ".spare")}
        names = (database_name(path.name) for path in self._files(self.data))
        return sorted({name[0] for name in names if name} | {s for s in slots if is_subject(s)})

    def exists(self) -> bool:
        """Whether there is a vault here that can be opened."""
        return any(os.path.lexists(path) for path in self.slots(ACCOUNTS))

    def everything(self) -> list[Path]:
        """The folders that are there, and what lies in them."""
        folders = [one for one in (self.root, self.keys, self.data, self.locks) if one.is_dir()]
        return [*folders, *(path for folder in folders[1:] for path in self._files(folder))]

    def _files(self, folder: Path) -> list[Path]:
        return sorted(folder.iterdir()) if folder.is_dir() else []


def database_name(name: str) -> tuple[str, int] | None:
    """Subject and generation of a database's file name; None for any other."""
    match = _DATABASE.fullmatch(name)
    return (match[1], int(match[2])) if match else None


def is_subject(text: str) -> bool:
    """Whether a text can be a subject; a path never can."""
    return _SUBJECT.fullmatch(text) is not None


def require_subject(text: str) -> str:
    """`text` itself when it is a subject. Raises BadInput."""
    if not is_subject(text):
        raise BadInput(f"'{text[:64]}' is no id of this vault: list them with penjing vault user")
    return text
