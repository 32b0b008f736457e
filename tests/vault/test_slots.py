"""Key slots: who opens them, what a flipped bit does, what a rotation leaves."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError
from members import ANNA, BEN, OWN

from penjing.core.errors import (
    BadInput,
    IntegrityError,
    NotFound,
    StorageError,
    WrongPassphrase,
)
from penjing.vault import disk, slots
from penjing.vault.envelope import LEAST, Key
from penjing.vault.place import Place
from penjing.vault.secrets import Keyring, Passphrase, Token
from penjing.vault.vault import MOST_TOKENS, Vault

SUBJECT = "0" * 32


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError


@pytest.fixture
def ring() -> Iterator[Ring]:
    before, ring = keyring.get_keyring(), Ring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def made(place: Place) -> Key:
    disk.private_folder(place.keys)
    key = Key.random()
    slots.save(place, slots.new_slots(SUBJECT, 1, key, [ANNA]))
    return key


def test_only_the_right_passphrase_opens(place: Place, made: Key) -> None:
    known = slots.load(place, SUBJECT)
    assert slots.open_slots(known, ANNA).raw() == made.raw()
    with pytest.raises(WrongPassphrase, match="wrong"):
        slots.open_slots(known, BEN)
    with pytest.raises(WrongPassphrase):
        slots.open_slots(known, Keyring())


def test_each_way_alone_opens(place: Place, ring: Ring) -> None:
    disk.private_folder(place.keys)
    key = Key.random()
    slots.save(place, slots.new_slots(SUBJECT, 1, key, [ANNA, Keyring(), BEN]))
    for secret in (ANNA, BEN, Keyring()):
        assert slots.open_slots(slots.load(place, SUBJECT), secret).raw() == key.raw()
    slots.destroy(place, SUBJECT)
    assert ring.kept == {}


def test_without_a_keyring_the_advice_is_a_passphrase(place: Place, ring: Ring) -> None:
    disk.private_folder(place.keys)
    slots.save(place, slots.new_slots(SUBJECT, 1, Key.random(), [Keyring()]))
    ring.kept.clear()
    with pytest.raises(StorageError, match="use the passphrase"):
        slots.open_slots(slots.load(place, SUBJECT), Keyring())


def test_any_flipped_bit_is_noticed_and_the_other_copy_opens(place: Place, made: Key) -> None:
    rng = random.Random(1)
    for path in place.slots(SUBJECT):
        whole = path.read_bytes()
        for _ in range(150):
            at = rng.randrange(len(whole))
            path.write_bytes(flipped(whole, at, rng.randrange(8)))
            assert slots.damaged(place, SUBJECT) == [path], at
            assert slots.load(place, SUBJECT).generation == 1
        assert slots.mend(place, SUBJECT) == [path]
        assert path.read_bytes() == whole
    assert slots.open_slots(slots.load(place, SUBJECT), ANNA).raw() == made.raw()


def test_with_both_copies_damaged_it_is_not_called_a_wrong_passphrase(
    place: Place, made: Key
) -> None:
    for path in place.slots(SUBJECT):
        path.write_bytes(flipped(path.read_bytes(), 40, 0))
    with pytest.raises(IntegrityError, match="recovery code"):
        slots.load(place, SUBJECT)


def test_slots_of_one_person_do_not_open_as_anothers(place: Place, made: Key) -> None:
    other = "1" * 32
    for mine, theirs in zip(place.slots(SUBJECT), place.slots(other), strict=True):
        theirs.write_bytes(mine.read_bytes())
    with pytest.raises(IntegrityError):
        slots.load(place, other)


def test_a_cost_lowered_by_hand_opens_nothing(place: Place, made: Key) -> None:
    known = slots.load(place, SUBJECT)
    about = json.loads(json.dumps(dict(known.ways[0].about)))
    about["cost"]["memory"] = LEAST.memory * 2
    changed = slots.Slots(SUBJECT, 1, (slots.Way(about, known.ways[0].sealed),), {})
    with pytest.raises(WrongPassphrase):
        slots.open_slots(changed, ANNA)
    about["cost"]["memory"] = 8
    with pytest.raises(IntegrityError, match="tampered"):
        slots.open_slots(changed, ANNA)


@pytest.mark.parametrize(
    "about",
    [
        {"kind": "passphrase"},
        {"kind": "passphrase", "salt": "xyz", "cost": {}},
        {"kind": "passphrase", "salt": "00", "cost": {"memory": 19456, "gold": 1}},
        {"kind": "passphrase", "salt": "00", "cost": []},
    ],
)
def test_a_slot_of_a_stranger_is_one_line(about: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="not of our making"):
        slots.open_slots(slots.Slots(SUBJECT, 1, (slots.Way(about, b""),), {}), ANNA)


def test_nothing_of_key_or_passphrase_stands_in_a_slot(place: Place, made: Key) -> None:
    for path in place.slots(SUBJECT):
        data = path.read_bytes()
        assert made.raw() not in data
        assert made.raw().hex().encode() not in data
        assert b"anna" not in data
        assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_slot_held_is_overwritten(place: Place, made: Key, tmp_path: Path) -> None:
    path = place.slots(SUBJECT)[0]
    old, keeper = path.read_bytes(), tmp_path / "same file"
    keeper.hardlink_to(path)
    slots.save(place, slots.new_slots(SUBJECT, 2, made, [BEN]))
    assert len(keeper.read_bytes()) == len(old)
    assert keeper.read_bytes() != old
    again = tmp_path / "again"
    again.hardlink_to(path)
    held = path.read_bytes()
    slots.destroy(place, SUBJECT)
    assert again.read_bytes() != held
    assert not path.exists()


def test_what_a_killed_write_left_is_destroyed_too(place: Place, made: Key) -> None:
    left = place.keys / f".{SUBJECT}.slot.abc.tmp"
    left.write_bytes(place.slots(SUBJECT)[0].read_bytes())
    slots.destroy(place, SUBJECT)
    assert list(place.keys.iterdir()) == []


def test_earlier_keys_are_kept_under_the_present_one(place: Place, made: Key) -> None:
    later = Key.random()
    slots.save(place, slots.new_slots(SUBJECT, 2, later, [BEN], {1: made}))
    known = slots.load(place, SUBJECT)
    assert slots.earlier_keys(known, later)[1].raw() == made.raw()
    with pytest.raises(IntegrityError):
        slots.earlier_keys(known, Key.random())


def test_a_secret_does_not_show_its_words() -> None:
    assert "words" not in repr(OWN)
    assert "secret words" not in repr(Passphrase("secret words"))


def flipped(data: bytes, at: int, bit: int) -> bytes:
    broken = bytearray(data)
    broken[at] ^= 1 << bit
    return bytes(broken)


# -- tokens


def test_a_token_opens_what_its_person_says_and_nobody_elses(vault: Vault, place: Place) -> None:
    anna = vault.unlock("Anna", ANNA)
    token = vault.add_token(anna, ["read"])
    session = anna.history.begin("hers")
    again = vault.unlock_by_token(anna.person.id, token)  # beside the one that is open
    assert again.history.sessions() == [session]
    again.close()
    anna.close()
    ben = vault.unlock("Ben", BEN)
    ben.close()
    wrong = [
        (ben.person.id, token),
        (anna.person.id, Token(token.id, bytes(32), token.scopes)),
        (anna.person.id, Token("0" * 32, token.secret, token.scopes)),
        (anna.person.id, Token(token.id, token.secret)),
        (anna.person.id, Token(token.id, token.secret, ())),
        (anna.person.id, Token(token.id, token.secret, ("read", "admin"))),
        ("0" * 32, token),
    ]
    for person, shown in wrong:
        with pytest.raises(WrongPassphrase):
            vault.unlock_by_token(person, shown)
    assert b"hers" not in token.secret
    assert token.secret not in place.slots(anna.person.id)[0].read_bytes()
    assert token.secret.hex().encode() not in place.slots(anna.person.id)[0].read_bytes()


def test_a_token_that_was_dropped_or_outlived_its_key_opens_nothing(vault: Vault) -> None:
    anna = vault.unlock("Anna", ANNA)
    first, second = vault.add_token(anna, ["read"]), vault.add_token(anna, ["chat"])
    assert vault.tokens(anna) == {first.id: ("read",), second.id: ("chat",)}
    vault.drop_token(anna, first.id)
    assert vault.tokens(anna) == {second.id: ("chat",)}
    with pytest.raises(NotFound):
        vault.drop_token(anna, first.id)
    anna.close()
    with pytest.raises(WrongPassphrase):
        vault.unlock_by_token(anna.person.id, first)
    vault.unlock_by_token(anna.person.id, second).close()
    vault.rotate("Anna", ANNA, [ANNA])
    with pytest.raises(WrongPassphrase):
        vault.unlock_by_token(anna.person.id, second)
    vault.unlock("Anna", ANNA).close()
    events = [one.event for one in vault.accounts.audit.entries()]
    assert events.count("token made") == 2
    assert events.count("refused") == 0  # or a stranger could fill the disk with lines


def test_only_so_many_tokens(vault: Vault) -> None:
    anna = vault.unlock("Anna", ANNA)
    for _ in range(MOST_TOKENS):
        vault.add_token(anna, [])
    with pytest.raises(BadInput, match="remove one"):
        vault.add_token(anna, [])
    anna.close()


@pytest.mark.parametrize(
    "said", [["read", "admin"], ["admin"], [], None, "admin", 1, [["admin"]], {}]
)
def test_who_writes_other_scopes_into_a_slot_gains_a_token_that_opens_nothing(
    vault: Vault, place: Place, said: object
) -> None:
    anna = vault.unlock("Anna", ANNA)
    token, person = vault.add_token(anna, ["read"]), anna.person.id
    anna.close()
    for path in place.slots(person):
        rewrite(path, lambda about: about.__setitem__("scopes", said))
    claims = {("read",), ("admin",), ("read", "admin"), (), None, vault.scopes_of(person, token.id)}
    for scopes in claims:
        with pytest.raises(WrongPassphrase):
            vault.unlock_by_token(person, Token(token.id, token.secret, scopes))
    vault.unlock("Anna", ANNA).close()


def test_a_token_from_before_scopes_opens_and_says_that_it_has_none(
    vault: Vault, place: Place
) -> None:
    anna = vault.unlock("Anna", ANNA)
    old, person = Token("a" * 32, bytes(range(32))), anna.person.id
    known = slots.load(place, person)
    slots.save(place, slots.with_token(known, anna.database.key, old))
    assert b'"scopes"' not in place.slots(person)[0].read_bytes()  # as it was written then
    new = vault.add_token(anna, ["chat"])
    assert vault.tokens(anna) == {old.id: None, new.id: ("chat",)}
    anna.close()
    assert vault.scopes_of(person, old.id) is None
    vault.unlock_by_token(person, old).close()
    for path in place.slots(person):
        rewrite(path, lambda about: about.setdefault("scopes", ["admin"]))
    with pytest.raises(WrongPassphrase):
        vault.unlock_by_token(person, Token(old.id, old.secret, ("admin",)))


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """As somebody who can write in the folder of keys, and knows the checksum, would."""
    body = json.loads(path.read_bytes())
    for way in body["ways"]:
        if way["about"]["kind"] == "token":
            change(way["about"])
    body.pop("check")
    body["check"] = hashlib.sha256(canonical(body)).hexdigest()
    path.write_bytes(canonical(body))


def canonical(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
