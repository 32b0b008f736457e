"""What is too old is gone from the file itself, not only from the lists."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from members import ANNA

from penjing.core.errors import BadInput
from penjing.core.messages import Message
from penjing.vault.cipher_pages import pages
from penjing.vault.person import PersonStore
from penjing.vault.retention import DAYS, ExpiryReport, require_days
from penjing.vault.vault import Vault

OLD, NEW = "xylophone from long ago", "quicksilver of today"
DAY = 86400.0


def plain(store: PersonStore) -> bytes:
    """Everything that the file says once it is decrypted."""
    return b"".join(page.data or b"" for page in pages(store.database.path, store.database.key))


def fill(store: PersonStore, turns: int = 300) -> str:
    """Old turns in an old session, and both kinds in another."""
    times = itertools.count(1000.0)
    store.history._clock = lambda: next(times)
    old, both = store.history.begin(OLD), store.history.begin("both")
    for number in range(turns):
        store.history.append_turn(old.id, Message.of("user", f"{OLD} {number} " + "z" * number))
    store.history.append_turn(both.id, Message.of("user", OLD))
    store.snapshots.put("kv", OLD.encode())
    store.history._clock = lambda: 100 * DAY
    store.history.append_turn(both.id, Message.of("user", NEW))
    return both.id


def test_without_a_setting_everything_is_kept(anna: PersonStore) -> None:
    fill(anna, 3)
    assert anna.expire() == ExpiryReport(0, 0)
    assert OLD.encode() in plain(anna)


def test_what_is_too_old_is_in_no_page_any_more(anna: PersonStore) -> None:
    both = fill(anna)
    anna.settings.put(DAYS, "30")
    anna._clock = lambda: 101 * DAY
    assert b"xyl" in plain(anna)
    size = anna.database.path.stat().st_size
    assert anna.expire() == ExpiryReport(301, 1)
    assert [turn.message.text for turn in anna.history.turns(both)] == [NEW]
    assert anna.snapshots.names() == []
    assert anna.history.search("xylophone") == []
    assert [one.turn.message.text for one in anna.history.search("quicksilver")] == [NEW]
    left = plain(anna)
    assert NEW.encode() in left
    for trace in (OLD.encode(), b"xylo", b"xyl", b"long ago"):
        assert trace not in left, trace
    assert anna.database.path.stat().st_size < size
    assert anna.expire() == ExpiryReport(0, 0)


def test_a_deleted_session_is_in_no_page_any_more(anna: PersonStore) -> None:
    fill(anna, 5)
    for session in anna.history.sessions():
        anna.history.delete(session.id)
    assert b"xyl" not in plain(anna)


def test_without_overwriting_it_would_still_be_there(
    anna: PersonStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(anna, 5)
    with anna.database.reading() as connection:
        connection.execute("PRAGMA secure_delete = OFF").fetchall()
    for session in anna.history.sessions():
        anna.history.delete(session.id)
    assert b"xyl" in plain(anna)


def test_it_happens_when_a_part_is_unlocked(vault: Vault, anna: PersonStore) -> None:
    both = fill(anna, 3)
    anna.settings.put(DAYS, "30")
    anna.close()
    again = vault.unlock("Anna", ANNA)  # the clock is today's
    assert [one.id for one in again.history.sessions()] == []
    assert both not in [one.id for one in again.history.sessions()]
    again.close()


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "a", "36501", "９"])
def test_what_is_no_number_of_days_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="number of days"):
        require_days(text)


def test_days_are_read(tmp_path: Path) -> None:
    assert require_days("365") == 365
