"""What was measured is found again exactly, and nothing else is ever taken for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.core.errors import StorageError
from penjing.core.progress import Silent
from penjing.workshop.search import effect_store
from penjing.workshop.search.damage import Damage
from penjing.workshop.search.effect_store import EffectStore
from penjing.workshop.search.effects import Effects

KEY = "ab" * 32


class Heard(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


finite = st.floats(0, 1e30, allow_nan=False)
tables = st.dictionaries(
    st.text(max_size=8),
    st.builds(
        lambda own, damage: Effects(
            own, {name: each.total for name, each in list(damage.items())[::2]}, damage
        ),
        st.sampled_from(["F16", "Q4_1"]),
        st.dictionaries(
            st.sampled_from(["Q2_0", "Q4_0", "Q8_0"]), st.builds(Damage, finite, finite)
        ),
    ),
    max_size=4,
)


@given(table=tables)
@settings(max_examples=40, deadline=None)
def test_what_was_saved_is_loaded_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, Effects]
) -> None:
    store, heard = EffectStore(tmp_path_factory.mktemp("store")), Heard()
    store.save(KEY, table)
    assert store.load(KEY, heard) == table
    assert heard.notes == []


def test_an_empty_folder_holds_nothing_and_says_nothing(tmp_path: Path) -> None:
    heard = Heard()
    assert EffectStore(tmp_path / "none").load(KEY, heard) == {}
    assert EffectStore(tmp_path / "none").plans(KEY, heard) == {}
    assert heard.notes == []


def some_table() -> dict[str, Effects]:
    return {"blk.0.ffn_down": Effects("F16", {"Q4_0": 0.25}, {"Q4_0": Damage(3.0, 2.0)})}


def body(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def cut(path: Path) -> None:
    path.write_text(path.read_text()[:-20])


def binary(path: Path) -> None:
    path.write_bytes(b"\x80\xff\x00")


def number(path: Path) -> None:
    path.write_text(path.read_text().replace("0.25", "0.05"))


def other_key(path: Path) -> None:
    path.write_text(path.read_text().replace(KEY, "cd" * 32))


def schema(path: Path) -> None:
    path.write_text(json.dumps({**body(path), "schema": 99}))


def listed(path: Path) -> None:
    path.write_text("[1, 2]")


def deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def sound_and_wrong(path: Path) -> None:
    """Its sum is right and its content is not a table."""
    content = {"x": {"own": "F16", "measured": {"Q4_0": 1.0}, "damage": {}}}
    path.write_text(
        json.dumps({**body(path), "content": content, "sum": effect_store._sum(content)})
    )


def not_finite(path: Path) -> None:
    row = {"own": "F16", "measured": {}, "damage": {"Q4_0": {"total": 1e999, "typical": 1.0}}}
    content = {"x": row}
    path.write_text(
        json.dumps({**body(path), "content": content, "sum": effect_store._sum(content)})
    )


@pytest.mark.parametrize(
    "spoil",
    [cut, binary, number, other_key, schema, listed, deep, sound_and_wrong, not_finite],
    ids=lambda f: f.__name__,
)
def test_damaged_and_foreign_files_are_told_and_not_used(tmp_path: Path, spoil: Any) -> None:
    store, heard = EffectStore(tmp_path), Heard()
    store.save(KEY, some_table())
    spoil(next(tmp_path.glob("effects-*.json")))
    assert store.load(KEY, heard) == {}
    assert len(heard.notes) == 1
    assert "measured again" in heard.notes[0]
    store.save(KEY, some_table())
    assert store.load(KEY, heard) == some_table()


def test_measured_plans_are_kept_beside(tmp_path: Path) -> None:
    store, heard = EffectStore(tmp_path), Heard()
    store.save(KEY, some_table())
    store.save_plans(KEY, {"p": 0.125, "q": 3.0})
    assert store.plans(KEY, heard) == {"p": 0.125, "q": 3.0}
    assert store.load(KEY, heard) == some_table()
    assert store.plans("cd" * 32, heard) == {}
    number(next(tmp_path.glob("plans-*.json")))
    assert store.plans(KEY, heard) == {"p": 0.125, "q": 3.0}  # no 0.25 in it
    cut(next(tmp_path.glob("plans-*.json")))
    assert store.plans(KEY, heard) == {}
    assert len(heard.notes) == 1


def test_a_disk_that_refuses_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        EffectStore(tmp_path / "file").save(KEY, some_table())


def test_the_key_is_of_everything_that_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = tiny.checkpoint("llama")
    windows = [[1, 2, 3], [4, 5, 6]]
    importance = {name: np.ones(64, np.float32) for name in ("a", "b")}

    def key(
        model: Any = checkpoint, text: Any = windows, weight: Any = importance, extra: str = ""
    ) -> str:
        return EffectStore.key(model, weight, text, extra)

    changed = {**importance, "b": np.ones(64, np.float32) * 1.5}
    keys = [
        key(),
        key(model=tiny.checkpoint("llama", seed=1)),
        key(text=[[1, 2, 3], [4, 5, 7]]),
        key(text=[[1, 2], [3, 4, 5, 6]]),
        key(weight=changed),
        key(weight={"a": importance["a"]}),
        key(extra="bfloat16"),
    ]
    assert len(set(keys)) == len(keys)
    assert key() == keys[0] == key(text=np.array(windows).tolist())
    monkeypatch.setattr(effect_store, "VERSION", effect_store.VERSION + 1)
    assert key() not in keys
