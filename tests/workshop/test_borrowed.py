"""Effects lent to a pruned model: by the layer it was, by the share that is left."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.prune.reshape import Layer, reshaped, whole_layers
from penjing.workshop.search.borrowed import Lender, borrowed, lent_to
from penjing.workshop.search.damage import Damage
from penjing.workshop.search.effects import Effects
from penjing.workshop.search.groups import groups_of
from penjing.workshop.search.times import Times, with_floats


def effects(number: int) -> Effects:
    measured = {"Q4_0": 0.01 * (number + 1)}
    damage = {"Q4_0": Damage(1.0, 1.0), "Q8_0": Damage(0.01, 0.01)}
    return Effects("F32", measured, damage)


def test_a_group_has_the_effects_of_the_layer_it_was(
    tiny_checkpoint: Callable[..., Checkpoint],
) -> None:
    whole = tiny_checkpoint("llama", layers=3, ffn=128)
    table = {group.name: effects(n) for n, group in enumerate(groups_of(whole))}
    weights = {group.name: group.parameters for group in groups_of(whole)}
    layers = [
        Layer(layer.source, layer.groups, np.arange(64)) for layer in whole_layers(whole.config)
    ]
    small = reshaped(whole, layers[1:])
    rows = borrowed(
        groups_of(small), Lender(table, weights), [1, 2], padded=lambda n: n, names=("Q4_0", "Q8_0")
    )
    found = {choice.codec: choice for choice in rows["blk.0.ffn_down"]}
    assert set(found) == {"F32", "Q4_0", "Q8_0"}
    former = table["blk.1.ffn_down"]
    assert found["Q4_0"].loss == pytest.approx(0.5 * former.loss("Q4_0"))
    assert found["Q8_0"].loss == pytest.approx(0.5 * former.loss("Q8_0"))
    assert found["F32"].loss == 0
    assert rows["token_embd"][1].loss == pytest.approx(table["token_embd"].loss("Q4_0"))


def test_a_group_that_came_in_another_codec_knows_what_it_came_in() -> None:
    class Other:
        own = "F16"

    known = effects(0)
    lent = lent_to(Other(), known)  # type: ignore[arg-type]
    assert (lent.own, lent.loss("F16"), lent.loss("F32")) == ("F16", 0.0, 0.0)
    assert lent.loss("Q8_0") == pytest.approx(known.loss("Q8_0"))


def test_what_no_file_was_timed_of_is_as_dear_as_its_bytes() -> None:
    times = with_floats(Times({"blocks Q4_0": 4.5, "blocks Q8_0": 17.0, "head Q4_0": 9.0}, "h"))
    assert times.price["blocks F16"] == pytest.approx(2 * 16)
    assert times.price["head F32"] == pytest.approx(2 * 32)
    assert times.price["blocks Q4_0"] == 4.5
