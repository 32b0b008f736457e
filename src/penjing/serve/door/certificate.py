"""A certificate of our own where a person has none: its fingerprint is what they compare."""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput
from penjing.core.extras import needed
from penjing.core.files import disk_errors, writing

_DAYS = 825
"""What browsers accept at most."""
_RENEW = timedelta(days=30)


@dataclass(frozen=True)
class Certificate:
    """What TLS is spoken with."""

    cert: Path
    """PEM, the certificate first."""
    key: Path
    """PEM, readable by its owner only."""
    fingerprint: str
    """SHA-256 of the certificate, as browsers show it."""


def given_certificate(cert: Path, key: Path) -> Certificate:
    """A person's own. Raises BadInput where the two files are no pair."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key, password=lambda: b"")
        return Certificate(cert, key, _fingerprint(cert))
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        advice = "give PEM files that belong together, the key without a passphrase"
        raise BadInput(f"{cert} and {key} cannot be used: {advice}") from error


def own_certificate(folder: Path, names: Sequence[str]) -> Certificate:
    """The self-signed one for these names and addresses; the same again while it is good."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    if not (cert.exists() and key.exists() and _is_good(cert, names)):
        _make(folder, names)
    return given_certificate(cert, key)


def _make(folder: Path, names: Sequence[str]) -> None:
    x509, ec, hashes, serialization = _cryptography()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Penjing")])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with writing(folder / "key.pem", private=True) as file:
        file.write(key.private_bytes(pem, *plain))
    with writing(folder / "cert.pem", private=True) as file:
        file.write(built.public_bytes(pem))


def _is_good(cert: Path, names: Sequence[str]) -> bool:
    x509 = _cryptography()[0]
    try:
        known = x509.load_pem_x509_certificate(cert.read_bytes())
        found = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    wanted = _alternatives(names)
    return all(one in found for one in wanted) and (
        known.not_valid_after_utc - datetime.now(UTC) > _RENEW
    )


def _alternatives(names: Sequence[str]) -> list[Any]:
    x509 = _cryptography()[0]
    found: list[Any] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name.strip("[]"))))
        except ValueError:
            found.append(x509.DNSName(name.encode("idna").decode("ascii")))
    return found


def _fingerprint(cert: Path) -> str:
    der = ssl.PEM_cert_to_DER_cert(_first(cert.read_text("ascii")))
    return hashlib.sha256(der).digest().hex(":").upper()


def _first(pem: str) -> str:
    end = "-----END CERTIFICATE-----"
    return pem[pem.index("-----BEGIN CERTIFICATE-----") : pem.index(end) + len(end)] + "\n"


def _cryptography() -> tuple[Any, Any, Any, Any]:
    with needed("a certificate of our own", "vault"):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    return x509, ec, hashes, serialization
