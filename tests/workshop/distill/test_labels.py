"""Soft labels: what they say, what their gradient is, that they are small, and come back whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from penjing.core.errors import BadInput
from penjing.core.progress import Silent
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.distill.labels import Labels, TopKTargets, write_labels
from penjing.workshop.distill.loss import LiveTargets, Objective
from penjing.workshop.distill.teacher import Teacher
from penjing.workshop.forward import TorchModel

Tiny = Callable[..., Checkpoint]
N, VOCAB, K = 9, 23, 4
EVERY = slice(0, N)


def example(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    noise = torch.Generator().manual_seed(seed)
    student = torch.randn(N, VOCAB, generator=noise)
    return student, (student + torch.randn(N, VOCAB, generator=noise)).log_softmax(-1)


def kept(teacher: torch.Tensor, count: int) -> TopKTargets:
    found = teacher.topk(count, -1)
    return TopKTargets(found.indices, found.values)


@pytest.mark.parametrize("reverse", [0.0, 0.4, 1.0])
def test_the_gradient_is_that_of_the_definition(reverse: float) -> None:
    """KL of k tokens and all others as one class, by automatic differentiation in float64."""
    student, teacher = example()
    labels = kept(teacher, K)
    z = student.double().requires_grad_()
    q, p = z.softmax(-1), labels.logprobs.double().exp()
    mine = q.gather(-1, labels.tokens)
    q, p = (torch.cat([each, 1 - each.sum(-1, keepdim=True)], -1) for each in (mine, p))
    ahead, back = (p * (p / q).log()).sum(), (q * (q / p).log()).sum()
    total = (1 - reverse) * ahead + reverse * back
    (wanted,) = torch.autograd.grad(total, z)
    kl, found = labels.compare(EVERY, student, Objective(reverse=reverse))
    assert float(kl) == pytest.approx(total.item(), rel=1e-4)
    assert torch.allclose(found.double(), wanted, atol=1e-5)


def test_all_tokens_but_one_are_all_there_is() -> None:
    """One class of one token is that token: the loss is that of all logits."""
    student, teacher = example(1)
    kl, gradient = kept(teacher, VOCAB - 1).compare(EVERY, student, Objective())
    head = torch.eye(VOCAB)
    whole, wanted = LiveTargets(teacher, head).compare(EVERY, student, Objective())
    assert float(kl) == pytest.approx(float(whole), rel=1e-4)
    assert torch.allclose(gradient, wanted, atol=1e-5)


def test_fewer_tell_less() -> None:
    student, teacher = example(2)
    told = [float(kept(teacher, k).compare(EVERY, student, Objective())[0]) for k in (1, 4, 12)]
    whole = float(LiveTargets(teacher, torch.eye(VOCAB)).compare(EVERY, student, Objective())[0])
    assert 0 <= told[0] <= told[1] <= told[2] <= whole


def test_a_temperature_is_refused() -> None:
    student, teacher = example()
    with pytest.raises(BadInput, match="temperature"):
        kept(teacher, K).compare(EVERY, student, Objective(temperature=2.0))


def test_they_are_the_teachers_likeliest(tiny_checkpoint: Tiny, tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint("llama", hidden=64)
    teacher = Teacher(checkpoint, device=torch.device("cpu"), dtype=torch.float32)
    text = torch.randint(checkpoint.config.vocab, (3, 16))
    labels = write_labels(teacher, text, K, None, Silent())
    said = TorchModel.load(checkpoint).forward(text).log_softmax(-1)
    assert torch.equal(labels.tokens.long(), said.topk(K, -1).indices)
    assert torch.allclose(labels.logprobs.float(), said.topk(K, -1).values, atol=0.02)
    assert labels.nbytes == 3 * 16 * K * 6
    path = tmp_path / "labels.npz"
    labels.save(path)
    again = Labels.load(path, 3, 16)
    assert again is not None
    assert torch.equal(again.tokens, labels.tokens)
    assert torch.equal(again.logprobs, labels.logprobs)
    assert Labels.load(path, 4, 16) is None, "of another text"
    path.write_bytes(path.read_bytes()[:-40])
    assert Labels.load(path, 3, 16) is None, "half of it"
    chosen = labels.of([2, 0], torch.device("cpu"))
    assert torch.equal(chosen.tokens[:15], labels.tokens[2, :-1].long())
    with pytest.raises(BadInput, match="soft labels"):
        write_labels(teacher, text, checkpoint.config.vocab + 1, None, Silent())
