"""Passports, effects and recipes with anything in any place."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import oddities
import pytest
from rich.console import Console

from penjing.app.recipes import read_recipe
from penjing.core.plain_json import read_json
from penjing.core.progress import Silent
from penjing.workshop.compress.work import keep
from penjing.workshop.compress.work import read_json as read_kept
from penjing.workshop.report import print_passport, render_report
from penjing.workshop.search import effect_store
from penjing.workshop.search.damage import Damage
from penjing.workshop.search.effect_store import EffectStore
from penjing.workshop.search.effects import Effects

PASSPORT = Path(__file__).parents[1] / "web" / "passport.json"
RECIPE: Mapping[str, Any] = {
    "schema": 1, "model": "m", "model_sha256": "0" * 64, "budget_bytes": 1000, "effort": "light",
    "seed": 0, "text_sha256": None, "held_out": {"name": "x"}, "training_steps": None,
    "codecs": {"a": "Q8_0"},
}  # fmt: skip


def test_a_passport_is_shown_or_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "passport.json"

    def read() -> None:
        document = read_json(path, limit=2**20, inside=tmp_path)
        if isinstance(document, dict):
            print_passport(document, Console(file=io.StringIO()))
            render_report(document, {})

    document = json.loads(PASSPORT.read_text("utf-8"))
    count, refused = oddities.refusals(oddities.some(document, 3), path.write_text, read)
    assert 10 < refused < count


@pytest.mark.parametrize("what", ["effects", "plans"])
def test_effects_that_are_off_are_measured_again(tmp_path: Path, what: str) -> None:
    store, key = EffectStore(tmp_path), "k" * 40
    store.save(key, {"g": Effects("Q8_0", {"Q4_0": 0.1}, {"Q4_0": Damage(1.0, 0.5)})})
    store.save_plans(key, {"a": 0.5})
    path = tmp_path / f"{what}-{key[:32]}.json"

    def write(text: str) -> None:
        """With the right sum, so that the values themselves are looked at."""
        try:
            body = json.loads(text)
            body["sum"] = effect_store._sum(body["content"])
            text = json.dumps(body)
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        path.write_text(text)

    def read() -> None:
        effects, plans = store.load(key, Silent()), store.plans(key, Silent())
        assert all(isinstance(one, Effects) for one in effects.values())
        assert all(isinstance(one, float) for one in plans.values())

    document = json.loads(path.read_text())
    count, refused = oddities.refusals(oddities.some(document, 20), write, read)
    assert (count > 100, refused) == (True, 0)
    path.unlink()
    os.mkfifo(path)
    oddities.answered(read)


def test_a_recipe_is_read_or_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    texts = oddities.some(dict(RECIPE), 6)
    count, refused = oddities.refusals(texts, path.write_text, lambda: read_recipe(path))
    assert 20 < refused < count


def test_what_was_kept_of_unfinished_work_is_made_again_when_it_is_off(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    for text in ("{", "[" * 100_000, '{"a": 1, "a": 2}', "1e400", "\udcff"):
        path.write_text(text, "utf-8", "surrogateescape")
        assert keep(path, read_kept, lambda _: "made") == "made"
    path.write_text('[NaN, Infinity, {"a": 1}]')
    assert keep(path, read_kept, lambda _: "made")[1] == float("inf")
