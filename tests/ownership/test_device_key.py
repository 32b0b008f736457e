"""Where a device keeps its private key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked

from penjing.core.errors import IntegrityError, StorageError
from penjing.ownership.device_key import file_of, make_device, this_device


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    def set_password(self, service: str, username: str, password: str) -> None:
        self._look()
        self.entries[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        self._look()
        return self.entries.get((service, username))

    def _look(self) -> None:
        if self.locked:
            raise KeyringLocked("no")


@pytest.fixture
def ring() -> Iterator[Ring]:
    before, made = keyring.get_keyring(), Ring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def test_it_is_made_once_and_bound_to_the_keyring(ring: Ring, tmp_path: Path) -> None:
    assert this_device(tmp_path) is None
    made = make_device(tmp_path)
    assert made.bound == "keyring"
    assert make_device(tmp_path, in_file=True) == made == this_device(tmp_path)
    text = file_of(tmp_path).read_text()
    assert all(secret not in text for secret in ring.entries.values())
    ring.entries.clear()
    with pytest.raises(StorageError, match="has no key for this device"):
        this_device(tmp_path)
    ring.locked = True
    with pytest.raises(StorageError, match="locked"):
        this_device(tmp_path)


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring])
def test_without_a_keyring_it_lies_in_a_private_file(
    ring: Ring, tmp_path: Path, backend: type[KeyringBackend]
) -> None:
    keyring.set_keyring(backend())
    made = make_device(tmp_path)
    assert made.bound == "file"
    assert this_device(tmp_path) == made
    assert file_of(tmp_path).stat().st_mode & 0o777 == 0o600
    assert file_of(tmp_path).parent.stat().st_mode & 0o777 == 0o700


def test_a_file_can_be_asked_for(ring: Ring, tmp_path: Path) -> None:
    assert make_device(tmp_path, in_file=True).bound == "file"
    assert ring.entries == {}


@pytest.mark.parametrize("text", [
    "{}", "[]", '{"private": "x"}', '{"private": 1}', "null", '{"private": "AAAA"}',
    '{"keyring": "a", "private": "b"}',
])  # fmt: skip
def test_a_damaged_key_is_one_line(tmp_path: Path, text: str) -> None:
    file_of(tmp_path).parent.mkdir()
    file_of(tmp_path).write_text(text)
    with pytest.raises(IntegrityError, match="is no key of a device: restore it"):
        this_device(tmp_path)
