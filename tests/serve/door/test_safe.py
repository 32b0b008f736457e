"""Who may start a server where, the certificate it shows, and the token it keeps."""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from penjing.core.errors import BadInput, StorageError
from penjing.serve.door.certificate import given_certificate, own_certificate
from penjing.serve.door.safe import require_safe
from penjing.serve.door.secrets import is_same, new_secret, server_token
from penjing.serve.door.settings import DoorSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost"])
def test_this_machine_alone_is_safe(host: str) -> None:
    require_safe(host, accounts=False, tls=False)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.0.2.1", "penjing.local", "", "localhost.example", "127.0.0.1.example",
     "2130706433", "127.1", "0", "fe80::1"],
)  # fmt: skip
def test_anywhere_else_needs_accounts_and_tls(host: str) -> None:
    with pytest.raises(BadInput, match="penjing vault init"):
        require_safe(host, accounts=False, tls=True)
    with pytest.raises(BadInput, match="--cert and --key"):
        require_safe(host, accounts=True, tls=False)
    require_safe(host, accounts=True, tls=True)


def test_our_certificate_is_for_its_names_and_private(tmp_path: Path) -> None:
    names = ["192.0.2.7", "::1", "penjing.local"]
    made = own_certificate(tmp_path / "tls", names)
    assert (made.key.stat().st_mode & 0o777, made.cert.stat().st_mode & 0o777) == (0o600, 0o600)
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700
    known = x509.load_pem_x509_certificate(made.cert.read_bytes())
    der = ssl.PEM_cert_to_DER_cert(made.cert.read_text())
    assert made.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert len(made.fingerprint) == 95
    subject = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert subject.get_values_for_type(x509.DNSName) == ["penjing.local"]
    assert subject.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("192.0.2.7"), ipaddress.ip_address("::1"),
    ]  # fmt: skip
    assert (known.not_valid_after_utc - known.not_valid_before_utc).days <= 825


def test_it_stays_the_same_until_it_does_not_fit(tmp_path: Path) -> None:
    """A person compared its fingerprint once; that must go on being worth something."""
    first = own_certificate(tmp_path, ["localhost"])
    assert own_certificate(tmp_path, ["localhost"]) == first
    other = own_certificate(tmp_path, ["localhost", "192.0.2.7"])
    assert other.fingerprint != first.fingerprint
    assert own_certificate(tmp_path, ["localhost"]).fingerprint == other.fingerprint
    (tmp_path / "cert.pem").write_text("damaged")
    assert own_certificate(tmp_path, ["localhost"]).fingerprint != other.fingerprint


def test_a_given_pair_that_is_none_is_refused(tmp_path: Path) -> None:
    one, two = own_certificate(tmp_path / "1", ["a"]), own_certificate(tmp_path / "2", ["a"])
    assert given_certificate(one.cert, one.key) == one
    for cert, key in ((one.cert, two.key), (tmp_path / "none", one.key), (one.key, one.cert)):
        with pytest.raises(BadInput, match="belong together"):
            given_certificate(cert, key)


def test_the_servers_token_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "serve" / "token"
    token, new = server_token(path)
    assert new
    assert len(token) == 43
    assert server_token(path) == (token, False)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(StorageError, match="others can read"):
        server_token(path)
    path.chmod(0o600)
    path.write_text("short\n")
    with pytest.raises(StorageError, match="holds no token"):
        server_token(path)
    path.unlink()
    (tmp_path / "elsewhere").write_text(f"{token}\n")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError):
        server_token(path)


def test_secrets_are_compared_whole() -> None:
    from penjing.serve.door.secrets import digest

    one = new_secret()
    assert is_same(one, digest(one))
    assert not is_same(one[:-1], digest(one))
    assert not is_same(f"{one} ", digest(one))
    assert not is_same("", digest(one))
    assert len({new_secret() for _ in range(100)}) == 100


def test_settings_are_a_households() -> None:
    settings = DoorSettings()
    assert settings.idle <= 3600
    assert settings.life <= 24 * 3600
