"""A person's sessions and turns, and the search over them. Satisfies `core.protocols.History`."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

from penjing.core.errors import BadInput, NotFound
from penjing.core.history import Found, Session, Turn
from penjing.core.manner import name_of
from penjing.core.messages import Message, Note, Text
from penjing.vault.access import Gate, Row
from penjing.vault.database import Database
from penjing.vault.ids import Clock, new_id
from penjing.vault.snapshots import drop_all

_GRAM = 3
"""The index knows three characters and more; shorter words are looked for in the turns."""
MOST_FOUND = 1000
LONGEST_SEARCH = 1000


class PersonHistory:
    """The history in an open database."""

    def __init__(self, database: Database, owner: str, clock: Clock = time.time) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock

    def begin(self, title: str = "") -> Session:
        """A new, empty session."""
        now = self._clock()
        session = Session(new_id(), title, now, now)
        with self._database.writing() as connection:
            Gate(connection, self._owner).insert("session", **vars(session))
        return session

    def sessions(self) -> list[Session]:
        """All, the one last spoken in first."""
        with self._database.reading() as connection:
            rows = Gate(connection, self._owner).all("session", "spoke DESC, number DESC")
        return [_session(row) for row in rows]

    def rename(self, session: str, title: str) -> Session:
        """Give a session another title."""
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            gate.update("session", session, title=title)
            return _session(gate.one("session", session))

    def delete(self, session: str) -> None:
        """Remove a session and its turns from the disk."""
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            gate.one("session", session)
            gate.delete("turn", session=session)
            gate.delete("session", id=session)
            gate.delete("setting", id=name_of(session))
            drop_all(gate)  # a cached prompt may hold what was said in it

    def append_turn(self, session: str, message: Message, *, instead: int | None = None) -> Turn:
        """Add a turn, maybe in place of others; on disk when this returns."""
        now = self._clock()
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            gate.update("session", session, spoke=now)
            if instead is not None:
                _cut_back(gate, session, instead)
            number = gate.highest("turn", "place", session=session) + 1
            turn = Turn(session, number, now, message)
            gate.insert("turn", **_row(turn))
        return turn

    def branch(self, session: str, number: int, title: str) -> Session:
        """A new session with a copy of all turns up to that one."""
        now = self._clock()
        fresh = Session(new_id(), title, now, now)
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            gate.one("session", session)
            turns = gate.all("turn", "place", session=session)
            gate.insert("session", **vars(fresh))
            for row in turns:
                if row["place"] <= number:
                    gate.insert("turn", **_row(replace(_turn(row), session=fresh.id)))
        return fresh

    def turns(self, session: str) -> list[Turn]:
        """What was said, in order."""
        with self._database.reading() as connection:
            gate = Gate(connection, self._owner)
            gate.one("session", session)
            rows = gate.all("turn", "place", session=session)
        return [_turn(row) for row in rows]

    def search(self, words: str, *, limit: int = 20) -> list[Found]:
        """Turns that hold every one of the words, newest first."""
        every = words_of(words)
        long = [_quoted(word) for word in every if len(word) >= _GRAM]
        short = [_escaped(word) for word in every if len(word) < _GRAM]
        with self._database.reading() as connection:
            gate = Gate(connection, self._owner)
            query = " AND ".join(long) if long else None
            rows = gate.turns_with(query, short, min(max(limit, 1), MOST_FOUND))
            return [
                Found(_session(gate.one("session", row["session"])), _turn(row)) for row in rows
            ]


def _cut_back(gate: Gate, session: str, number: int) -> None:
    """Remove a turn and all after it. Raises NotFound when there is none of that number."""
    if not gate.all("turn", session=session, place=number):
        raise NotFound("turn", str(number))
    gate.delete_from("turn", "place", number, session=session)
    drop_all(gate)  # a cached prompt may hold what was said


def words_of(text: str) -> list[str]:
    """What to look for. Raises BadInput when that is nothing."""
    if len(text) > LONGEST_SEARCH:
        raise BadInput(f"that is too much to look for: give at most {LONGEST_SEARCH} characters")
    every = searchable(text).split()
    if not every:
        raise BadInput("there is nothing to look for: give a word or two")
    return every


def searchable(text: str) -> str:
    """A text as the index sees it: SQLite's functions stop at a NUL."""
    return text.replace("\0", " ")


def _quoted(word: str) -> str:
    """A word as the index takes it, without any of its operators."""
    return '"' + word.replace('"', '""') + '"'


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _session(row: Row) -> Session:
    return Session(row["id"], row["title"], row["began"], row["spoke"])


def _row(turn: Turn) -> Row:
    text = searchable(turn.message.text)
    plain = turn.message == Message.of(turn.message.role, text)
    parts = None if plain else json.dumps([_plain(part) for part in turn.message.parts])
    return {
        "session": turn.session,
        "place": turn.number,
        "at": turn.at,
        "role": turn.message.role,
        "text": text,
        "parts": parts,
    }


def _turn(row: Row) -> Turn:
    parts = [row["text"]] if row["parts"] is None else json.loads(row["parts"])
    message = Message(row["role"], tuple(_part(part) for part in parts))
    return Turn(row["session"], row["place"], row["at"], message)


def _plain(part: Text | Note) -> object:
    return part.text if isinstance(part, Text) else {"note": part.name, "data": part.data}


def _part(plain: Any) -> Text | Note:
    return Text(plain) if isinstance(plain, str) else Note(plain["note"], plain["data"])
