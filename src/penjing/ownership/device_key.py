"""Device binding: where this device keeps its private key, the system's keyring or a file.

With a keyring (Secret Service, KWallet, macOS Keychain, Windows Credential Locker) a copy of the
disk or the home opens nothing: the key is under the login of this account. Without one it lies in a
file that only its owner may read, and whoever copies that file is this device. No TPM is used.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from penjing.core.errors import IntegrityError, StorageError
from penjing.core.extras import needed
from penjing.core.files import write_text
from penjing.core.plain_json import read_json
from penjing.core.strangers import is_there
from penjing.ownership.recipients import DeviceKey
from penjing.vault.envelope import KEY_BYTES

SERVICE = "penjing device"
"""What our entries are called in the system's keyring."""
_MOST = 10_000
Bound = Literal["keyring", "file"]
"""Where a private key lies."""


@dataclass(frozen=True)
class ThisDevice:
    """The key that this device has."""

    key: DeviceKey
    """Private."""
    bound: Bound
    """Where it is kept."""


def file_of(root: Path) -> Path:
    """Where a home says which key is its own."""
    return root / "device" / "key.json"


def this_device(root: Path) -> ThisDevice | None:
    """The key of this device; None where none was made. StorageError where it cannot be had."""
    path = file_of(root)
    if not is_there(path):
        return None
    found = read_json(path, limit=_MOST)
    shape = set(found) if isinstance(found, dict) else set()
    if shape == {"keyring"} and isinstance(found["keyring"], str):
        return ThisDevice(_of(path, _from_keyring(found["keyring"])), "keyring")
    if shape == {"private"} and isinstance(found["private"], str):
        return ThisDevice(_of(path, found["private"]), "file")
    raise _damaged(path)


def make_device(root: Path, *, in_file: bool = False) -> ThisDevice:
    """A new key for this device, in the keyring where there is one and `in_file` does not forbid.

    Asking again gives the key that is there.
    """
    if (known := this_device(root)) is not None:
        return known
    key = DeviceKey.random()
    text = base64.b64encode(key.secret).decode()
    entry = None if in_file else _to_keyring(text)
    path = file_of(root)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    document = {"keyring": entry} if entry else {"private": text}
    write_text(path, json.dumps(document) + "\n", private=True)
    return ThisDevice(key, "keyring" if entry else "file")


def _of(path: Path, text: str) -> DeviceKey:
    with suppress(binascii.Error, ValueError):
        secret = base64.b64decode(text, validate=True)
        if len(secret) == KEY_BYTES:
            return DeviceKey(secret)
    raise _damaged(path)


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(
        f"{path} is no key of a device: restore it, or remove it, make another with "
        "penjing seal --this-device, and have models sealed to that"
    )


def _to_keyring(text: str) -> str | None:
    """The name of the new entry; None where the system has no keyring."""
    keyring, errors = _keyring()
    entry = os.urandom(16).hex()
    try:
        keyring.set_password(SERVICE, entry, text)
        return entry if keyring.get_password(SERVICE, entry) == text else None
    except errors.NoKeyringError:
        return None
    except errors.KeyringError as error:
        raise _refused() from error


def _from_keyring(entry: str) -> str:
    keyring, errors = _keyring()
    try:
        text: Any = keyring.get_password(SERVICE, entry)
    except errors.KeyringError as error:
        raise _refused() from error
    if text is None:
        raise StorageError(
            "the system's keyring has no key for this device: log in as who made it, or have the "
            "model sealed to a new one"
        )
    return str(text)


def _refused() -> StorageError:
    return StorageError("the system's keyring is locked: unlock it and try again")


def _keyring() -> tuple[ModuleType, ModuleType]:
    with needed("the system's keyring", "vault"):
        import keyring
        from keyring import errors
    return keyring, errors
