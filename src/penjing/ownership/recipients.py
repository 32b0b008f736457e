"""HPKE and Argon2id: who opens a sealed file, each with a copy of its key of their own.

A device: Hybrid Public Key Encryption (RFC 9180, base mode) with X25519, HKDF-SHA256 and
AES-256-GCM, by the `cryptography` package. A passphrase: Argon2id and AES-256-GCM, as the vault's
slots (`vault/envelope.py`). What a file says of its ways is a stranger's until one of them opens.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penjing.core.errors import BadInput, FormatError, IntegrityError
from penjing.core.extras import needed
from penjing.vault.envelope import (
    KEY_BYTES,
    USUAL,
    Cost,
    Key,
    passphrase_bytes,
    require_cost,
    require_passphrase,
    seal,
    stretch,
    unseal,
)

PREFIX = "pjd1"
"""How the public key of a device begins, when it is written."""
MOST_WAYS = 256
_INFO = b"penjing sealed file 1: device"
_ABOUT = b"penjing sealed file 1: passphrase"
_SALT = 16
_CHECK = 4
_MOST_COST = Cost(memory=2**18, passes=10, lanes=1)
"""What a file of a stranger's may ask for before it is known to be sealed for us: 256 MiB."""


@dataclass(frozen=True)
class DeviceKey:
    """The private key of a device."""

    secret: bytes = field(repr=False)
    """32 bytes, X25519."""

    @classmethod
    def random(cls) -> DeviceKey:
        """A new one."""
        return cls(_x25519().X25519PrivateKey.generate().private_bytes_raw())

    @property
    def public(self) -> str:
        """What may be shown, and is given to whoever seals for this device."""
        raw = _private(self).public_key().public_bytes_raw()
        return PREFIX + base64.b32encode(raw + _sum(raw)).decode().rstrip("=").lower()


def public_bytes(text: str) -> bytes:
    """The 32 bytes of a device's public key as it is written. BadInput for a slip in typing."""
    word = text.strip().lower()
    try:
        raw = base64.b32decode(word.removeprefix(PREFIX).upper() + "=" * 6)
    except ValueError:
        raw = b""
    key, check = raw[:KEY_BYTES], raw[KEY_BYTES:]
    if not word.startswith(PREFIX) or len(key) != KEY_BYTES or check != _sum(key):
        raise BadInput(
            f"'{text[:80]}' is not the key of a device: copy it again, whole, as "
            "penjing seal --this-device prints it there"
        )
    return key


def for_device(key: Key, public: bytes) -> dict[str, str]:
    """A way that opens with the private key that belongs to `public`."""
    x25519 = _x25519()
    try:
        sealed = _suite().encrypt(
            key.raw(), x25519.X25519PublicKey.from_public_bytes(public), _INFO
        )
    except ValueError as error:  # a point of small order
        raise BadInput("that is no key of a device: make one with --this-device") from error
    return {"kind": "x25519", "sealed": sealed.hex()}


def for_passphrase(key: Key, words: str, cost: Cost = USUAL) -> dict[str, Any]:
    """A way that opens with a passphrase. BadInput for one that is quickly guessed."""
    require_passphrase(words)
    salt = os.urandom(_SALT)
    wrapping = stretch(passphrase_bytes(words), salt, cost)
    sealed = seal(wrapping, key.raw(), _ABOUT)
    return {"kind": "passphrase", "cost": vars(cost), "salt": salt.hex(), "sealed": sealed.hex()}


def kinds(ways: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of each way: "x25519" or "passphrase"."""
    return [str(way["kind"]) for way in ways]


def opened_by_device(ways: Sequence[Mapping[str, Any]], device: DeviceKey) -> Key | None:
    """The key, if it was sealed for this device."""
    from cryptography.exceptions import InvalidTag

    suite, private = _suite(), _private(device)
    for way in ways:
        if way["kind"] == "x25519":
            try:
                return Key(suite.decrypt(bytes.fromhex(way["sealed"]), private, _INFO))
            except (InvalidTag, ValueError, IntegrityError):
                continue
    return None


def opened_by_passphrase(ways: Sequence[Mapping[str, Any]], words: str) -> Key | None:
    """The key, if these are the words."""
    for way in ways:
        if way["kind"] == "passphrase":
            cost = Cost(**way["cost"])
            wrapping = stretch(passphrase_bytes(words), bytes.fromhex(way["salt"]), cost)
            plain = unseal(wrapping, bytes.fromhex(way["sealed"]), _ABOUT)
            if plain is not None:
                return Key(plain)
    return None


def checked_ways(found: Any) -> tuple[Mapping[str, Any], ...]:
    """Ways as a file has them. FormatError unless they are bounded and of our making."""
    if not isinstance(found, list) or not 1 <= len(found) <= MOST_WAYS:
        raise FormatError("it is sealed for nobody, or for too many")
    if sum(isinstance(way, dict) and way.get("kind") == "passphrase" for way in found) > 1:
        raise FormatError("it has more than one passphrase")
    return tuple(_checked(way) for way in found)


def _checked(way: Any) -> Mapping[str, Any]:
    shapes = {
        "x25519": {"kind", "sealed"},
        "passphrase": {"kind", "cost", "salt", "sealed"},
    }
    kind = way.get("kind") if isinstance(way, dict) else None
    if not isinstance(kind, str) or set(way) != shapes.get(kind):
        raise FormatError("a way to open it is of no kind that this Penjing knows: use a newer one")
    try:
        bytes.fromhex(way["sealed"])
        if kind == "passphrase":
            bytes.fromhex(way["salt"])
            cost = require_cost(Cost(**way["cost"]))
            if any(vars(cost)[name] > most for name, most in vars(_MOST_COST).items()):
                raise FormatError("its passphrase asks for more memory or time than any of ours")
    except (TypeError, ValueError, IntegrityError) as error:
        raise FormatError("a way to open it is not of our making") from error
    return way  # type: ignore[no-any-return]


def _sum(raw: bytes) -> bytes:
    return hashlib.sha256(PREFIX.encode() + raw).digest()[:_CHECK]


def _private(device: DeviceKey) -> Any:
    return _x25519().X25519PrivateKey.from_private_bytes(device.secret)


def _suite() -> Any:
    with needed("sealing", "vault"):
        from cryptography.hazmat.primitives import hpke
    return hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def _x25519() -> Any:
    with needed("sealing", "vault"):
        from cryptography.hazmat.primitives.asymmetric import x25519
    return x25519
