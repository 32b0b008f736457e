"""The distillation loss against automatic differentiation of its definition in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from penjing.core.errors import BadInput
from penjing.workshop.distill import loss
from penjing.workshop.distill.loss import LiveTargets, Losses, Objective, divergence, head_backward

POSITIONS, WIDTH, VOCAB = 37, 16, 53

OBJECTIVES = [
    Objective(),
    Objective(temperature=2.0),
    Objective(alpha=1.0),
    Objective(alpha=0.3),
    Objective(alpha=0.3, temperature=4.0),
    Objective(alpha=0.9, temperature=0.5),
    Objective(reverse=1.0),
    Objective(alpha=0.2, temperature=2.0, reverse=0.5),
]
CAPS = [None, 30.0, 3.0]


class Example:
    """Two models' hidden states and heads, and the text's own tokens."""

    def __init__(self, seed: int = 0, *, size: float = 1.0) -> None:
        noise = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, generator=noise)

        self.hidden, self.head = normal(POSITIONS, WIDTH) * size, normal(VOCAB, WIDTH)
        self.teacher = self.hidden + 0.3 * normal(POSITIONS, WIDTH)
        self.teacher_head = self.head + 0.1 * normal(VOCAB, WIDTH)
        self.targets = torch.randint(VOCAB, (POSITIONS,), generator=noise)

    def backward(self, objective: Objective, cap: float | None) -> Losses:
        wanted = LiveTargets(self.teacher, self.teacher_head, cap)
        return head_backward(self.hidden, self.head, wanted, self.targets, objective, cap=cap)

    def defined(
        self, objective: Objective, cap: float | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Mean KL and CE, and the gradients of the mean loss on hidden states and head."""
        hidden, head = (x.detach().double().requires_grad_() for x in (self.hidden, self.head))
        student = hidden @ head.t()
        teacher = self.teacher.double() @ self.teacher_head.double().t()
        if cap is not None:
            student, teacher = cap * torch.tanh(student / cap), cap * torch.tanh(teacher / cap)
        t = objective.temperature
        p, q = torch.softmax(teacher / t, -1), torch.softmax(student / t, -1)
        ahead = t**2 * (p * (p / q).log()).sum(-1).mean()
        back = t**2 * (q * (q / p).log()).sum(-1).mean()
        kl = (1 - objective.reverse) * ahead + objective.reverse * back
        ce = functional.cross_entropy(student, self.targets)
        total = objective.alpha * ce + (1 - objective.alpha) * kl
        by_hidden, by_head = torch.autograd.grad(total, [hidden, head])
        return kl.detach(), ce.detach(), by_hidden, by_head


def near(found: torch.Tensor | None, wanted: torch.Tensor, share: float = 2e-5) -> bool:
    assert found is not None
    assert found.shape == wanted.shape
    return float((found.double() - wanted).norm()) <= share * float(wanted.norm())


