"""Key slots: small files that hold a subject's key, sealed once for each way to open it.

Each is written twice, with a checksum, so that one flipped bit locks nobody out. Slots are the only
thing that opens a database, and no backup holds them: without them a backup is noise.

The keys of earlier generations stay in the slots, sealed under the present key: a backup taken
before a rotation can be restored as long as the slots are there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penjing.core.errors import FormatError, IntegrityError, PenjingError, StorageError
from penjing.vault import disk
from penjing.vault.envelope import Key, derive, seal, unseal
from penjing.vault.place import Place
from penjing.vault.secrets import (
    Passphrase,
    Secret,
    Token,
    forget,
    new_lock,
    take_as_long,
    wrapping_key,
    wrong,
)

_FORMAT = 1
_SHORTEST_SALT = 8


@dataclass(frozen=True)
class Way:
    """One way to open the key."""

    about: Mapping[str, Any]
    """Kind, and what the kind needs: salt and cost, or the keyring's entry."""
    sealed: bytes
    """The key, sealed for this subject, generation and `about` alone."""


@dataclass(frozen=True)
class Slots:
    """All ways to open one subject's key."""

    subject: str
    """Whose."""
    generation: int
    """1 for the first key, one more after each rotation."""
    ways: tuple[Way, ...]
    """Any of them opens the key."""
    retired: Mapping[int, bytes]
    """Earlier keys by generation, sealed under the present one."""


def new_slots(
    subject: str,
    generation: int,
    key: Key,
    secrets: Sequence[Secret],
    retired: Mapping[int, Key] | None = None,
) -> Slots:
    """Slots that these secrets open."""
    ways = tuple(_new_way(subject, generation, key, secret) for secret in secrets)
    inner = Key(derive(key, "retired"))
    sealed = {
        old: seal(inner, earlier.raw(), _label(subject, old, {"kind": "retired"}))
        for old, earlier in (retired or {}).items()
    }
    return Slots(subject, generation, ways, sealed)


def open_slots(slots: Slots, secret: Secret) -> Key:
    """The key. Raises WrongPassphrase, and takes as long where nothing opens with a passphrase."""
    if isinstance(secret, Passphrase) and "passphrase" not in _kinds(slots):
        take_as_long(secret)
    for way in slots.ways:
        wrapping = wrapping_key(secret, way.about)
        if wrapping is None:
            continue
        label = _label(slots.subject, slots.generation, way.about)
        plain = unseal(wrapping, way.sealed, label)
        wrapping.wipe()
        if plain is not None:
            return Key(plain)
    raise wrong()


def with_token(slots: Slots, key: Key, token: Token) -> Slots:
    """The same, and a token opens it too."""
    way = _new_way(slots.subject, slots.generation, key, token)
    return replace(slots, ways=(*slots.ways, way))


def without_token(slots: Slots, token: str) -> Slots:
    """The same, and the token of that id opens nothing."""
    kept = tuple(way for way in slots.ways if token_of(way) != token)
    return replace(slots, ways=kept)


def token_of(way: Way) -> str | None:
    """The id of the token that opens it; None for another way."""
    return str(way.about["id"]) if way.about["kind"] == "token" else None


def seal_of(slots: Slots, token: str | None = None) -> str | None:
    """The same text for as long as a token opens the key as it does now; None where it does not.

    Without a token: of all that people have, a passphrase or the system's keyring.
    """
    ways = [way.sealed for way in slots.ways if token_of(way) == token]
    if not ways:
        return None
    return hashlib.sha256(b" ".join([str(slots.generation).encode(), *ways])).hexdigest()


def scopes_of(way: Way) -> tuple[str, ...] | None:
    """What its token may be used for; None for one from before there were scopes.

    Believe it only of a way that was opened with it: a slot is a file, and files can be changed.
    """
    said = way.about.get("scopes")
    if said is None:
        return None
    return tuple(map(str, said)) if isinstance(said, list) else ()


def earlier_keys(slots: Slots, key: Key) -> dict[int, Key]:
    """The keys of earlier generations."""
    inner = Key(derive(key, "retired"))
    found = {}
    for old, sealed in slots.retired.items():
        plain = unseal(inner, sealed, _label(slots.subject, old, {"kind": "retired"}))
        if plain is None:
            raise IntegrityError("an earlier key does not open: restore the key slots from a copy")
        found[old] = Key(plain)
    return found


def load(place: Place, subject: str) -> Slots:
    """The slots of a subject, of the newest generation that a copy has. Raises IntegrityError.

    Of two of the same generation the first counts: it was written first. An older first copy is
    nothing that we leave, and believing it would lose the key.
    """
    complaints, whole = [], []
    for path in place.slots(subject):
        try:
            whole.append(_read(path, subject))
        except (FormatError, StorageError) as error:
            complaints.append(error)
    if whole:
        return max(whole, key=lambda one: one.generation)
    if not any(disk.is_there(path) for path in place.slots(subject)):
        raise wrong()
    advice = "restore it from a copy of the keys folder, or use the recovery code"
    raise IntegrityError(f"both copies of a key slot are damaged: {advice}") from complaints[0]


