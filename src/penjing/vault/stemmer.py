"""Stemming: words as the passage index keeps them, without case, accents and English endings.

Asked of SQLite's own tokenizer, so that what is looked for is what was kept.
"""

from __future__ import annotations

import threading
from functools import cache, lru_cache
from typing import Any

TOKENIZER = "porter unicode61 remove_diacritics 2"
"""Of the index `terms`; another one needs another migration."""
_MOST = 10_000

_lock = threading.Lock()


@lru_cache(_MOST)
def forms(word: str) -> tuple[str, ...]:
    """The forms of a word, in order; several where it holds a dash or a dot, perhaps none."""
    with _lock:
        connection = _scratch()
        connection.execute("INSERT INTO scratch (rowid, text) VALUES (1, ?)", (word,))
        rows = connection.execute("SELECT term FROM found ORDER BY offset").fetchall()
        connection.execute("INSERT INTO scratch (scratch) VALUES ('delete-all')")
    return tuple(str(row[0]) for row in rows)


def _sqlite() -> Any:
    """The vault's own SQLite; without it Python's, which has the same tokenizer."""
    try:
        from sqlcipher3 import dbapi2
    except ModuleNotFoundError:
        import sqlite3 as dbapi2
    return dbapi2


@cache
def _scratch() -> Any:
    """An index in memory, empty between two words."""
    connection = _sqlite().connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute(
        f"CREATE VIRTUAL TABLE scratch USING fts5(text, content='', tokenize='{TOKENIZER}')"
    )
    connection.execute("CREATE VIRTUAL TABLE found USING fts5vocab('scratch', 'instance')")
    return connection
