"""A teacher of its own: what was cut out of a model is made up for, whatever is compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from penjing.bundle.codecs import codec
from penjing.core.errors import BadInput
from penjing.core.progress import Silent
from penjing.engine.llamacpp import LlamaCpp
from penjing.ggml.quantize import dequantize
from penjing.workshop.architectures import ARCHITECTURES
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.distill import train
from penjing.workshop.distill.features import (
    Activations,
    angle_loss,
    attention_loss,
    distance_loss,
    hidden_loss,
)
from penjing.workshop.distill.loss import Objective
from penjing.workshop.distill.models import StoredWeights
from penjing.workshop.distill.schedule import Schedule
from penjing.workshop.distill.state import StateFile
from penjing.workshop.distill.teacher import Teacher, mapper, require_same_tokens
from penjing.workshop.distill.train import TrainingResult, distill
from penjing.workshop.export.gguf import export_gguf, plan_for
from penjing.workshop.forward import TorchModel
from penjing.workshop.prune.reshape import reshaped, whole_layers, without

CPU = torch.device("cpu")
Cut = Callable[[Checkpoint], Checkpoint]


def whole(family: str = "llama", layers: int = 3) -> Checkpoint:
    return tiny.checkpoint(family, layers=layers, ffn=128, hidden=64)


def narrow(teacher: Checkpoint) -> Checkpoint:
    """Half of the feed-forward channels."""
    layers = [replace(each, channels=np.arange(64)) for each in whole_layers(teacher.config)]
    return reshaped(teacher, layers)


def thin(teacher: Checkpoint) -> Checkpoint:
    """Half of the residual stream."""
    return reshaped(teacher, whole_layers(teacher.config), np.arange(32))


def uneven(teacher: Checkpoint) -> Checkpoint:
    """A layer without attention: llama.cpp's deci."""
    return reshaped(teacher, without(whole_layers(teacher.config), {1: "attention"}))


def windows(teacher: Checkpoint, count: int) -> list[list[int]]:
    chance = np.random.default_rng(7)
    drawn: list[list[int]] = chance.integers(0, teacher.config.vocab, (count, 32)).tolist()
    return drawn


def healed(
    student: Checkpoint,
    teacher: Checkpoint,
    objective: Objective | None = None,
    *,
    steps: int = 16,
    labels: int = 0,
    saved: StateFile | None = None,
) -> TrainingResult:
    text = windows(teacher, 68)
    schedule = Schedule(
        seconds=0, steps=steps, together=8, weight_rate=0.1, labels=labels,
        objective=objective or Objective(),
    )  # fmt: skip
    return distill(
        student, plan_for(student, "F16"), StoredWeights(student), text[:64], schedule,
        apart={"text": text[64:]}, saved=saved or StateFile(None), device=CPU,
        dtype=torch.float32, progress=Silent(), of=teacher, floats=True,
    )  # fmt: skip


def weights(student: Checkpoint, made: TrainingResult) -> dict[str, torch.Tensor]:
    plan = plan_for(student, "F16")
    out = {}
    for name, raw in made.tensors.items():
        source = student.tensors[name]
        kind = codec(plan[name]) if name in plan else source.codec
        out[name] = torch.from_numpy(dequantize(kind, raw, source.shape))
    return out


@pytest.mark.parametrize("cut", [narrow, thin, uneven])
def test_what_was_cut_is_made_up_for(cut: Cut) -> None:
    teacher = whole()
    found = healed(cut(teacher), teacher)
    assert found.after < 0.95 * found.before


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_every_family_can_be_healed(family: str) -> None:
    teacher = whole(family, layers=2)
    found = healed(narrow(teacher), teacher, steps=8)
    assert found.after < found.before


@pytest.mark.parametrize(
    "objective",
    [
        Objective(alpha=0.1),
        Objective(temperature=2.0),
        Objective(reverse=1.0),
        Objective(hidden=0.5),
        Objective(attention=1.0),
        Objective(distances=1.0, angles=1.0),
    ],
)
def test_any_loss_heals(objective: Objective) -> None:
    teacher = whole()
    found = healed(thin(teacher), teacher, objective)
    assert found.after < found.before


