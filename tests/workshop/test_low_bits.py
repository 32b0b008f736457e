"""Few bits a weight: lattice codecs (IQ2, IQ3) are in the search where rows and method allow them.

A whole compression by the command, and which codecs a search may choose from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from place import Place

from penjing.bundle.gguf_reader import GGUFFile
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.compress.settings import Settings, codec_names
from penjing.workshop.distill.schedule import Schedule
from penjing.workshop.search.groups import CANDIDATES, LATTICE

WEIGHTS = 1_000_000


def asked(**changes: Any) -> Settings:
    """Three bits for each of a million weights, effort light."""
    words = {
        "model_name": "m", "model": Path("m"), "out": Path("o"), "budget": 3 * WEIGHTS // 8,
        "effort": "light", "seed": 0, "threads": 1, "text": None, "held_out_name": "h",
        "held_out": "", "licence": "", "note": "", "store": Path("s"),
        "schedule": Schedule(seconds=0),
    }  # fmt: skip
    return Settings(**(words | changes))


def test_few_bits_bring_them_into_the_search() -> None:
    assert set(codec_names(asked(), WEIGHTS)) == {*CANDIDATES, *LATTICE}


@pytest.mark.parametrize(
    "changes",
    [{"budget": WEIGHTS // 2}, {"effort": "standard"}, {"speed": 1.0}, {"forward": False}],
)
def test_they_are_left_out_where_they_do_not_pay(changes: dict[str, Any]) -> None:
    assert codec_names(asked(**changes), WEIGHTS) == CANDIDATES


def test_a_small_file_has_some_where_rows_allow_them(tmp_path: Path, capsys: Any) -> None:
    place = Place(tmp_path, hidden=256)
    size = 3 * place.checkpoint.parameters // 8
    status, made, said = place.run(capsys, "few", size=str(size))
    assert status in (0, 1), said  # 1: at three bits random weights say something else
    path = tmp_path / "few" / "model.gguf"
    assert path.stat().st_size <= size
    with GGUFFile.open(path) as file:
        kinds = {name: info.codec.name for name, info in file.tensors.items()}
    chosen = {name for name, kind in kinds.items() if kind in LATTICE}
    assert chosen
    assert all(name.startswith("blk.") for name in chosen)
    assert made["measurements"]
    with LlamaCpp.open(path, threads=1) as model:
        assert model.score(model.tokenize("the sea was calm")).shape[-1] == 260
