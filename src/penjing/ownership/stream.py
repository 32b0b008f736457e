"""STREAM construction: authenticated chunks in order, the last one marked, in constant memory.

Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance, CRYPTO 2015 (ePrint 2015/189), section 7, over AES-256-GCM. The nonce of a chunk
is its number (11 bytes, big-endian) and whether it is the last one (1 byte), so that no chunk can
be changed, left out, doubled, moved or cut off unnoticed. A key is used for one stream and never
again. Knows nothing of what the bytes are, nor of how the key was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any

from penjing.core.errors import IntegrityError
from penjing.core.extras import needed
from penjing.vault.envelope import Key

CHUNK = 2**20
"""Plain bytes of every chunk but the last, which has what is left, at least one byte."""
TAG = 16
"""Bytes that authentication adds to each chunk."""


def sealed_bytes(plain: int) -> int:
    """Length of the stream of so many plain bytes, at least one."""
    return plain + TAG * _chunks(plain)


def seal_stream(key: Key, about: bytes, pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    """The sealed chunks of `length` plain bytes, which come in pieces of any size.

    `about` is bound to each chunk and not hidden. IntegrityError unless there are `length` bytes.
    """
    cipher, last = _cipher(key), _chunks(length) - 1
    number, found, waiting = 0, 0, bytearray()
    for piece in pieces:
        waiting += piece
        if (found := found + len(piece)) > length:
            break
        while len(waiting) > CHUNK and number < last:
            yield cipher.encrypt(_nonce(number, last), bytes(waiting[:CHUNK]), about)
            del waiting[:CHUNK]
            number += 1
    if found != length or number != last:
        raise IntegrityError("a file changed while it was being sealed: try again")
    yield cipher.encrypt(_nonce(number, last), bytes(waiting), about)


def open_stream(
    key: Key, about: bytes, file: IO[bytes], length: int, what: str
) -> Iterator[memoryview]:
    """The plain chunks of a stream that stands at its beginning; each view lasts until the next.

    IntegrityError names the first chunk of `what` that is not as it was sealed. What was given
    before is genuine, and is a beginning only: use nothing of it before the end has come.
    """
    cipher, count = _cipher(key), _chunks(length)
    from cryptography.exceptions import InvalidTag

    sealed, plain = memoryview(bytearray(CHUNK + TAG)), memoryview(bytearray(CHUNK))
    for number in range(count):
        size = CHUNK if number < count - 1 else length - CHUNK * (count - 1)
        if _fill(file, sealed[: size + TAG]) != size + TAG:
            raise IntegrityError(f"{what} is cut short: copy it again")
        try:
            nonce = _nonce(number, count - 1)
            cipher.decrypt_into(nonce, sealed[: size + TAG], about, plain[:size])
        except InvalidTag as error:
            raise IntegrityError(
                f"{what} was changed: chunk {number + 1} of {count} is not the one that was "
                "sealed there, copy it again"
            ) from error
        yield plain[:size]
    if file.read(1):
        raise IntegrityError(f"{what} goes on behind its end: copy it again")


def _fill(file: IO[bytes], space: memoryview) -> int:
    got = 0
    while got < len(space) and (more := file.readinto(space[got:])):  # type: ignore[attr-defined]
        got += more
    return got


def _chunks(length: int) -> int:
    return max(1, -(-length // CHUNK))


def _nonce(number: int, last: int) -> bytes:
    return number.to_bytes(11, "big") + bytes([number == last])


def _cipher(key: Key) -> Any:
    with needed("sealing", "vault"):
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    return AESGCM(key.raw())
