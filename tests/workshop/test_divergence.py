"""The divergence is the textbook's, to more digits than float32 gives the textbook."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.core.errors import BadInput
from penjing.workshop import divergence
from penjing.workshop.divergence import kld


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def textbook(clean: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """In float64, from float32 log-probabilities taken as they are, normalised again."""
    p = clean.double().log_softmax(-1)
    return (p.exp() * (p - logits.double().log_softmax(-1))).sum(-1)


def pair(seed: int, change: float, peak: float = 4.0, vocab: int = 5000) -> list[torch.Tensor]:
    noise = torch.Generator().manual_seed(seed)
    clean = peak * torch.randn(7, vocab, generator=noise)
    return [clean.log_softmax(-1), clean + change * torch.randn(7, vocab, generator=noise) + 11.0]


@given(
    seed=st.integers(0, 2**31),
    change=st.floats(-5, 1).map(lambda power: 10.0**power),
    peak=st.floats(0.1, 20.0),
)
@settings(max_examples=60, deadline=None)
def test_it_agrees_with_float64(seed: int, change: float, peak: float) -> None:
    clean, logits = pair(seed, change, peak)
    expected = textbook(clean, logits)
    torch.testing.assert_close(kld(clean, logits).double(), expected, rtol=1e-4, atol=2e-8)


def test_float32_textbook_would_not_pass_that() -> None:
    clean, logits = pair(0, 1e-4)
    plain = (clean.exp() * (clean - logits.log_softmax(-1))).sum(-1).double()
    expected = textbook(clean, logits)
    ours = (kld(clean, logits).double() - expected).abs().max()
    assert ours < 0.01 * (plain - expected).abs().max()


@given(seed=st.integers(0, 2**31), shift=st.floats(-50, 50))
@settings(max_examples=30, deadline=None)
def test_it_is_never_negative_and_ignores_a_shift(seed: int, shift: float) -> None:
    clean, logits = pair(seed, 0.01, vocab=300)
    found = kld(clean, logits)
    assert float(found.min()) > -1e-8
    torch.testing.assert_close(kld(clean, logits + shift), found, rtol=1e-3, atol=1e-8)


def test_a_distribution_is_no_distance_from_itself() -> None:
    clean, _ = pair(3, 0.0)
    assert float(kld(clean, clean).abs().max()) < 1e-10


@pytest.mark.parametrize("gap", [30.0, 95.0, 200.0, 3000.0])
def test_opposite_certainties_are_finite_and_right(gap: float) -> None:
    clean = torch.tensor([[gap, 0.0, 0.0], [0.0, 0.1, 0.2]]).log_softmax(-1)
    logits = torch.tensor([[0.0, gap, 0.0], [0.0, 0.1, 0.3]])
    torch.testing.assert_close(
        kld(clean, logits).double(), textbook(clean, logits), rtol=1e-4, atol=1e-8
    )


@pytest.mark.parametrize("elements", [1, 400, 10**9])
def test_slices_change_nothing_and_leading_sides_broadcast(
    elements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean, logits = pair(5, 0.3, vocab=200)
    whole = kld(clean, logits)
    monkeypatch.setattr(divergence, "_CHUNK_ELEMENTS", elements)
    variants = torch.stack([logits, logits + 2.0, clean])
    found = kld(clean, variants)
    assert found.shape == (3, 7)
    torch.testing.assert_close(found[0], whole)
    torch.testing.assert_close(found[1], whole, rtol=1e-3, atol=1e-8)
    assert float(found[2].abs().max()) < 1e-10
    assert kld(clean[0], logits[0]).shape == ()


@pytest.mark.parametrize("shape", [(1, 50), (6, 50), (7, 49), (50,)])
def test_logits_of_other_positions_are_refused(shape: tuple[int, ...]) -> None:
    clean, _ = pair(0, 0.1, vocab=50)
    with pytest.raises(BadInput, match="same positions"):
        kld(clean, torch.zeros(shape))


@pytest.mark.parametrize("change", [0.05, 60.0])
def test_its_gradient_is_softmax_minus_clean(change: float) -> None:
    clean, logits = pair(6, change, vocab=100)
    logits.requires_grad_()
    kld(clean, logits).sum().backward()
    assert logits.grad is not None
    expected = logits.detach().softmax(-1) - clean.exp()
    torch.testing.assert_close(logits.grad, expected, rtol=1e-3, atol=1e-6)
