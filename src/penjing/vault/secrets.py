"""What a person proves themselves with: a passphrase, the system's keyring, a program's token."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from penjing.core.errors import IntegrityError, StorageError, WrongPassphrase
from penjing.core.extras import needed
from penjing.vault.envelope import (
    KEY_BYTES,
    USUAL,
    Cost,
    Key,
    passphrase_bytes,
    require_passphrase,
    stretch,
)

SERVICE = "penjing vault"
"""What our entries are called in the system's keyring."""
_SALT = 16


@dataclass(frozen=True)
class Passphrase:
    """Words a person knows."""

    text: str = field(repr=False)
    """The words."""
    cost: Cost = USUAL
    """What a guess shall cost, for a slot made with it."""


@dataclass(frozen=True)
class Keyring:
    """An entry of the system's keyring, opened with the session of its account."""


@dataclass(frozen=True)
class Token:
    """Random bytes that a program has in a person's stead. As long as a key, so used as one."""

    id: str
    """Which of the person's tokens; no secret."""
    secret: bytes = field(repr=False)
    """32 bytes."""
    scopes: tuple[str, ...] | None = None
    """What it may be used for, in the words of whoever made it; None for one from before there were
    any. A slot opens only with the very scopes that it was sealed with."""


Secret = Passphrase | Keyring | Token


def new_lock(secret: Secret) -> tuple[Mapping[str, Any], Key]:
    """How a new slot is to be opened, as plain data, and its wrapping key."""
    if isinstance(secret, Passphrase):
        require_passphrase(secret.text)
        salt = os.urandom(_SALT)
        about = {"kind": "passphrase", "cost": vars(secret.cost), "salt": salt.hex()}
        return about, stretch(passphrase_bytes(secret.text), salt, secret.cost)
    if isinstance(secret, Token):
        scopes = {} if secret.scopes is None else {"scopes": [*secret.scopes]}
        return {"kind": "token", "id": secret.id, **scopes}, Key(secret.secret)
    entry, key = os.urandom(_SALT).hex(), Key.random()
    _set_entry(entry, key)
    return {"kind": "keyring", "entry": entry}, key


def wrapping_key(secret: Secret, about: Mapping[str, Any]) -> Key | None:
    """The wrapping key of a slot; None when the slot is opened in another way."""
    if isinstance(secret, Passphrase) and about["kind"] == "passphrase":
        return stretch(passphrase_bytes(secret.text), *_salt_and_cost(about))
    if isinstance(secret, Token) and about["kind"] == "token":
        claimed = None if secret.scopes is None else [*secret.scopes]
        fits = (about["id"], about.get("scopes")) == (secret.id, claimed)
        return Key(secret.secret) if fits else None
    if isinstance(secret, Keyring) and about["kind"] == "keyring":
        return _entry(about["entry"])
    return None


def take_as_long(secret: Passphrase) -> None:
    """The work of a slot that a passphrase opens, where there is none."""
    stretch(passphrase_bytes(secret.text), os.urandom(_SALT), secret.cost).wipe()


def forget(about: Mapping[str, Any]) -> None:
    """Delete a slot's entry in the system's keyring, if it has one."""
    if about["kind"] != "keyring":
        return
    keyring, errors = _keyring()
    try:
        keyring.delete_password(SERVICE, about["entry"])
    except errors.PasswordDeleteError:
        pass  # it is gone already
    except errors.KeyringError as error:
        raise _refused() from error


def wrong() -> WrongPassphrase:
    """The one answer to a wrong name, a wrong passphrase and a slot of another kind."""
    return WrongPassphrase("name or passphrase is wrong: type them again")


def _salt_and_cost(about: Mapping[str, Any]) -> tuple[bytes, Cost]:
    try:
        return bytes.fromhex(about["salt"]), Cost(**about["cost"])
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError("a key slot is not of our making: restore it from a copy") from error


def _set_entry(entry: str, key: Key) -> None:
    keyring, errors = _keyring()
    try:
        keyring.set_password(SERVICE, entry, base64.b64encode(key.raw()).decode())
    except errors.KeyringError as error:
        raise _refused() from error


def _entry(entry: str) -> Key:
    keyring, errors = _keyring()
    try:
        text = keyring.get_password(SERVICE, entry)
    except errors.KeyringError as error:
        raise _refused() from error
    if text is None:
        advice = "log in as who made the vault, or use the passphrase"
        raise StorageError(f"the system's keyring has no key for this vault: {advice}")
    try:
        secret = base64.b64decode(text, validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise wrong()
    return Key(secret)


def _refused() -> StorageError:
    return StorageError("the system's keyring is locked or absent: unlock it, or use a passphrase")


def _keyring() -> tuple[ModuleType, ModuleType]:
    with needed("the system's keyring", "vault"):
        import keyring
        from keyring import errors
    return keyring, errors
