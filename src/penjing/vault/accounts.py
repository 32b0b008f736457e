"""Who there is, what they are and what they may use. Holds no history and opens none.

Every change is written to the audit log in the same transaction.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from penjing.core.errors import BadInput, NotPermitted, UnknownName
from penjing.vault import audit
from penjing.vault.access import KINDS, OPERATOR, Actor, Kind, Role, require_role
from penjing.vault.database import Connection, Database
from penjing.vault.ids import Clock

LONGEST_NAME = 64
WIPED = "person wiped"
"""What the audit log says when somebody was."""


@dataclass(frozen=True)
class Person:
    """Somebody who has a part of the vault."""

    id: str
    """Random; also names their files."""
    name: str
    """What they type to log in."""
    role: Role
    """Owner, member or guest."""
    added: float
    """When."""


class Accounts:
    """The accounts in an open database."""

    def __init__(self, database: Database, head: Path, clock: Clock = time.time) -> None:
        self._database = database
        self._clock = clock
        self.audit = audit.AuditLog(database, head)

    @property
    def database(self) -> Database:
        """The database itself, to verify or to copy."""
        return self._database

    def people(self) -> list[Person]:
        """Everybody, the first to be added first."""
        with self._database.reading() as connection:
            rows = connection.execute(f"{_PEOPLE} ORDER BY number").fetchall()
        return [_person(row) for row in rows]

    def find(self, name: str) -> Person | None:
        """A person by name; None where there is none."""
        return next((one for one in self.people() if _same(one.name, name)), None)

    def require(self, name: str) -> Person:
        """A person by name. Raises UnknownName."""
        person = self.find(name)
        if person is None:
            raise UnknownName("person", name, [one.name for one in self.people()])
        return person

    def actor(self, person_id: str) -> Actor:
        """A person with what they may do now. Raises UnknownName for who is not there any more."""
        person = next((one for one in self.people() if one.id == person_id), None)
        if person is None:
            raise UnknownName("person", person_id, [])
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT kind, name, allowed FROM permission WHERE person = ? ORDER BY number",
                (person.id,),
            ).fetchall()
        said = {(kind, name): bool(allowed) for kind, name, allowed in rows}
        return Actor(person.id, person.name, person.role, said)

    def add(self, actor: Actor, person_id: str, name: str, role: str) -> Person:
        """Write a person down. Raises BadInput when the name is taken."""
        person = Person(person_id, self.free_name(name), require_role(role), self._clock())
        with self._changing(actor, "person added", person_id) as connection:
            _insert(connection, person)
        return person

    def free_name(self, name: str) -> str:
        """A name that can be given to somebody new. Raises BadInput."""
        clean = require_name(name)
        if self.find(clean) is not None:
            raise BadInput(f"there is a person '{clean}' already: choose another name")
        return clean

    def rename(self, actor: Actor, person: Person, name: str) -> None:
        """Call a person something else."""
        clean = name if _same(name, person.name) else self.free_name(name)
        clean = require_name(clean)
        with self._changing(actor, "person renamed", person.id) as connection:
            connection.execute("UPDATE person SET name = ? WHERE id = ?", (clean, person.id))

    def set_role(self, actor: Actor, person: Person, role: str) -> None:
        """Make a person something else. The last owner stays one."""
        wanted = require_role(role)
        with self._changing(actor, f"role set to {wanted}", person.id) as connection:
            if wanted != "owner":
                self._require_other_owner(person)
            connection.execute("UPDATE person SET role = ? WHERE id = ?", (wanted, person.id))

    def _require_other_owner(self, person: Person) -> None:
        """Raise BadInput unless an owner stays when this one is none any more."""
        if [one.id for one in self.people() if one.role == "owner"] == [person.id]:
            raise BadInput(f"{person.name} is the only owner: make somebody else an owner first")

    def permit(self, actor: Actor, person: Person, kind: Kind, name: str, allowed: bool) -> None:
        """Say that a person may or may not use a tool, a source or an assistant ("*": any)."""
        if kind not in KINDS:
            raise BadInput(f"'{kind}' cannot be permitted: choose {', '.join(KINDS)}")
        event = f"{kind} {'allowed' if allowed else 'refused'}"
        with self._changing(actor, event, person.id) as connection:
            connection.execute(
                "INSERT INTO permission (what, person, kind, name, allowed)"
                " VALUES ('permission', ?, ?, ?, ?)"
                " ON CONFLICT (person, kind, name) DO UPDATE SET allowed = excluded.allowed",
                (person.id, kind, name, int(allowed)),
            )

    def remove(self, who: str, person_id: str) -> None:
        """Strike a person out whose key was destroyed before."""
        with self._database.writing(after=self.audit.write_head) as connection:
            _strike_out(connection, who, person_id)

    @contextmanager
    def removing(self, actor: Actor, person: Person) -> Iterator[None]:
        """Strike a person out whose key the block destroys. Themselves or an owner.

        Nobody else changes who there is between the look at who stays and the end of it. Raises
        BadInput for the last owner while there is somebody else.
        """
        with self._database.writing(after=self.audit.write_head) as connection:
            self._require_there(person)
            if actor.id != person.id:
                self._require_owner(actor)
            if len(self.people()) > 1:
                self._require_other_owner(person)
            yield
            _strike_out(connection, actor.id, person.id)

    @contextmanager
    def _changing(self, actor: Actor, event: str, object_id: str) -> Iterator[Connection]:
        actor.require_owner()
        with self._database.writing(after=self.audit.write_head) as connection:
            self._require_owner(actor)
            yield connection
            audit.add(connection, actor.id, event, object_id)

    def _require_owner(self, actor: Actor) -> None:
        """Raise NotPermitted unless they run this vault, and do so still."""
        actor.require_owner()
        if actor.id == OPERATOR:
            return
        now = next((one for one in self.people() if one.id == actor.id), None)
        if now is None:
            raise NotPermitted(f"{actor.name} is not there any more: ask an owner to do this")
        replace(actor, role=now.role).require_owner()

    def _require_there(self, person: Person) -> None:
        people = self.people()
        if person.id not in [one.id for one in people]:
            raise UnknownName("person", person.name, [one.name for one in people])


_PEOPLE = "SELECT id, name, role, added FROM person"


def require_name(name: str) -> str:
    """A name as it is kept: NFC, printable, not too long. Raises BadInput."""
    clean = unicodedata.normalize("NFC", name).strip()
    if not clean or len(clean) > LONGEST_NAME or not clean.isprintable():
        raise BadInput(f"a name has 1 to {LONGEST_NAME} printable characters: choose another")
    return clean


def _insert(connection: Connection, person: Person) -> None:
    connection.execute(
        "INSERT INTO person (what, id, name, role, added) VALUES ('person', ?, ?, ?, ?)",
        (person.id, person.name, person.role, person.added),
    )


def _strike_out(connection: Connection, who: str, person_id: str) -> None:
    if connection.execute("DELETE FROM person WHERE id = ?", (person_id,)).rowcount:
        connection.execute("DELETE FROM due WHERE person = ?", (person_id,))
        audit.add(connection, who, WIPED, person_id)


def _person(row: tuple[str, str, Role, float]) -> Person:
    return Person(*row)


def _same(one: str, other: str) -> bool:
    left, right = (unicodedata.normalize("NFC", text).strip() for text in (one, other))
    return left.casefold() == right.casefold()
