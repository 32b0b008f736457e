"""Training through codecs: what is exported is what was trained, it helps, kills cost nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from penjing.bundle.codecs import CODECS, codec
from penjing.core.errors import StorageError
from penjing.core.progress import Silent
from penjing.engine.llamacpp import LlamaCpp
from penjing.ggml.quantize import dequantize
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.distill import train
from penjing.workshop.distill.loss import Objective
from penjing.workshop.distill.models import Student
from penjing.workshop.distill.schedule import Schedule
from penjing.workshop.distill.state import StateFile
from penjing.workshop.distill.teacher import Teacher
from penjing.workshop.distill.train import TrainingResult, distill
from penjing.workshop.divergence import kld
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.forward import TorchModel
from penjing.workshop.quantize.whole import Store, Wish, round_model
from penjing.workshop.tensors import Bytes

Tiny = Callable[..., Checkpoint]
CPU = torch.device("cpu")


def text(checkpoint: Checkpoint, count: int, seed: int = 0) -> list[list[int]]:
    chance = np.random.default_rng(seed)
    drawn: list[list[int]] = chance.integers(0, checkpoint.config.vocab, (count, 32)).tolist()
    return drawn


def plan_of(checkpoint: Checkpoint) -> dict[str, str]:
    rows = {name: checkpoint.tensors[name].shape[1] for name in checkpoint.quantizable}
    return {n: "Q2_0" if CODECS["Q2_0"].fits(rows[n]) else "Q4_0" for n in rows}


def started(checkpoint: Checkpoint, folder: Path) -> Store:
    store = Store(folder)
    wish = Wish(plan_of(checkpoint), latents=True)
    round_model(checkpoint, wish, text(checkpoint, 6), store, Silent())
    return store


def trained(
    checkpoint: Checkpoint, store: Store, schedule: Schedule, saved: StateFile | None = None
) -> TrainingResult:
    windows = text(checkpoint, 96)
    apart = {"one": windows[92:94], "other": windows[94:]}
    return distill(
        checkpoint, plan_of(checkpoint), store, windows[:92], schedule, apart=apart,
        saved=saved or StateFile(None), device=CPU, dtype=torch.float32, progress=Silent(),
    )  # fmt: skip


def weights(checkpoint: Checkpoint, tensors: Mapping[str, Bytes]) -> dict[str, torch.Tensor]:
    out, plan = {}, plan_of(checkpoint)
    for name, raw in tensors.items():
        source = checkpoint.tensors[name]
        kind = codec(plan[name]) if name in plan else source.codec
        out[name] = torch.from_numpy(dequantize(kind, raw, source.shape))
    return out


def divergence(checkpoint: Checkpoint, changed: Mapping[str, torch.Tensor], seed: int = 1) -> float:
    model, ids = TorchModel.load(checkpoint), torch.tensor(text(checkpoint, 8, seed))
    clean = model.forward(ids).log_softmax(-1)
    with model.replaced(changed):
        return float(kld(clean, model.forward(ids)).mean())


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "gemma3"])
def test_text_it_was_not_trained_on_is_said_better(
    family: str, tiny_checkpoint: Tiny, tmp_path: Path
) -> None:
    checkpoint = tiny_checkpoint(family, hidden=64)
    store, plan = started(checkpoint, tmp_path), plan_of(checkpoint)
    before = {n: store.raw(checkpoint.tensors[n], codec(c)) for n, c in plan.items()}
    schedule = Schedule(seconds=0, steps=48, together=8, weight_rate=8e-3)
    after = trained(checkpoint, store, schedule)
    assert after.steps == len(after.kl) == 48
    assert np.mean(after.kl[-8:]) < np.mean(after.kl[:8])
    assert after.after < after.before
    assert set(after.domains) == {"one", "other"}
    assert after.after == pytest.approx(np.mean([last for _, last in after.domains.values()]))
    assert divergence(checkpoint, weights(checkpoint, after.tensors)) < 0.9 * divergence(
        checkpoint, weights(checkpoint, before)
    )


@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma3"])
def test_gradients_of_a_step_are_those_of_the_whole_network(
    family: str, tiny_checkpoint: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Block by block, each moved before the one below it is even computed."""
    checkpoint = tiny_checkpoint(family, hidden=64)
    store, plan = started(checkpoint, tmp_path), plan_of(checkpoint)
    student = Student(checkpoint, plan, store, device=CPU, dtype=torch.float32)
    ids = torch.tensor(text(checkpoint, 2))
    names = [*student.latents, *student.vectors]
    with student.exact(names) as model:
        hidden = model.normed(model.hidden_from(0, student.embed(model, ids)))[:, :-1]
        clean = TorchModel.load(checkpoint).forward(ids)[:, :-1].detach()
        said = functional.linear(hidden, student.head(model))
        if (cap := checkpoint.config.logit_softcap) is not None:
            said = cap * torch.tanh(said / cap)
        kld(clean.log_softmax(-1), said).mean().backward()
        student.receive(names)
    whole = {name: tensor.grad for name, tensor in student.trained().items()}
    for tensor in student.trained().values():
        tensor.grad = None
    found: dict[str, torch.Tensor] = {}

    class Watches:
        param_groups: tuple[dict[str, float], ...] = ()

        def step(self) -> None:
            moved = {n: t.grad for n, t in student.trained().items() if t.grad is not None}
            assert not moved.keys() & found.keys()
            found.update({name: grad.clone() for name, grad in moved.items()})
            with torch.no_grad():
                for name in moved:  # as an optimizer would: what is below must not see it
                    student.trained()[name].mul_(1.5)

    monkeypatch.setattr(Student, "optimizer", lambda *_: Watches())
    teacher = Teacher(checkpoint, device=CPU, dtype=torch.float32)
    train._Run(student, teacher, Schedule(seconds=0), ids, StateFile(None), Silent()).step(0, 1)
    assert found.keys() == whole.keys()
    for name, grad in whole.items():
        scale = float(grad.abs().max())
        assert torch.allclose(found[name], grad, atol=2e-4 * scale, rtol=1e-3), name


