"""The pages of a SQLCipher file, one by one, each with its own proof: for files SQLite cannot open.

The format is SQLCipher 4's: AES-256-CBC with a random IV, then HMAC-SHA512 over ciphertext, IV and
page number. Both primitives are libraries' own; nothing is written back in this form.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from penjing.core.files import disk_errors
from penjing.vault.database import PAGE, SALT, raw_key
from penjing.vault.envelope import Key

_IV = 16
_MAC = 64
USABLE = PAGE - _IV - _MAC
"""Bytes of a page that are SQLite's."""
_HMAC_MASK = 0x3A
_HMAC_ROUNDS = 2


@dataclass(frozen=True)
class Page:
    """One page."""

    number: int
    """1 for the first."""
    data: bytes | None = field(repr=False)
    """What SQLite wrote, `USABLE` bytes; None when the page is not what was written."""


def pages(path: Path, key: Key) -> Iterator[Page]:
    """All pages of a file. A last one that is cut short is damaged."""
    secret = raw_key(key)[:-SALT]
    masked = bytes(byte ^ _HMAC_MASK for byte in raw_key(key)[-SALT:])
    proof = hashlib.pbkdf2_hmac("sha512", secret, masked, _HMAC_ROUNDS, len(secret))
    with disk_errors(path), path.open("rb") as file:
        number = 0
        while data := file.read(PAGE):
            number += 1
            yield Page(number, _plain(data, number, secret, proof))


def salt_is_right(path: Path, key: Key) -> bool:
    """Whether the bytes before the first page are ours; SQLCipher itself does not look at them."""
    with disk_errors(path), path.open("rb") as file:
        return file.read(SALT) == raw_key(key)[-SALT:]


def _plain(data: bytes, number: int, secret: bytes, proof: bytes) -> bytes | None:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    start = SALT if number == 1 else 0
    covered = data[start : PAGE - _MAC]
    right = hmac.new(proof, covered + number.to_bytes(4, "little"), hashlib.sha512).digest()
    if len(data) != PAGE or not hmac.compare_digest(right, data[PAGE - _MAC :]):
        return None
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(covered[-_IV:])).decryptor()
    plain = decryptor.update(covered[:-_IV]) + decryptor.finalize()
    return bytes(start) + plain
