"""One command prunes, heals and rounds; shapes are looked for, and what is better ships."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml
from place import Place

from penjing.app import compressing
from penjing.bundle.folder import verify
from penjing.cli.app import main
from penjing.core.errors import BadInput
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress import choose, settings, timing
from penjing.workshop.compress.shapes import dimensions, shape_of
from penjing.workshop.prune.shape import Shape
from penjing.workshop.search.groups import groups_of


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("shapes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENJING_HOME", str(folder / "home"))
        yield Place(folder)


@pytest.fixture
def quick(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few shapes, few codecs, timed once."""
    few = timing.uniform(groups_of(place.checkpoint))[:2]
    light = settings.EFFORTS["light"]
    monkeypatch.setitem(settings.EFFORTS, "light", replace(light, assemblies=2))
    monkeypatch.setattr(timing, "uniform", lambda _: few)
    monkeypatch.setattr(timing, "heads", lambda _: [])
    monkeypatch.setattr(timing, "ROUNDS", 1)


def kld(item: dict[str, Any]) -> float:
    return next(m["value"] for m in item["measurements"] if m["metric"] == "kld_mean")


def test_one_command_prunes_repairs_and_rounds(place: Place, capsys: Any, quick: None) -> None:
    status, made, said = place.run(capsys, "pruned", "--prune", "ffn=0.5,heads=0.5", size="80KB")
    assert status in (0, 1), said
    out = place.folder / "pruned"
    assert made["file"]["bytes"] <= 80_000
    told = made["shape"]
    assert told["shipped"] == choose.PRUNED
    assert told["shape"]["ffn"] == 0.5
    assert told["parameters"] < told["parameters_before"] == place.checkpoint.parameters
    assert made["file"]["parameters"] == told["parameters"]
    names = [control["name"] for control in made["controls"]]
    assert names == [choose.ALONE, "pruned, not healed", "pruned at random"]
    assert all(control["bytes"] <= made["file"]["bytes"] for control in made["controls"])
    assert {"prefill_tps", "decode_tps"} <= made["runtime"]["rows"][1].keys()
    verify(out)
    with Checkpoint.open(out / "model.gguf") as file:
        assert file.config.ffn == 128
        assert file.config.kv_heads == 1
    with LlamaCpp.open(out / "model.gguf", threads=1) as model:
        assert model.score([1, 2, 3]).shape[0] == 3
    page = (out / "report.html").read_text()
    assert "parts were left out" in page
    recipe = yaml.safe_load((out / "recipe.yaml").read_text())
    assert recipe["prune"] == told["shape"]
    again = ["--recipe", str(out / "recipe.yaml")]
    status, _, said = place.run(capsys, "again", *again, size="80KB")
    assert status in (0, 1), said
    both = [(place.folder / name / "model.gguf").read_bytes() for name in ("pruned", "again")]
    assert both[0] == both[1]


def test_shapes_are_looked_for_and_the_better_ships(place: Place, capsys: Any, quick: None) -> None:
    status, made, said = place.run(
        capsys, "searched", "--prune", "search", "--shapes", "3", size="60KB"
    )
    assert status in (0, 1), said
    told = made["shape"]
    rivals = {rival["name"]: rival for rival in told["rivals"]}
    assert choose.ALONE in rivals
    assert told["shipped"] in rivals
    assert rivals[told["shipped"]]["kld"] == min(rival["kld"] for rival in rivals.values())
    shown = json.loads((place.folder / "searched" / "report.json").read_text())
    trials = shown["shapes"]["trials"]
    assert len(trials) == 3
    assert any(trial["front"] for trial in trials)
    assert "Shapes that were tried" in (place.folder / "searched" / "report.html").read_text()


def test_a_search_is_only_made_where_rounding_alone_does_not_do(
    place: Place, capsys: Any, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready: dict[str, Any] = {}
    monkeypatch.setattr(choose, "SOUND", 100.0)
    make = compressing.carry_out

    def needed(work: Any, progress: Any) -> Any:
        changed = replace(work.settings, shaping="needed", speed=0.01)
        ready["made"] = make(replace(work, settings=changed), progress)
        return ready["made"]

    monkeypatch.setattr(compressing, "carry_out", needed)
    status, made, said = place.run(capsys, "needless", size="110KB")
    assert status in (0, 1), said
    assert made["shape"]["shipped"] == choose.ALONE
    assert made["shape"]["why"] == "it meets size and speed"
    assert len(made["controls"]) == 3


def test_what_can_go_and_what_a_point_means(place: Place) -> None:
    space = dimensions(place.checkpoint)
    assert {each.name for each in space} >= {"ffn", "heads", "uneven"}
    nothing = {each.name: 0 for each in space}
    assert shape_of(space, nothing).whole
    narrow = shape_of(space, {**nothing, "ffn": 4, "uneven": 1})
    assert (narrow.ffn, narrow.uneven, narrow.repair) == (0.75, True, True)
    assert not shape_of(space, {**nothing, "ffn": 4, "uneven": 1, "heads": 1}).uneven


@pytest.mark.parametrize("said", ["ffn=2", "ffn", "x=1", "layers=-1", "", "ffn=0.5;rm"])
def test_what_cannot_be_left_out_is_refused(place: Place, capsys: Any, said: str) -> None:
    status, _, words = place.run(capsys, "odd", "--prune", said)
    assert status == 2
    assert "write for example ffn=0.75" in words


def test_a_device_that_wishes_for_more_is_asked_for_so(place: Place, capsys: Any) -> None:
    words = place.words("wished", "--dry-run")
    at = words.index("--size")
    words[at : at + 2] = ["--device", "pi-zero-2w"]
    assert main(words) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["budget_bytes"] < place.model.stat().st_size * 0.6
    assert any("shapes are tried" in stage for stage in plan["stages"])
    words[at : at + 2] = ["--device", "pi-5-8gb"]
    assert main(words) == 0
    plain = json.loads(capsys.readouterr().out)
    assert not any("shapes are tried" in stage for stage in plain["stages"])
    assert plain["disk_bytes"] < plan["disk_bytes"] + plain["budget_bytes"] * 6


def test_two_kinds_of_depth_are_refused() -> None:
    with pytest.raises(BadInput, match="one of --layers"):
        Shape(layers=1, sublayers=1)
