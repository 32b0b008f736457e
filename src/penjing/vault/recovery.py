"""The recovery code: a person's key on paper, for those who choose to have one.

It opens backups on another machine and replaces a forgotten passphrase. For just that reason wiping
destroys nothing for whoever still holds the paper and a backup: burn it too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from penjing.core.errors import BadInput, IntegrityError, WrongPassphrase
from penjing.vault import slots
from penjing.vault.cipher_pages import pages
from penjing.vault.envelope import KEY_BYTES, Key
from penjing.vault.locks import quiet
from penjing.vault.place import Place
from penjing.vault.secrets import Secret

_GENERATION = 2
_CHECK = 6
_GROUP = 4


def code_of(generation: int, key: Key) -> str:
    """Sixteen groups of four letters and digits."""
    body = generation.to_bytes(_GENERATION, "big") + key.raw()
    text = base64.b32encode(body + _check(body)).decode("ascii")
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def key_of(code: str) -> tuple[int, Key]:
    """Generation and key of a code. Raises BadInput; does not repeat the code."""
    plain = "".join(char for char in code.upper() if char.isalnum())
    plain = plain.replace("0", "O").replace("1", "I").replace("8", "B")
    try:
        data = base64.b32decode(plain)
    except binascii.Error:
        data = b""
    body, check = data[:-_CHECK], data[-_CHECK:]
    if len(body) != _GENERATION + KEY_BYTES or check != _check(body):
        raise BadInput("that is no recovery code, or one with a typing mistake: compare it again")
    return int.from_bytes(body[:_GENERATION], "big"), Key(body[_GENERATION:])


def recover(place: Place, subject: str, code: str, secret: Secret) -> None:
    """New slots from a code, for the database that is there. Raises BadInput unless they fit."""
    generation, key = key_of(code)
    with quiet(place, subject):  # a rotation at the same time would lose the newer key
        path = place.database(subject, generation)
        here = generation in place.generations(subject) and not _outdated(
            place, subject, generation
        )
        if not here or not any(page.data for page in pages(path, key)):
            advice = "use the newest, or an older backup"
            raise BadInput(f"that code is not of the database here: {advice}")
        try:
            retired = slots.earlier_keys(slots.load(place, subject), key)
        except (IntegrityError, WrongPassphrase):  # no slots, or only the code knows the key
            retired = {}
        slots.save(place, slots.new_slots(subject, generation, key, [secret], retired))
    key.wipe()


def _outdated(place: Place, subject: str, generation: int) -> bool:
    """Whether a rotation has ended since: what it wrote would be lost."""
    try:
        now = slots.load(place, subject).generation
    except (IntegrityError, WrongPassphrase):
        return False
    return now > generation and now in place.generations(subject)


def _check(body: bytes) -> bytes:
    return hashlib.sha256(b"penjing recovery" + body).digest()[:_CHECK]