def kinds(place: Place, subject: str) -> set[str]:
    """In which ways a subject's key can be opened; empty where there are no slots."""
    if not any(disk.is_there(path) for path in place.slots(subject)):
        return set()
    return _kinds(load(place, subject))


def save(place: Place, slots: Slots) -> None:
    """Write both copies; the first is the moment that counts. Old ones are overwritten."""
    for path in place.slots(slots.subject):
        _replace(path, _document(slots))


def damaged(place: Place, subject: str) -> list[Path]:
    """Copies that are missing, damaged, or not what the copy says that counts."""
    return unlike(place, load(place, subject))


def unlike(place: Place, right: Slots) -> list[Path]:
    """The same of slots that were loaded already."""
    return [path for path in place.slots(right.subject) if not _same(path, right)]


def mend(place: Place, subject: str) -> list[Path]:
    """Write again what `damaged` finds."""
    right, found = load(place, subject), damaged(place, subject)
    for path in found:
        _replace(path, _document(right))
    return found


def destroy(place: Place, subject: str) -> None:
    """Overwrite and remove every copy, then the keyring's entries. There is no way back."""
    ways: list[Way] = []
    refused: list[StorageError] = []
    for path in place.slots(subject):
        with suppress(FormatError, StorageError):
            ways += _read(path, subject).ways
        for copy in (path, *disk.leftovers(path)):
            try:
                disk.destroy(copy)
            except StorageError as error:  # the others go all the same
                refused.append(error)
    for way in ways:
        with suppress(PenjingError):  # without a slot it opens nothing
            forget(way.about)
    if refused:
        raise refused[0]


def _kinds(slots: Slots) -> set[str]:
    return {way.about["kind"] for way in slots.ways}


def _new_way(subject: str, generation: int, key: Key, secret: Secret) -> Way:
    about, wrapping = new_lock(secret)
    sealed = seal(wrapping, key.raw(), _label(subject, generation, about))
    wrapping.wipe()
    return Way(about, sealed)


def _label(subject: str, generation: int, about: Mapping[str, Any]) -> bytes:
    return _canonical({"subject": subject, "generation": generation, "about": dict(about)})


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii")


def _document(slots: Slots) -> bytes:
    body: dict[str, Any] = {
        "penjing_slots": _FORMAT,
        "subject": slots.subject,
        "generation": slots.generation,
        "ways": [{"about": dict(way.about), "sealed": way.sealed.hex()} for way in slots.ways],
        "retired": {str(old): sealed.hex() for old, sealed in slots.retired.items()},
    }
    return _canonical({**body, "check": hashlib.sha256(_canonical(body)).hexdigest()})


def _read(path: Path, subject: str) -> Slots:
    data = disk.read(path)
    try:
        body = json.loads(data)
        check = body.pop("check")
        if _canonical({**body, "check": check}) != data:
            raise ValueError("not written by penjing")
        if check != hashlib.sha256(_canonical(body)).hexdigest() or body["subject"] != subject:
            raise ValueError("wrong checksum")
        if body["penjing_slots"] != _FORMAT:
            raise FormatError(f"{path.name} is of a newer penjing: install a newer penjing")
        ways = tuple(_way(way["about"], way["sealed"]) for way in body["ways"])
        retired = {int(old): bytes.fromhex(sealed) for old, sealed in body["retired"].items()}
        return Slots(subject, int(body["generation"]), ways, retired)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path.name} is damaged: run penjing vault restore") from error


def _way(about: Any, sealed: str) -> Way:
    """A checksum anybody can compute: what later lines rely on is looked at here."""
    fields = {"passphrase": ("salt",), "token": ("id",), "keyring": ("entry",)}[about["kind"]]
    if not all(isinstance(about[name], str) for name in fields):
        raise TypeError("a field of a way is no text")
    if about["kind"] == "passphrase" and len(bytes.fromhex(about["salt"])) < _SHORTEST_SALT:
        raise ValueError("a salt is too short")
    return Way(about, bytes.fromhex(sealed))


def _same(path: Path, right: Slots) -> bool:
    try:
        return _read(path, right.subject) == right
    except (FormatError, StorageError):
        return False


def _replace(path: Path, data: bytes) -> None:
    """A new file under the name; then the old file's bytes are overwritten where they lay."""
    old = disk.to_overwrite(path)
    try:
        disk.write_durably(path, data)
        if old >= 0:
            disk.overwrite(old)
    finally:
        if old >= 0:
            os.close(old)