@pytest.mark.parametrize("cap", CAPS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_gradients_are_those_of_the_definition(objective: Objective, cap: float | None) -> None:
    example = Example()
    losses = example.backward(objective, cap)
    kl, ce, by_hidden, by_head = example.defined(objective, cap)
    assert losses.kl == pytest.approx(float(kl), rel=1e-5)
    assert losses.cross_entropy == pytest.approx(float(ce) if objective.alpha else 0.0, rel=1e-5)
    assert near(example.hidden.grad, by_hidden)
    assert near(example.head.grad, by_head)


@given(
    seed=st.integers(0, 2**31),
    alpha=st.floats(0, 1),
    reverse=st.floats(0, 1),
    temperature=st.floats(0.3, 10),
    size=st.sampled_from([0.01, 1.0, 5.0]),
)
@settings(max_examples=30, deadline=None)
def test_any_objective(
    seed: int, alpha: float, reverse: float, temperature: float, size: float
) -> None:
    objective, example = Objective(alpha, temperature, reverse), Example(seed, size=size)
    losses = example.backward(objective, None)
    kl, ce, by_hidden, by_head = example.defined(objective, None)
    assert losses.kl == pytest.approx(float(kl), rel=1e-4, abs=1e-6)
    if alpha:
        assert losses.cross_entropy == pytest.approx(float(ce), rel=1e-4)
    assert near(example.hidden.grad, by_hidden, 1e-4)
    assert near(example.head.grad, by_head, 1e-4)


@pytest.mark.parametrize("cap", CAPS)
def test_a_student_that_is_the_teacher_has_nothing_to_learn(cap: float | None) -> None:
    example = Example()
    example.teacher, example.teacher_head = example.hidden.clone(), example.head.clone()
    losses = example.backward(Objective(temperature=2.0), cap)
    assert losses == Losses(0.0, 0.0)
    assert example.hidden.grad is not None
    assert not example.hidden.grad.any()


@pytest.mark.parametrize("objective", [Objective(), Objective(0.3, 2.0)])
def test_bfloat16_is_near(objective: Objective) -> None:
    example = Example(size=0.5)
    _, _, by_hidden, by_head = example.defined(objective, 30.0)
    example.head, example.teacher_head = example.head.bfloat16(), example.teacher_head.bfloat16()
    losses = example.backward(objective, 30.0)
    kl, ce, *_ = example.defined(objective, 30.0)
    assert losses.kl == pytest.approx(float(kl), rel=0.03)
    if objective.alpha:
        assert losses.cross_entropy == pytest.approx(float(ce), rel=0.01)
    assert example.hidden.grad is not None
    assert example.head.grad is not None
    assert example.hidden.grad.dtype == torch.float32
    assert example.head.grad.dtype == torch.bfloat16
    assert near(example.hidden.grad, by_hidden, 0.04)
    assert near(example.head.grad, by_head, 0.04)


@pytest.mark.parametrize("rows", [1, 5, POSITIONS, 1000])
@pytest.mark.parametrize("elements", [1, 2 * VOCAB + 1, 1 << 20])
def test_the_size_of_pieces_is_of_no_account(
    rows: int, elements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective, whole, parts = Objective(0.3, 2.0), Example(), Example()
    expected = whole.backward(objective, 30.0)
    monkeypatch.setattr(loss, "_ROWS", rows)
    monkeypatch.setattr(loss, "_ELEMENTS", elements)
    found = parts.backward(objective, 30.0)
    assert found.kl == pytest.approx(expected.kl, rel=1e-5)
    assert found.cross_entropy == pytest.approx(expected.cross_entropy, rel=1e-5)
    assert whole.hidden.grad is not None
    assert whole.head.grad is not None
    assert near(parts.hidden.grad, whole.hidden.grad.double())
    assert near(parts.head.grad, whole.head.grad.double())


def test_only_a_few_rows_of_logits_exist_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "_ROWS", 6)
    seen = []

    def watched(*given: torch.Tensor) -> torch.Tensor:
        out = functional.linear(*given)
        seen.append(len(out))
        return out

    class Watched:
        linear, log_softmax = staticmethod(watched), staticmethod(functional.log_softmax)
        nll_loss = staticmethod(functional.nll_loss)

    monkeypatch.setattr(loss, "functional", Watched)
    Example().backward(Objective(0.5), None)
    assert max(seen) == 6
    assert sum(seen) == 2 * POSITIONS


def test_the_gradient_of_a_head_is_added_to() -> None:
    """A tied head is the embedding as well, which has a gradient of its own."""
    alone, added = Example(), Example()
    alone.backward(Objective(), None)
    before = torch.randn(VOCAB, WIDTH, generator=torch.Generator().manual_seed(1))
    added.head.grad, added.hidden.grad = before.clone(), torch.ones(POSITIONS, WIDTH)
    added.backward(Objective(), None)
    assert alone.head.grad is not None
    assert alone.hidden.grad is not None
    assert near(added.head.grad, (alone.head.grad + before).double())
    assert near(added.hidden.grad, alone.hidden.grad.double())  # replaced


def test_nothing_else_is_changed() -> None:
    example, untouched = Example(), Example()
    example.backward(Objective(0.3, 2.0, 0.5), 30.0)
    for name, before in vars(untouched).items():
        assert torch.equal(getattr(example, name), before)


def test_far_apart_is_large_and_finite() -> None:
    example = Example(size=60.0)
    example.teacher = -example.hidden
    losses = example.backward(Objective(0.5), None)
    assert 100 < losses.kl < 1e5
    assert example.hidden.grad is not None
    assert bool(example.hidden.grad.isfinite().all())


@pytest.mark.parametrize("cap", CAPS)
def test_divergence_is_the_mean_kld(cap: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    example = Example()
    kl, *_ = example.defined(Objective(), cap)
    inputs = example.hidden, example.head, example.teacher, example.teacher_head, cap
    assert divergence(*inputs) == pytest.approx(float(kl), rel=1e-5)
    monkeypatch.setattr(loss, "_ELEMENTS", 3 * VOCAB)
    assert divergence(*inputs) == pytest.approx(float(kl), rel=1e-5)
    assert example.hidden.grad is None
    assert example.head.grad is None


@pytest.mark.parametrize(
    "wrong", [{"alpha": 1.5}, {"reverse": -0.1}, {"temperature": 0.0}, {"hidden": -1.0}]
)
def test_what_no_loss_is(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=next(iter(wrong))):
        Objective(**wrong)
