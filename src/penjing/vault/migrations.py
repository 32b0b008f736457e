"""How a database came to be what it is: numbered steps, each whole or not at all.

A step is never edited once it was released: append one. Every table that holds what a person said
or keeps begins with the same columns,

    number INTEGER PRIMARY KEY, what TEXT (the table's own name), owner TEXT, ...

so that one page of rows is enough to know what they are (`salvage.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from penjing.core.errors import FormatError, IntegrityError
from penjing.vault import outside, place
from penjing.vault.database import Connection, Database, scratch

Step = Callable[[Connection], None]


def update(database: Database, steps: Sequence[Step]) -> int:
    """Bring a database up to date that was made some time; how many steps it took.

    Nothing is written to one that does not hold what its version must. Raises IntegrityError.
    """
    require_made(database, steps)
    return migrate(database, steps)


def require_made(database: Database, steps: Sequence[Step]) -> None:
    """Raise IntegrityError unless what its version made is in a database."""
    with database.reading() as connection:
        version = _version(connection)
        there = _schema(connection)
    name = database.path.name
    lost = _schema_of(tuple(steps[:version])) - there
    if lost and version <= len(steps):
        what = " ".join(min(lost))
        raise IntegrityError(f"{name} has lost its {what}: {outside.remedy(database.path)}")


def migrate(database: Database, steps: Sequence[Step]) -> int:
    """Bring a database up to date; how many steps it took. Raises FormatError when it is newer."""
    with database.reading() as connection:
        version = _version(connection)
    if version > len(steps):
        advice = "install a newer penjing"
        raise FormatError(f"{database.path.name} was written by a newer penjing: {advice}")
    for number, step in enumerate(steps[version:], start=version + 1):
        with database.writing() as connection:
            if _version(connection) >= number:  # another process was faster
                continue
            step(connection)
            connection.execute(f"PRAGMA user_version = {number}")
    return len(steps) - version


def _version(connection: Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _schema(connection: Connection) -> frozenset[tuple[str, str]]:
    rows = connection.execute("SELECT type, name FROM sqlite_schema").fetchall()
    return frozenset((str(kind), str(name)) for kind, name in rows)


@cache
def _schema_of(steps: tuple[Step, ...]) -> frozenset[tuple[str, str]]:
    """What these steps make of nothing, in memory."""
    with scratch() as connection:
        for step in steps:
            step(connection)
        return _schema(connection)


# ------------------------------------------------------------------------------- a person's own


def _history(connection: Connection) -> None:
    connection.execute(
        """CREATE TABLE session (
            number INTEGER PRIMARY KEY, what TEXT NOT NULL, owner TEXT NOT NULL,
            id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, began REAL NOT NULL, spoke REAL NOT NULL
        )"""
    )
    connection.execute(
        """CREATE TABLE turn (
            number INTEGER PRIMARY KEY, what TEXT NOT NULL, owner TEXT NOT NULL,
            session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
            place INTEGER NOT NULL, at REAL NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL,
            parts TEXT, UNIQUE (session, place)
        )"""
    )
    connection.execute("CREATE INDEX turn_at ON turn (at)")
    connection.execute(
        """CREATE TABLE setting (
            number INTEGER PRIMARY KEY, what TEXT NOT NULL, owner TEXT NOT NULL,
            id TEXT NOT NULL UNIQUE, value TEXT NOT NULL
        )"""
    )


def _documents(connection: Connection) -> None:
    connection.execute(
        """CREATE TABLE document (
            number INTEGER PRIMARY KEY, what TEXT NOT NULL, owner TEXT NOT NULL,
            id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, media TEXT NOT NULL,
            size INTEGER NOT NULL, added REAL NOT NULL, sha256 TEXT NOT NULL
        )"""
    )
    connection.execute(
        """CREATE TABLE excerpt (
            number INTEGER PRIMARY KEY, what TEXT NOT NULL, owner TEXT NOT NULL,
            document TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,
            place INTEGER NOT NULL, text TEXT NOT NULL, location TEXT NOT NULL,
            vector BLOB NOT NULL, UNIQUE (document, place)
        )"""
    )
    connection.execute(
        """CREATE TABLE snapshot (
            number INTEGER PRIMARY KEY, what TEXT NOT NULL, owner TEXT NOT NULL,
            id TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, sha256 TEXT NOT NULL, made REAL NOT NULL
        )"""
    )
    connection.execute(
        """CREATE TABLE piece (
            number INTEGER PRIMARY KEY, what TEXT NOT NULL, owner TEXT NOT NULL,
            of TEXT NOT NULL, place INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (of, place)
        )"""
    )


def _search(connection: Connection) -> None:
    """Trigrams: Chinese has no spaces between words. What is deleted leaves the index as well."""
    connection.execute(
        """CREATE VIRTUAL TABLE words USING fts5(
            text, content='turn', content_rowid='number', tokenize='trigram'
        )"""
    )
    connection.execute("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)")
    connection.execute(
        """CREATE TRIGGER turn_in AFTER INSERT ON turn BEGIN
            INSERT INTO words (rowid, text) VALUES (new.number, new.text);
        END"""
    )
    connection.execute(
        """CREATE TRIGGER turn_out AFTER DELETE ON turn BEGIN
            INSERT INTO words (words, rowid, text) VALUES ('delete', old.number, old.text);
        END"""
    )
    connection.execute("INSERT INTO words (words) VALUES ('rebuild')")


def _passages(connection: Connection) -> None:
    """Excerpts are found by their words: `words` holds them where spaces do not part them.

    What the index says of an excerpt is a view, so that one text is not kept twice.
    """
    connection.execute("ALTER TABLE document ADD COLUMN ready INTEGER NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE document ADD COLUMN excerpts INTEGER NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE excerpt ADD COLUMN start INTEGER NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE excerpt ADD COLUMN words TEXT")
    connection.execute(
        """CREATE VIEW sayings (number, text) AS
            SELECT number, coalesce(words, location || char(10) || text) FROM excerpt"""
    )
    connection.execute(
        """CREATE VIRTUAL TABLE terms USING fts5(
            text, content='sayings', content_rowid='number',
            tokenize='porter unicode61 remove_diacritics 2'
        )"""
    )
    connection.execute("INSERT INTO terms (terms, rank) VALUES ('secure-delete', 1)")
    connection.execute(
        """CREATE TRIGGER excerpt_in AFTER INSERT ON excerpt BEGIN
            INSERT INTO terms (rowid, text) VALUES
                (new.number, coalesce(new.words, new.location || char(10) || new.text));
        END"""
    )
    connection.execute(
        """CREATE TRIGGER excerpt_out AFTER DELETE ON excerpt BEGIN
            INSERT INTO terms (terms, rowid, text) VALUES ('delete',
                old.number, coalesce(old.words, old.location || char(10) || old.text));
        END"""
    )
    connection.execute("INSERT INTO terms (terms) VALUES ('rebuild')")


PERSON: tuple[Step, ...] = (_history, _documents, _search, _passages)
"""From nothing to what a person's database is today."""


