"""Every older database becomes what a new one is, in whole steps or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from penjing.core.errors import FormatError
from penjing.vault.accounts import Person
from penjing.vault.database import Connection, Database
from penjing.vault.envelope import Key
from penjing.vault.history import PersonHistory
from penjing.vault.locks import Lock
from penjing.vault.migrations import ACCOUNTS, PERSON, Step, migrate

WHO = Person("a" * 32, "Anna", "owner", 0.0)


def opened(folder: Path, key: bytes) -> Database:
    return Database(folder / "a.db", Key(key), Lock(folder / "turn"), new=True)


def schema(database: Database) -> list[tuple[str, str]]:
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
        ).fetchall()
    return [(name, " ".join(sql.split())) for name, sql in rows]


@pytest.mark.parametrize("steps", [PERSON, ACCOUNTS])
def test_every_older_version_becomes_the_newest(tmp_path: Path, steps: Sequence[Step]) -> None:
    wanted = None
    for version in range(len(steps) + 1):
        folder = tmp_path / str(version)
        folder.mkdir()
        database = opened(folder, b"k" * 32)
        assert migrate(database, steps[:version]) == version
        assert migrate(database, steps) == len(steps) - version
        assert migrate(database, steps) == 0
        wanted = wanted or schema(database)
        assert schema(database) == wanted
        database.close()


def test_what_was_said_before_the_search_is_found_after_it(tmp_path: Path) -> None:
    database = opened(tmp_path, b"k" * 32)
    migrate(database, PERSON[:2])
    with database.writing() as connection:
        connection.execute("INSERT INTO session VALUES (1, 'session', ?, 's', '', 1, 1)", (WHO.id,))
        connection.execute(
            "INSERT INTO turn VALUES (1, 'turn', ?, 's', 1, 1, 'user', 'an old turn', NULL)",
            (WHO.id,),
        )
    migrate(database, PERSON)
    assert [one.turn.number for one in PersonHistory(database, WHO.id).search("old")] == [1]
    database.close()


def test_a_step_that_fails_leaves_the_version_before_it(tmp_path: Path) -> None:
    def half(connection: Connection) -> None:
        connection.execute("CREATE TABLE half (x)")
        raise KeyboardInterrupt

    database = opened(tmp_path, b"k" * 32)
    migrate(database, PERSON[:1])
    before = schema(database)
    with pytest.raises(KeyboardInterrupt):
        migrate(database, [*PERSON, half])
    with database.reading() as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(PERSON)
    assert [name for name, _ in schema(database) if name == "half"] == []
    assert len(schema(database)) > len(before)
    database.close()


def test_a_database_of_a_newer_penjing_is_left_alone(tmp_path: Path) -> None:
    database = opened(tmp_path, b"k" * 32)
    migrate(database, PERSON)
    with pytest.raises(FormatError, match="install a newer penjing"):
        migrate(database, PERSON[:1])
    database.close()


def test_every_table_of_a_person_says_what_its_rows_are(tmp_path: Path) -> None:
    """What salvaging relies on."""
    database = opened(tmp_path, b"k" * 32)
    migrate(database, PERSON)
    with database.reading() as connection:
        names = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'"
                " AND name NOT LIKE 'words%' AND name NOT LIKE 'terms%'"
            ).fetchall()
        ]
        for name in names:
            info = connection.execute(f"PRAGMA table_info({name})").fetchall()
            assert [row[1] for row in info[:3]] == ["number", "what", "owner"], name
    assert "turn" in names
    database.close()
