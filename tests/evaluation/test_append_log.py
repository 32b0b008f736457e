"""Rows that survive: kills, cut files, other signatures, full disks."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from penjing.core.errors import StorageError
from penjing.evaluation.append_log import Ledger, fill, refill

SIGNATURE = {"kind": "test", "identity": "x", "context": 3}


def rows(count: int) -> np.ndarray:
    return np.arange(count * 4, dtype=np.float64).reshape(count, 4)


def begin(tmp_path: Path, count: int = 3, **changes: object) -> Ledger:
    signature = {**SIGNATURE, **changes}
    return Ledger(tmp_path / "deep" / "name", signature, row_bytes=32, rows=count)  # type: ignore[arg-type]


def test_rows_come_back_in_pieces_or_whole(tmp_path: Path) -> None:
    ledger = begin(tmp_path)
    ledger.append([rows(3)[0]])
    ledger.append([rows(3)[1, :1], rows(3)[1, 1:]])
    table = np.zeros((3, 4))
    assert refill(table, ledger) == 2
    assert table[:2].tolist() == rows(3)[:2].tolist()
    assert refill(table, None) == 0


def test_another_process_goes_on(tmp_path: Path) -> None:
    begin(tmp_path).append([rows(3)[0]])
    again = begin(tmp_path)
    assert again.done == 1
    again.append([rows(3)[1]])
    table = np.zeros((3, 4))
    refill(table, begin(tmp_path))
    assert table[:2].tolist() == rows(3)[:2].tolist()


def test_a_row_cut_short_is_written_again(tmp_path: Path) -> None:
    ledger = begin(tmp_path)
    ledger.append([rows(3)[0]])

    def torn() -> Iterator[np.ndarray]:
        yield rows(3)[1, :2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.append(torn())
    again = begin(tmp_path)
    assert again.done == 1
    again.append([rows(3)[1]])
    assert again.rows_path.stat().st_size == 64
    table = np.zeros((3, 4))
    refill(table, again)
    assert table[1].tolist() == rows(3)[1].tolist()


@pytest.mark.parametrize(
    "changes", [{"identity": "y"}, {"context": 4}, {"kind": "other"}, {"count": 4}]
)
def test_another_signature_begins_from_nothing(tmp_path: Path, changes: dict) -> None:
    begin(tmp_path).append([rows(3)[0]])
    other = begin(tmp_path, **changes)
    assert other.done == 0
    assert other.rows_path.stat().st_size == 0
    assert begin(tmp_path).done == 0


@pytest.mark.parametrize("damage", ["not json", "[]", "{}", '{"done": "3"}', "\udcff"])
def test_a_damaged_note_begins_from_nothing(tmp_path: Path, damage: str) -> None:
    begin(tmp_path).append([rows(3)[0]])
    (tmp_path / "deep" / "name.json").write_bytes(damage.encode("utf-8", "surrogateescape"))
    assert begin(tmp_path).done == 0


@pytest.mark.parametrize("done", [-1, 4, 1.0, None, True])
def test_an_impossible_count_begins_from_nothing(tmp_path: Path, done: object) -> None:
    ledger = begin(tmp_path)
    for row in rows(3):
        ledger.append([row])
    note = tmp_path / "deep" / "name.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "done": done}))
    assert begin(tmp_path).done == 0


def test_a_file_shorter_than_its_note_begins_from_nothing(tmp_path: Path) -> None:
    ledger = begin(tmp_path)
    ledger.append([rows(3)[0]])
    os.truncate(ledger.rows_path, 31)
    assert begin(tmp_path).done == 0


def test_reading_past_the_end_is_a_storage_error(tmp_path: Path) -> None:
    ledger = begin(tmp_path)
    ledger.append([rows(3)[0]])
    with ledger.open_row(1) as file, pytest.raises(StorageError, match="shorter than it was"):
        fill(file, np.zeros(4))
    ledger.rows_path.unlink()
    with pytest.raises(StorageError, match="cannot read"):
        ledger.open_row(0)


def test_a_row_of_another_size_is_a_mistake_of_ours(tmp_path: Path) -> None:
    ledger = begin(tmp_path)
    with pytest.raises(ValueError, match="one row"):
        ledger.append([np.zeros(5)])
    assert begin(tmp_path).done == 0


def test_room_is_asked_for_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=95))
    with pytest.raises(StorageError, match="95 B free and 96 B are needed"):
        begin(tmp_path)
    assert not (tmp_path / "deep").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=96))
    begin(tmp_path).append([rows(3)[0]])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=64))
    assert begin(tmp_path).done == 1  # what is there already needs no more room


def test_a_disk_that_fills_up_is_one_line_and_costs_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = begin(tmp_path)
    ledger.append([rows(3)[0]])

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="the disk is full"):
        ledger.append([rows(3)[1]])
    monkeypatch.undo()
    assert begin(tmp_path).done == 1


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("a file in the way")
    with pytest.raises(StorageError, match="cannot write"):
        begin(tmp_path)
