"""Everything kept about one person as one zip: a JSON file, and the documents as they were.

An archive is readable by anyone who gets it: it is written for its person, with private mode.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from penjing.core.errors import BadInput, IntegrityError
from penjing.core.files import writing
from penjing.core.history import Document, Session, Turn
from penjing.core.messages import Note
from penjing.vault.accounts import Accounts
from penjing.vault.agenda import VaultAgenda
from penjing.vault.person import PersonStore

ABOUT = "about-me.json"
_LONGEST = 80


def write_archive(store: PersonStore, accounts: Accounts, path: Path) -> dict[str, int]:
    """Write the archive; how many of what are in it."""
    if path.exists():
        raise BadInput(f"{path} exists already: choose a new file")
    with writing(path, private=True) as file:
        return fill_archive(store, accounts, file)


def fill_archive(store: PersonStore, accounts: Accounts, file: IO[bytes]) -> dict[str, int]:
    """Write the archive into a file, which need not be seekable; how many of what are in it."""
    document = about(store, accounts)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in document["documents"]:
            try:
                archive.writestr(item["file"], store.documents.read(item["id"]))
            except IntegrityError as error:  # the rest is theirs all the same
                item["file"], item["damaged"] = None, str(error)
        archive.writestr(ABOUT, json.dumps(document, ensure_ascii=False, indent=1))
    return {
        "sessions": len(document["sessions"]),
        "turns": sum(len(session["turns"]) for session in document["sessions"]),
        "documents": len(document["documents"]),
    }


def about(store: PersonStore, accounts: Accounts) -> dict[str, Any]:
    """All of it but the bytes of documents, as plain data."""
    actor = accounts.actor(store.person.id)
    permissions = [
        {"kind": kind, "name": name, "allowed": allowed}
        for (kind, name), allowed in actor.permissions.items()
    ]
    return {
        "person": {**vars(store.person), "role": actor.role, "name": actor.name},
        "permissions": permissions,
        "settings": store.settings.all(),
        "due": [asdict(one) for one in VaultAgenda(accounts.database).of(store.person.id)],
        "sessions": [_session(store, session) for session in store.history.sessions()],
        "documents": [
            _document(store, number, one) for number, one in enumerate(store.documents.all(), 1)
        ],
        "snapshots": store.snapshots.names(),
        "audit": _audit(store, accounts),
    }


def _session(store: PersonStore, session: Session) -> dict[str, Any]:
    turns = [_turn(turn) for turn in store.history.turns(session.id)]
    return {**vars(session), "turns": turns}


def _turn(turn: Turn) -> dict[str, Any]:
    said = turn.message
    notes = [vars(part) for part in said.parts if isinstance(part, Note)]
    shown = {"number": turn.number, "at": turn.at, "role": said.role, "text": said.text}
    return {**shown, "notes": notes} if notes else shown


def _document(store: PersonStore, number: int, document: Document) -> dict[str, Any]:
    excerpts = [
        {
            "text": one.text,
            "location": one.location,
            "vector": base64.b64encode(one.vector).decode("ascii"),
        }
        for one in store.documents.excerpts(document.id)
    ]
    name = f"documents/{number:04}-{_file_name(document.name)}"
    return {**vars(document), "file": name, "excerpts": excerpts}


def _file_name(name: str) -> str:
    """A name that stays where it is unpacked, whatever a document was called."""
    last = re.split(r"[/\\]", name)[-1]
    clean = "".join(char if char.isalnum() or char in " ._-" else "_" for char in last)
    return clean.strip(" .")[-_LONGEST:] or "document"


def _audit(store: PersonStore, accounts: Accounts) -> list[dict[str, Any]]:
    mine = hashlib.sha256(store.person.id.encode()).hexdigest()[:32]
    entries = accounts.audit.entries()
    return [vars(one) for one in entries if one.who == store.person.id or one.object == mine]
