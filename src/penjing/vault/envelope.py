"""Key derivation, and keys inside keys. Every primitive is the `cryptography` package's own.

    passphrase --Argon2id--> wrapping key --AES-256-GCM--> key --HKDF-SHA256--> one key per purpose

Python copies bytes as it likes: wiping a `Key` clears our own copy, and claims no more than that.
"""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from typing import Any

from penjing.core.errors import BadInput, IntegrityError, MissingExtra
from penjing.core.extras import needed
from penjing.vault.fair import FairPlaces

KEY_BYTES = 32
_NONCE = 12
SHORTEST = 8
"""Characters of a passphrase, at least."""
LONGEST = 1024
"""At most: of a new one, of what is tried, and of the first line of a file that holds one."""
_NO_KEYBOARD = ("Cc", "Zl", "Zp")
"""Categories of characters that one way to type a passphrase takes and another one cuts off."""


class Key:
    """32 secret bytes that show themselves nowhere."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise IntegrityError("a key has the wrong length: restore its slots from a copy")
        self._secret = bytearray(secret)

    @classmethod
    def random(cls) -> Key:
        """A new one."""
        return cls(os.urandom(KEY_BYTES))

    def __repr__(self) -> str:
        return "Key(...)"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled")

    def raw(self) -> bytes:
        """The bytes, for one use."""
        if not self._secret:
            raise BadInput("the key was forgotten: unlock again")
        return bytes(self._secret)

    def wipe(self) -> None:
        """Overwrite and forget. Calling it twice is harmless."""
        for at in range(len(self._secret)):
            self._secret[at] = 0
        self._secret.clear()


@dataclass(frozen=True)
class Cost:
    """What one guess of a passphrase costs (Argon2id)."""

    memory: int = 65536
    """KiB."""
    passes: int = 3
    """Times over the memory."""
    lanes: int = 1
    """Parts that can be computed side by side; the work is the same."""


USUAL = Cost()
"""RFC 9106's choice where memory is short, 64 MiB and three passes, in one lane: people are served
side by side instead of lanes. Slots from before have four, and are opened with four."""
LEAST = Cost(memory=19456, passes=2, lanes=1)
"""OWASP's minimum; less is refused."""
_MOST = Cost(memory=2**21, passes=64, lanes=64)
"""A slot that asks for more is damaged or hostile: it could otherwise exhaust the machine."""


_MEMORY_SHARE = 8


def _at_once() -> int:
    """Derivations side by side: one for a core, within an eighth of the memory there is."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        memory = 0
    return max(1, min(cores, memory // _MEMORY_SHARE // (USUAL.memory * 1024)))


_PLACES = FairPlaces(_at_once())
"""Of derivations in this process, first come first served. One of several lanes takes them all.

OpenSSL computes lanes in threads of its own, of which a process has as many as it has cores, and a
derivation gives none back before it has all that it wants: two at once, each with some and in want
of more, wait for each other for ever. One alone never wants more than there are, and one lane wants
none.
"""
AT_ONCE = _PLACES.places
"""How many derivations run side by side; more wait."""


def require_cost(cost: Cost) -> Cost:
    """`cost` itself when it is neither too weak nor absurd. Raises IntegrityError."""
    pairs = zip(vars(LEAST).values(), vars(cost).values(), vars(_MOST).values(), strict=True)
    if not all(isinstance(b, int) and a <= b <= c for a, b, c in pairs):
        raise IntegrityError("a key slot asks for an unsafe passphrase cost: it was tampered with")
    return cost


def passphrase_bytes(text: str) -> bytes:
    """A passphrase as bytes, the same from every keyboard (Unicode NFC)."""
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")


def require_passphrase(text: str) -> None:
    """Refuse what is quickly guessed, too long, or cannot be typed everywhere.

    Raises BadInput; does not repeat the passphrase.
    """
    if len(text) < SHORTEST:
        raise BadInput(
            f"the passphrase is too short: use {SHORTEST} characters or more, best a few words"
        )
    if len(text) > LONGEST:
        raise BadInput(f"the passphrase is too long: use {LONGEST} characters or fewer")
    if any(unicodedata.category(char) in _NO_KEYBOARD for char in text):
        raise BadInput("the passphrase holds a line break, a NUL or the like: leave that out")


def stretch(passphrase: bytes, salt: bytes, cost: Cost) -> Key:
    """The wrapping key of a passphrase: slow on purpose, few at a time, first come first served."""
    require_cost(cost)
    small = cost.lanes == 1 and cost.memory <= USUAL.memory
    with _PLACES.held(1 if small else AT_ONCE):
        # importing included: a child of a fork in the middle of it could never import
        return Key(_stretched(passphrase, salt, cost))


def _stretched(passphrase: bytes, salt: bytes, cost: Cost) -> bytes:
    with needed("the vault", "vault"):
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
    try:
        kdf = Argon2id(
            salt=salt,
            length=KEY_BYTES,
            iterations=cost.passes,
            lanes=cost.lanes,
            memory_cost=cost.memory,
        )
    except UnsupportedAlgorithm as error:
        raise MissingExtra("Argon2id (OpenSSL 3.2)", "vault") from error
    return bytes(kdf.derive(passphrase))


def derive(key: Key, purpose: str, length: int = KEY_BYTES) -> bytes:
    """Bytes for one purpose; those of another purpose tell nothing about them."""
    hkdf, hashes = _hkdf()
    return bytes(
        hkdf(
            hashes.SHA256(), length, salt=None, info=f"penjing vault 1: {purpose}".encode()
        ).derive(key.raw())
    )


def seal(key: Key, plain: bytes, about: bytes) -> bytes:
    """Encrypt so that any change is noticed, of `about` too, which stays readable."""
    nonce = os.urandom(_NONCE)
    return nonce + bytes(_aead()(key.raw()).encrypt(nonce, plain, about))


def unseal(key: Key, sealed: bytes, about: bytes) -> bytes | None:
    """What was sealed; None when key, bytes or `about` are not those of then."""
    from cryptography.exceptions import InvalidTag

    try:
        return bytes(_aead()(key.raw()).decrypt(sealed[:_NONCE], sealed[_NONCE:], about))
    except (InvalidTag, ValueError):
        return None


def _aead() -> Any:
    with needed("the vault", "vault"):
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    return AESGCM


def _hkdf() -> tuple[Any, Any]:
    with needed("the vault", "vault"):
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    return HKDF, hashes
