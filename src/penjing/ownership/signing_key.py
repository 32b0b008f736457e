"""ECDSA key pairs in PEM, as every tool has them: made, and read from files of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput, WrongPassphrase
from penjing.core.extras import needed
from penjing.core.files import write_text
from penjing.core.strangers import is_there, read_plain
from penjing.vault.envelope import passphrase_bytes, require_passphrase

_MOST = 100_000


def public_path(private: Path) -> Path:
    """Where the public half of a new pair is written."""
    return private.with_name(private.name + ".pub")


def make_pair(path: Path, passphrase: str | None) -> Path:
    """A new pair on P-256, the private one encrypted where there are words; the public one's path.

    BadInput where one of the files is there already: a key is never replaced.
    """
    with needed("signing", "vault"):
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric import ec
    for each in (path, public_path(path)):
        if is_there(each):
            raise BadInput(f"{each} is there already: a key is not replaced, choose another name")
    hiding: Any = form.NoEncryption()
    if passphrase is not None:
        require_passphrase(passphrase)
        hiding = form.BestAvailableEncryption(passphrase_bytes(passphrase))
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, hiding)
    public = private.public_key().public_bytes(
        form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
    )
    write_text(path, pem.decode(), private=True)
    write_text(public_path(path), public.decode())
    return public_path(path)


def is_encrypted(path: Path) -> bool:
    """Whether a private key needs words."""
    data = read_plain(path, limit=_MOST)
    return b"ENCRYPTED" in data


def read_private(path: Path, passphrase: str | None) -> Any:
    """A private key of a curve of ours. BadInput for another file, WrongPassphrase."""
    with needed("signing", "vault"):
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    data = read_plain(path, limit=_MOST)
    words = None if passphrase is None else passphrase_bytes(passphrase)
    try:
        return _supported(path, load_pem_private_key(data, words))
    except ValueError as error:
        if b"ENCRYPTED" in data and words is not None:
            raise WrongPassphrase(f"that is not the passphrase of {path}: type it again") from error
        raise _no_key(path, "private") from error
    except TypeError as error:  # words for a key without, or none for one with
        raise BadInput(f"{path} is encrypted: give its passphrase") from error


def read_public(path: Path) -> Any:
    """A public key of a curve of ours. BadInput for another file."""
    with needed("signing", "vault"):
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    try:
        return _supported(path, load_pem_public_key(read_plain(path, limit=_MOST)))
    except ValueError as error:
        raise _no_key(path, "public") from error


def _supported(path: Path, key: Any) -> Any:
    curve = getattr(key, "curve", None)
    if curve is None or curve.name not in ("secp256r1", "secp384r1", "secp521r1"):
        raise _no_key(path, "signing")
    return key


def _no_key(path: Path, which: str) -> BadInput:
    return BadInput(
        f"{path} is no {which} key on P-256, P-384 or P-521 in PEM: "
        "make a pair with penjing sign --new-key"
    )