# -------------------------------------------------------------------------------- the accounts


def _people(connection: Connection) -> None:
    connection.execute(
        """CREATE TABLE person (
            number INTEGER PRIMARY KEY, what TEXT NOT NULL, id TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL UNIQUE COLLATE NOCASE, role TEXT NOT NULL, added REAL NOT NULL
        )"""
    )
    connection.execute(
        """CREATE TABLE permission (
            number INTEGER PRIMARY KEY, what TEXT NOT NULL,
            person TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
            kind TEXT NOT NULL, name TEXT NOT NULL, allowed INTEGER NOT NULL,
            UNIQUE (person, kind, name)
        )"""
    )


def _audit(connection: Connection) -> None:
    connection.execute(
        """CREATE TABLE audit (
            number INTEGER PRIMARY KEY, what TEXT NOT NULL, at TEXT NOT NULL, who TEXT NOT NULL,
            event TEXT NOT NULL, object TEXT NOT NULL, hash TEXT NOT NULL
        )"""
    )
    connection.execute(
        """CREATE TABLE secret (
            number INTEGER PRIMARY KEY, what TEXT NOT NULL, name TEXT NOT NULL UNIQUE,
            value BLOB NOT NULL
        )"""
    )
    connection.execute(
        "INSERT INTO secret (what, name, value) VALUES ('secret', 'audit', randomblob(32))"
    )


def _due(connection: Connection) -> None:
    """When something is due, for whoever has no key of its person. No reference: a line of `person`
    that damage took is given back, and what was due for them with it.
    """
    connection.execute(
        """CREATE TABLE due (
            number INTEGER PRIMARY KEY, what TEXT NOT NULL, id TEXT NOT NULL UNIQUE,
            person TEXT NOT NULL, body TEXT NOT NULL
        )"""
    )


ACCOUNTS: tuple[Step, ...] = (_people, _audit, _due)
"""From nothing to what the accounts database is today."""


def steps_of(subject: str) -> tuple[Step, ...]:
    """From nothing to what a subject's database is today."""
    return ACCOUNTS if subject == place.ACCOUNTS else PERSON