def test_what_is_exported_is_what_was_trained(tiny_checkpoint: Tiny, tmp_path: Path) -> None:
    """The engine reads the file; its logits are those of the student at the end."""
    checkpoint = tiny_checkpoint("llama", hidden=64)
    store, plan = started(checkpoint, tmp_path / "start"), plan_of(checkpoint)
    after = trained(checkpoint, store, Schedule(seconds=0, steps=12, together=8))
    assert after.after < after.before
    path = tmp_path / "model.gguf"
    export_gguf(checkpoint, path, plan, encoded=lambda name, _: after.tensors.get(name))
    ids = text(checkpoint, 1, seed=3)[0]
    with Checkpoint.open(path) as again:
        for name, raw in after.tensors.items():
            assert np.array_equal(again.tensors[name].raw(), raw)
        expected = TorchModel.load(again).forward(torch.tensor(ids))
    model = TorchModel.load(checkpoint)
    with model.replaced(weights(checkpoint, after.tensors)):
        assert torch.equal(model.forward(torch.tensor(ids)), expected)
    with LlamaCpp.open(path, threads=1) as engine:
        said = torch.from_numpy(engine.score(ids).copy())
    assert float(kld(expected.log_softmax(-1), said).mean()) < 2e-3  # the engine rounds inputs


def test_norms_are_trained_too(tiny_checkpoint: Tiny, tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint("qwen2", hidden=64)
    store = started(checkpoint, tmp_path)
    after = trained(checkpoint, store, Schedule(seconds=0, steps=12, together=8))
    for name in ("blk.0.attn_norm.weight", "blk.0.attn_q.bias", "output_norm.weight"):
        source = checkpoint.tensors[name]
        assert not np.array_equal(after.tensors[name], source.raw())


def test_the_same_seed_gives_the_same_bytes(tiny_checkpoint: Tiny, tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint("llama", hidden=64)
    store = started(checkpoint, tmp_path)
    one, two, other = (
        trained(checkpoint, store, Schedule(seconds=0, steps=12, together=8, seed=seed))
        for seed in (0, 0, 1)
    )
    assert all(np.array_equal(one.tensors[n], two.tensors[n]) for n in one.tensors)
    assert any(not np.array_equal(one.tensors[n], other.tensors[n]) for n in one.tensors)


def test_time_decides_the_steps_when_nobody_else_does(
    tiny_checkpoint: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tiny_checkpoint("llama", hidden=64)
    store = started(checkpoint, tmp_path)
    looks = itertools.count(step=3.0)  # three steps take three seconds
    monkeypatch.setattr(train, "time", SimpleNamespace(monotonic=lambda: next(looks)))
    short = trained(checkpoint, store, Schedule(seconds=0.0))
    assert short.steps == len(short.kl) == 3
    long = trained(checkpoint, store, Schedule(seconds=5))
    assert long.steps == len(long.kl) == 5


def test_a_killed_training_goes_on_to_the_same_end(
    tiny_checkpoint: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tiny_checkpoint("llama", hidden=64)
    store, saved = started(checkpoint, tmp_path / "start"), StateFile(tmp_path / "state")
    schedule = Schedule(seconds=0, steps=6, objective=Objective(alpha=0.2, temperature=2.0))
    straight = trained(checkpoint, store, schedule)
    monkeypatch.setattr(train, "_SAVE_EVERY", 0.0)
    whole, calls = Student.receive, 0
    each = checkpoint.config.layers + 1  # blocks, and the ends, that move in a step

    def dies(self: Student, names: Collection[str]) -> None:
        nonlocal calls
        calls += 1
        if calls == 3 * each + 2:  # in the middle of the fourth
            raise KeyboardInterrupt
        whole(self, names)

    monkeypatch.setattr(Student, "receive", dies)
    with pytest.raises(KeyboardInterrupt):
        trained(checkpoint, store, schedule, saved)
    again = trained(checkpoint, store, schedule, saved)
    assert calls == 3 * each + 2 + 3 * each  # three steps were kept
    assert again.steps == 6
    assert again.kl == straight.kl, "the steps before the kill are remembered"
    for name in straight.tensors:
        assert np.array_equal(again.tensors[name], straight.tensors[name])


def test_half_a_state_is_no_state(tiny_checkpoint: Tiny, tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint("llama", hidden=64)
    store = started(checkpoint, tmp_path / "start")
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "training.npz").write_bytes(b"PK half of an archive")
    found = trained(checkpoint, store, Schedule(seconds=0, steps=2), StateFile(folder))
    assert found.steps == 2


def test_a_full_disk_is_an_error_and_not_a_crash(
    tiny_checkpoint: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tiny_checkpoint("llama", hidden=64)
    store = started(checkpoint, tmp_path / "start")
    monkeypatch.setattr(train, "_SAVE_EVERY", 0.0)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError):
        trained(checkpoint, store, Schedule(seconds=0, steps=3), StateFile(tmp_path / "file"))
