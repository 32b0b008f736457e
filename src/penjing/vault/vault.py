"""The vault: opened with its own secret, in which each person's part opens with theirs.

The vault's secret opens the accounts: who there is, what they may use, the audit log. It opens
nobody's history. Nothing here asks for a passphrase or prints one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from penjing.core.errors import (
    BadInput,
    IntegrityError,
    NotFound,
    PenjingError,
    StorageError,
    WrongPassphrase,
)
from penjing.vault import box, disk, process, recovery, slots, staging
from penjing.vault import wipe as wiping
from penjing.vault.access import Actor, operator, require_role
from penjing.vault.accounts import WIPED, Accounts, Person
from penjing.vault.aside import Aside
from penjing.vault.audit import Head
from penjing.vault.envelope import KEY_BYTES, derive
from penjing.vault.ids import Clock, new_id
from penjing.vault.locks import quiet
from penjing.vault.migrations import ACCOUNTS as ACCOUNTS_STEPS
from penjing.vault.migrations import PERSON as PERSON_STEPS
from penjing.vault.person import PersonStore
from penjing.vault.place import ACCOUNTS, Place
from penjing.vault.secrets import Secret, Token, wrong
from penjing.vault.verify import Finding, verify_database, verify_files, verify_slots

MOST_TOKENS = 16
"""Of one person."""


@dataclass(frozen=True)
class NewPerson:
    """Somebody to be added."""

    name: str
    """What they type to log in."""
    role: str
    """Owner, member or guest."""
    secrets: Sequence[Secret]
    """Each of them alone will open their part."""


class Vault:
    """An open vault. `close` it, or use it in a with statement."""

    def __init__(self, place: Place, accounts: Accounts, clock: Clock = time.time) -> None:
        self.place = place
        self.accounts = accounts
        self.notes: list[str] = []
        """What could not be done beside the work, such as a line for the audit log."""
        self._clock = clock

    @classmethod
    def create(
        cls, place: Place, secrets: Sequence[Secret], owner: NewPerson, clock: Clock = time.time
    ) -> Vault:
        """A new vault with its first owner, or nothing at all."""
        box.clear_unfinished(place, ACCOUNTS)
        if place.exists() or place.subjects():
            require_vault(place)
            raise BadInput(
                f"there is a vault in {place.root} already: penjing vault user adds people"
            )
        process.shield()
        box.create(place, ACCOUNTS, secrets, ACCOUNTS_STEPS)
        try:
            vault = cls._opened(place, secrets[0], clock)
            try:
                vault.accounts.audit.append(operator().id, "vault made")
                vault.add_person(operator(), owner)
            except BaseException:
                vault.close()
                raise
        except BaseException:
            with suppress(PenjingError):
                wiping.wipe_all(place)
            raise
        return vault

    @classmethod
    def open(
        cls, place: Place, secret: Secret, clock: Clock = time.time, *, mending: bool = False
    ) -> Vault:
        """Open the accounts; `mending`: also those that are older than they were.

        Raises WrongPassphrase, or IntegrityError.
        """
        require_vault(place)
        process.shield()
        staging.finish_all(place)
        vault = cls._opened(place, secret, clock)
        try:
            vault._settle(mending=mending)
        except BaseException:
            vault.close()
            raise
        return vault

    def _settle(self, *, mending: bool) -> None:
        """Look whether the accounts are the newest, and finish wiping that was cut off."""
        if not mending and not self.accounts.audit.known_end():
            self.notes.append("the end of the audit log is not known: run penjing vault verify")
        self.notes += wiping.finish(self.place)
        if any(map(disk.is_open_to_others, self.place.everything())):
            root = self.place.root
            self.notes.append(f"other accounts may read or write in {root}: chmod -R go= {root}")
        self._strike_out()

    def _strike_out(self) -> None:
        """Who was wiped is nobody any more, whoever was cut off before saying so."""
        gone = wiping.gone(self.place)
        for person in self.accounts.people():
            if wiping.is_gone(gone, person.id):
                self.accounts.remove(operator().id, person.id)

    @classmethod
    def _opened(cls, place: Place, secret: Secret, clock: Clock) -> Vault:
        damaged = slots.damaged(place, ACCOUNTS)
        database = box.unlock(place, ACCOUNTS, secret, ACCOUNTS_STEPS)
        vault = cls(place, Accounts(database, place.head, clock), clock)
        vault._mended(damaged, operator().id)
        return vault

    def __enter__(self) -> Vault:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the key. Calling it twice is harmless."""
        self.accounts.database.close()

    # ------------------------------------------------------------------------------- people

    def add_person(self, actor: Actor, new: NewPerson) -> Person:
        """Add a person with an empty part of their own. Their key comes before their name."""
        actor.require_owner()
        name, role = self.accounts.free_name(new.name), require_role(new.role)
        person_id = new_id()
        box.create(self.place, person_id, new.secrets, PERSON_STEPS)
        return self.accounts.add(actor, person_id, name, role)

    def unlock(self, name: str, secret: Secret) -> PersonStore:
        """Open a person's part, with what is too old deleted. Raises WrongPassphrase."""
        person = self.accounts.find(name)
        if person is None:
            self._take_as_long(name, secret)
            self._log("nobody", "refused")
            raise wrong()
        return self._unlock(person, secret)

    def prove(self, person_id: str, secret: Secret) -> None:
        """Raise WrongPassphrase unless it would open their part. Opens nothing."""
        try:
            slots.open_slots(slots.load(self.place, person_id), secret).wipe()
        except WrongPassphrase:
            self._log(person_id, "refused", person_id)
            raise

    def scopes_of(self, person_id: str, token: str) -> tuple[str, ...] | None:
        """What a token says it may be used for: true once it has opened with them."""
        try:
            return _tokens(slots.load(self.place, person_id))[token]
        except KeyError:
            raise wrong() from None

    def unlock_by_token(self, person_id: str, token: Token) -> PersonStore:
        """Open the part of the person of that id. Raises WrongPassphrase, for other scopes too."""
        people = self.accounts.people()
        person = next((one for one in people if one.id == person_id), None)
        if person is None or token.id not in _tokens(slots.load(self.place, person.id)):
            raise wrong()  # no line in the log: strangers could fill the disk with them
        return self._unlock(person, token)

    def _unlock(self, person: Person, secret: Secret) -> PersonStore:
        self._require_key(person)
        known = slots.load(self.place, person.id)
        damaged, seal = slots.unlike(self.place, known), slots.seal_of(known, _id_of(secret))
        try:
            database = box.unlock(self.place, person.id, secret, PERSON_STEPS)
        except WrongPassphrase:
            self._log(person.id, "refused", person.id)
            raise
        self._log(person.id, "unlocked", person.id)
        self._mended(damaged, person.id)
        store = PersonStore(database, person, self._clock, seal)
        try:
            store.expire()
        except StorageError as error:
            self.notes.append(f"what is too old was not deleted: {error}")
        except BaseException:
            store.close()
            raise
        return store

    def still_opens(self, person_id: str, token: str | None, seal: str | None) -> bool:
        """Whether what opened a person's part does so still, whoever changes the vault meanwhile:
        a token, or (None) their passphrase, by the seal of then (`PersonStore.seal`).
        """
        try:
            return slots.seal_of(slots.load(self.place, person_id), token) == seal
        except WrongPassphrase:  # there are no slots any more
            return False
        except IntegrityError:  # damage takes nothing away
            return True

    def mark(self, person_id: str, purpose: str) -> str | None:
        """A text that only this vault can make, and another once their passphrase is another."""
        with suppress(WrongPassphrase):
            seal = slots.seal_of(slots.load(self.place, person_id))
            key = derive(self.accounts.database.key, purpose)
            return hmac.new(key, f"{person_id} {seal}".encode(), "sha256").hexdigest()
        return None

    def stamp(self, person_id: str) -> tuple[object, ...]:
        """The same for as long as nobody has written to a person's slots or the accounts: looks at
        no content, so that it can be asked at every step.
        """
        slot, _ = self.place.slots(person_id)
        return (*disk.stamp(slot), *disk.stamp(self.accounts.database.path))

    def aside(self, store: PersonStore) -> Aside:
        """What opens a person's part again once it was closed for a change that was not made."""
        return Aside(self.place, store, self._clock)

    def tokens(self, store: PersonStore) -> Mapping[str, tuple[str, ...] | None]:
        """A person's tokens by id and what each may be used for, the first to be made first."""
        return _tokens(slots.load(self.place, store.person.id))

    def add_token(self, store: PersonStore, scopes: Sequence[str]) -> Token:
        """A new token that opens a person's part, until it is dropped or their key rotated."""
        token = Token(new_id(), os.urandom(KEY_BYTES), (*scopes,))
        person = store.person.id
        with quiet(self.place, person):
            known = slots.load(self.place, person)
            if len(_tokens(known)) >= MOST_TOKENS:
                raise BadInput(f"there are {MOST_TOKENS} tokens already: remove one")
            slots.save(self.place, slots.with_token(known, store.database.key, token))
        self._log(person, "token made", token.id)
        return token

    def drop_token(self, store: PersonStore, token: str) -> None:
        """A token opens nothing from now on. Raises NotFound."""
        person = store.person.id
        with quiet(self.place, person):
            known = slots.load(self.place, person)
            if token not in _tokens(known):
                raise NotFound("token", token)
            slots.save(self.place, slots.without_token(known, token))
        self._log(person, "token removed", token)

    def rotate(self, name: str, secret: Secret, new: Sequence[Secret]) -> None:
        """Give a person's part another key and passphrase; nobody may have it open."""
        person = self.accounts.find(name)
        if person is None:
            self._take_as_long(name, secret)
            raise wrong()
        self._require_key(person)
        box.rotate(self.place, person.id, secret, new)
        self._log(person.id, "key rotated", person.id)

    def recovery_code(self, name: str, secret: Secret) -> str:
        """A person's recovery code. Raises WrongPassphrase."""
        person = self.accounts.require(name)
        known = slots.load(self.place, person.id)
        code = recovery.code_of(known.generation, slots.open_slots(known, secret))
        self._log(person.id, "recovery code shown", person.id)
        return code

    def recover(self, name: str, code: str, secret: Secret) -> None:
        """Open a person's part to a new passphrase, with their recovery code."""
        person = self.accounts.require(name)
        recovery.recover(self.place, person.id, code, secret)
        self._log(person.id, "recovered by code", person.id)

    def wipe(self, actor: Actor, name: str) -> Person:
        """Destroy a person's key, and all it ever opened. Themselves or an owner.

        Raises BadInput for the last owner while there is somebody else.
        """
        self._strike_out()
        person = self.accounts.require(name)
        with self.accounts.removing(actor, person):
            wiping.wipe(self.place, person.id)
        return person

    # -------------------------------------------------------------------------------- whole

    def verify(
        self, open_parts: Sequence[PersonStore] = (), expected: Head | None = None
    ) -> list[Finding]:
        """What is not as it should be: of the accounts, all key slots, and the parts given."""
        subjects = [ACCOUNTS, *(person.id for person in self.accounts.people())]
        found = verify_files(self.place, subjects)
        for subject in subjects:
            found += verify_slots(self.place, subject)
        wiped = wiping.gone(self.place)  # asked last: somebody may be wiped meanwhile
        found = [one for one in found if not wiping.is_gone(wiped, one.subject)]
        found += verify_database(ACCOUNTS, self.accounts.database)
        for store in open_parts:
            found += verify_database(store.person.id, store.database)
        try:
            self.accounts.audit.verify(expected)
        except IntegrityError as error:
            found.append(Finding(ACCOUNTS, self.place.head.name, str(error)))
        if self.forgotten():
            advice = "put it back from a copy, or run penjing vault restore"
            found.append(Finding(ACCOUNTS, self.place.gone.name, f"lacks who was wiped: {advice}"))
        return found

    def forgotten(self) -> list[str]:
        """Lines that `keys/gone` lacks, by the audit log."""
        entries = self.accounts.audit.entries()
        wiped = [one.object for one in entries if one.event == WIPED]
        return wiping.forgotten(wiping.gone(self.place), wiped)

    def _take_as_long(self, name: str, secret: Secret) -> None:
        """A name that is not there is given the work of somebody's, and always of the same one."""
        people = self.accounts.people()
        if not people:
            return  # there is nobody to be told from
        number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
        person = people[number % len(people)]
        with suppress(PenjingError):
            self._require_key(person)
            slots.damaged(self.place, person.id)
            slots.open_slots(slots.load(self.place, person.id), secret).wipe()

    def _require_key(self, person: Person) -> None:
        if not any(disk.is_there(path) for path in self.place.slots(person.id)):
            raise IntegrityError(
                f"there is no key for {person.name} here: penjing vault user recover"
            )

    def _mended(self, copies: Sequence[Path], who: str) -> None:
        """Opening has mended what was damaged, or left by a crash: say so."""
        for path in copies:
            self.notes.append(f"{path.name} was damaged or old, and was written again")
            self._log(who, "key slot mended", who)

    def _log(self, who: str, event: str, object_id: str = "") -> None:
        """A full disk keeps nobody from reading what is theirs; the caller is told."""
        try:
            self.accounts.audit.append(who, event, object_id)
        except StorageError as error:
            self.notes.append(f"'{event}' is not in the audit log: {error}")


def require_vault(place: Place) -> None:
    """Raise BadInput where there is none, IntegrityError where its key is lost."""
    if place.exists():
        return
    if place.subjects() and not box.is_unfinished(place, ACCOUNTS):
        raise IntegrityError(
            f"the key of the vault in {place.root} is not there: put back a copy of {place.keys}, "
            "or move the rest away and penjing vault restore DIR --elsewhere"
        )
    raise BadInput(f"there is no vault in {place.root}: make one with penjing vault init")


def rotate_accounts(place: Place, secret: Secret, new: Sequence[Secret]) -> None:
    """Give the accounts another key and secret; no penjing may have the vault open."""
    require_vault(place)
    process.shield()
    box.rotate(place, ACCOUNTS, secret, new)


def _id_of(secret: Secret) -> str | None:
    return secret.id if isinstance(secret, Token) else None


def _tokens(known: slots.Slots) -> dict[str, tuple[str, ...] | None]:
    named = ((slots.token_of(way), slots.scopes_of(way)) for way in known.ways)
    return {token: scopes for token, scopes in named if token is not None}


def place_in(home: Path) -> Place:
    """Where the vault of a home is."""
    return Place(home / "vault")