@pytest.mark.parametrize(
    ("objective", "of"),
    [
        (Objective(hidden=30.0), hidden_loss),
        (Objective(distances=300.0), distance_loss),
        (Objective(angles=300.0), angle_loss),
        (Objective(attention=300.0), attention_loss),
    ],
)
def test_what_is_compared_comes_nearer(
    objective: Objective, of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> None:
    """Than where logits alone are compared: on text that nothing was trained on."""
    teacher = whole()
    student = narrow(teacher)
    ids = torch.tensor(windows(teacher, 68)[64:])
    layers = range(teacher.config.layers)

    def apart(told: Objective) -> float:
        changed = weights(student, healed(student, teacher, told))
        model = TorchModel.load(student)
        ours = Activations()
        model.watch = mapper(model, layers, ours)
        with torch.no_grad(), model.replaced(changed):
            hidden = model.embed(ids)
            for layer in layers:
                ours.hidden[layer] = hidden = model.block(layer, hidden)
        _, theirs = Teacher(teacher, device=CPU, dtype=torch.float32).seen(ids, layers, maps=True)
        field = "attention" if of is attention_loss else "hidden"
        pairs = zip(getattr(ours, field).values(), getattr(theirs, field).values(), strict=True)
        return sum(float(of(*pair)) for pair in pairs)

    assert apart(objective) < apart(Objective())


def test_kept_labels_do_nearly_as_much_as_the_teacher() -> None:
    teacher = whole()
    student = narrow(teacher)
    live, kept = healed(student, teacher), healed(student, teacher, labels=64)
    assert kept.before == live.before
    assert kept.before - kept.after > 0.8 * (live.before - live.after)


def test_labels_tell_nothing_of_what_lies_behind_them() -> None:
    teacher = whole()
    with pytest.raises(BadInput, match="hidden"):
        healed(narrow(teacher), teacher, Objective(hidden=1.0), labels=8)


def test_the_engine_reads_what_was_trained(tmp_path: Path) -> None:
    teacher = whole()
    student, path = narrow(teacher), tmp_path / "healed.gguf"
    made = healed(student, teacher)
    export_gguf(student, path, plan_for(student, "F16"),
                encoded=lambda name, _: made.tensors.get(name))  # fmt: skip
    ids = windows(teacher, 1)[0]
    with LlamaCpp.open(path, context=64) as engine:
        said = torch.from_numpy(np.array(engine.score(ids)))
    model = TorchModel.load(student)
    with torch.no_grad(), model.replaced(weights(student, made)):
        wanted = model.forward(torch.tensor(ids))
    assert torch.allclose(said, wanted, atol=0.02 * float(wanted.std()))


@pytest.mark.parametrize("labels", [0, 16])
def test_a_killed_healing_goes_on_to_the_same_end(
    labels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Projections and labels are part of the state."""
    teacher = whole()
    student = thin(teacher)
    objective = Objective() if labels else Objective(hidden=1.0)
    straight = healed(student, teacher, objective, steps=6, labels=labels)
    monkeypatch.setattr(train, "_SAVE_EVERY", 0.0)
    step, calls = train._Run.step, 0

    def dies(self: train._Run, number: int, total: int | None) -> float:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return step(self, number, total)

    monkeypatch.setattr(train._Run, "step", dies)
    saved = StateFile(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        healed(student, teacher, objective, steps=6, labels=labels, saved=saved)
    if labels:
        monkeypatch.setattr(train, "write_labels", None)  # they lie there
    again = healed(student, teacher, objective, steps=6, labels=labels, saved=saved)
    assert again.kl == straight.kl
    for name, raw in straight.tensors.items():
        assert np.array_equal(again.tensors[name], raw)


def test_other_tokens_are_refused_and_both_are_named() -> None:
    teacher = whole()
    tokens = teacher.metadata["tokenizer.ggml.tokens"]
    words = list(tokens.data)
    other = Checkpoint.of(
        "other", {**teacher.metadata, "tokenizer.ggml.tokens": replace(
            tokens, data=[*words[:9], "else", *words[10:]])},
        teacher.tensors,
    )  # fmt: skip
    with pytest.raises(BadInput, match="token 9 is 'else' in other"):
        require_same_tokens(other, teacher)
    smaller = tiny.checkpoint("qwen2", vocab=300)
    with pytest.raises(BadInput, match="300"):
        require_same_tokens(smaller, teacher)
    require_same_tokens(narrow(teacher), teacher)
