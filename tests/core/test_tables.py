"""Tables that are taken key by key: what is missing, of the wrong kind, or unknown is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penjing.core.errors import BadInput
from penjing.core.tables import Kinds, Table, read_toml

KINDS: Kinds = {
    str: (lambda value: isinstance(value, str), "a text"),
    list: (lambda value: isinstance(value, list), "a list"),
}


def table(data: Any) -> Table:
    return Table(data, "pets.toml", KINDS)


def test_what_is_taken_comes_as_it_is_and_lists_as_tuples() -> None:
    pets = table(
        {"name": "Tom", "toys": ["ball"], "owner": {"name": "Ann"}, "food": [{"kind": "x"}]}
    )
    assert pets.take("name", str) == "Tom"
    assert pets.take("toys", list) == ("ball",)
    assert pets.take("colour", str, "grey") == "grey"
    assert pets.table("owner").where == "pets.toml (Tom), owner (Ann)"
    (food,) = pets.tables("food")
    assert (food.where, "kind" in food) == ("pets.toml (Tom), food 1 (x)", True)
    pets.finish()


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ([], "^pets.toml must be a table$"),
        ({}, "^pets.toml: 'name' is missing$"),
        ({"name": 3}, "^pets.toml: 'name' must be a text$"),
        ({"name": "Tom", "naem": 1}, r"^pets.toml \(Tom\): unknown 'naem': did you mean name\?$"),
        ({"name": "Tom", "zzz": 1}, r"^pets.toml \(Tom\): unknown 'zzz': known: name$"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(data: Any, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        read(data)


def read(data: Any) -> None:
    pets = table(data)
    pets.take("name", str)
    pets.finish()


def test_tables_that_are_none() -> None:
    with pytest.raises(BadInput, match=r"write \[\[food\]\]"):
        table({"food": {}}).tables("food")
    with pytest.raises(BadInput, match=r"the table \[owner\] is missing"):
        table({}).table("owner")
    with pytest.raises(BadInput, match="owner must be a table"):
        table({"owner": 1}).table("owner")


@pytest.mark.parametrize("data", [b"a = ", b"\xff", b"a = " + b"[" * 5000, b"a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "pets.toml"
    path.write_bytes(data)
    with pytest.raises(BadInput, match="is not a list of pets: ") as raised:
        read_toml(path, "a list of pets")
    assert "\n" not in str(raised.value)
