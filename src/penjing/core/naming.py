"""What a document is called beside others of its name: "notes.md", "notes (2).md". Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from penjing.core.history import Document


def free_name(name: str, sha256: str, documents: Sequence[Document]) -> str:
    """A name that no other document has, or the name of the one with these very bytes."""
    taken = {one.name: one.sha256 for one in documents}
    number, free = 1, name
    while taken.get(free, sha256) != sha256:
        number += 1
        free = _numbered(name, number)
    return free


def _numbered(name: str, number: int) -> str:
    ending = PurePosixPath(name).suffix
    return f"{name.removesuffix(ending)} ({number}){ending}"
