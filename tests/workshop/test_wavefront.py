"""Many variants side by side give what each gives alone, in float64 and from scratch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rounded import EXACT, WINDOWS, case, straight

from penjing.core.errors import BudgetError
from penjing.workshop.architectures import ARCHITECTURES
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.divergence import kld
from penjing.workshop.forward import TorchModel
from penjing.workshop.search import means as means_module
from penjing.workshop.search.head import PIECE, CleanHead, Head, HeadVariant
from penjing.workshop.search.means import Means, Memory
from penjing.workshop.search.wavefront import Wavefront, measured_divergence, scored, whole
from penjing.workshop.threads import workers


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def some_plans(checkpoint: Checkpoint) -> list[dict[str, str]]:
    names = checkpoint.quantizable
    alone = [{name: "MXFP4" if i % 2 else "Q8_0"} for i, name in enumerate(names)]
    every = dict.fromkeys(names, "MXFP4")
    pair = {"blk.1.attn_output.weight": "MXFP4", "blk.0.ffn_up.weight": "Q8_0"}
    return [*alone[::-1], pair, every, {"blk.1.attn_output.weight": "F32"}]


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
@pytest.mark.parametrize("head", [False, True])
def test_each_variant_is_a_whole_forward_with_its_tensors_rounded(family: str, head: bool) -> None:
    checkpoint, rounder = case(family, head=head)
    plans = some_plans(checkpoint)
    front = Wavefront(checkpoint, WINDOWS, EXACT)
    found = front.read(plans, rounder, tops=True)
    for plan, reading in zip(plans, found, strict=True):
        expected, same = straight(checkpoint, rounder, plan)
        assert reading.kld == pytest.approx(expected, rel=1e-6, abs=1e-13), plan
        assert reading.same_top == pytest.approx(same)
    assert found[-1].kld == 0  # the codec they came in
    assert found[-2].kld > 1e-4


@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 3e-4), (torch.bfloat16, 0.015)])
def test_short_types_round_the_effect_and_not_the_state(dtype: torch.dtype, near: float) -> None:
    """Even effects of 1e-6 nats: plain bfloat16 has errors a thousand times as large."""
    checkpoint, rounder = case("llama")
    plans = some_plans(checkpoint)[:-1]
    exact = Wavefront(checkpoint, WINDOWS, EXACT).read(plans, rounder)
    found = Wavefront(checkpoint, WINDOWS, Means(ram=10**8, dtype=dtype)).read(plans, rounder)
    assert min(reading.kld for reading in exact) < 3e-6
    for reading, expected in zip(found, exact, strict=True):
        assert reading.kld == pytest.approx(expected.kld, rel=near)
    model = TorchModel.load(checkpoint, dtype=torch.bfloat16)
    with torch.no_grad():
        tokens, clean = torch.tensor(WINDOWS), TorchModel.load(checkpoint)
        noise = kld(clean.forward(tokens).log_softmax(-1), model.forward(tokens)).mean()
    assert float(noise) > 1e-5


def test_order_company_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint, rounder = case("qwen3")
    plans = some_plans(checkpoint)
    front = Wavefront(checkpoint, WINDOWS, EXACT)
    together = [reading.kld for reading in front.read(plans, rounder)]
    alone = [front.read([plan], rounder)[0].kld for plan in plans]
    assert together == pytest.approx(alone, rel=1e-9, abs=1e-15)
    backwards = [reading.kld for reading in front.read(plans[::-1], rounder)]
    assert backwards[::-1] == pytest.approx(together, rel=1e-9, abs=1e-15)
    torch.set_num_threads(3)
    monkeypatch.setattr(means_module, "_TOGETHER", 1)
    threaded = Wavefront(checkpoint, WINDOWS, EXACT).read(plans, rounder)
    assert [r.kld for r in threaded] == pytest.approx(together, rel=1e-9, abs=1e-15)
    assert torch.get_num_threads() == 3


def test_work_is_told_as_it_was_foretold() -> None:
    checkpoint, rounder = case("llama")
    plans = some_plans(checkpoint)
    front = Wavefront(checkpoint, WINDOWS, EXACT)
    told: list[float] = []
    front.read(plans, rounder, on_work=told.append)
    assert sum(told) == pytest.approx(sum(front.work(plan) for plan in plans))
    assert front.read([], rounder) == []


def test_divergence_of_a_plan_from_whole_tensors() -> None:
    checkpoint, rounder = case("gemma3", head=False)
    plan = dict.fromkeys(checkpoint.quantizable, "MXFP4")
    calls: list[str] = []

    def rounded(name: str, codec: str) -> torch.Tensor:
        calls.append(name)
        return rounder(name, codec, slice(None)).requires_grad_()

    found = measured_divergence(checkpoint, rounded, plan, WINDOWS, means=EXACT)
    expected, same = straight(checkpoint, rounder, plan)
    assert found.kld == pytest.approx(expected, rel=1e-6)
    assert found.same_top == pytest.approx(same)
    assert calls.count("token_embd.weight") <= 2


def test_an_error_of_the_rounding_comes_out_and_leaves_threads_as_they_were() -> None:
    checkpoint, _ = case("llama")
    torch.set_num_threads(2)

    def broken(name: str, codec: str) -> torch.Tensor:
        raise RuntimeError(name)

    front = Wavefront(checkpoint, WINDOWS, EXACT)
    with pytest.raises(RuntimeError, match=r"blk\.1\.ffn_up"):
        front.read([{"blk.1.ffn_up.weight": "Q4_0"}], whole(broken))
    assert torch.get_num_threads() == 2


# -- memory


@given(
    st.integers(1, 40), st.integers(1, 300), st.sampled_from([torch.float32, torch.bfloat16]),
    st.floats(1.0, 50.0),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_the_plan_keeps_under_the_ceiling(
    texts: int, length: int, dtype: torch.dtype, factor: float
) -> None:
    checkpoint = tiny.checkpoint("llama", layers=3)
    windows = [[0] * length] * texts
    least = Memory.of(checkpoint, windows, Means(ram=10**12, dtype=dtype)).least
    memory = Memory.of(checkpoint, windows, Means(ram=int(least * factor) + 1, dtype=dtype))
    assert memory.peak <= memory.ram
    assert memory.wave >= 1
    assert memory.walks >= 1
    assert memory.walking(0) <= memory.walking(10**6) <= memory.walking(10**15) == memory.ram
    slices = list(memory.waves(150))
    assert [i for part in slices for i in range(part.start, part.stop)] == list(range(150))
    assert max(part.stop - part.start for part in slices) <= memory.wave


def test_too_little_memory_is_refused_with_the_least_there_can_be() -> None:
    checkpoint = tiny.checkpoint("llama", layers=3)
    least = Memory.of(checkpoint, WINDOWS, EXACT).least
    Wavefront(checkpoint, WINDOWS, Means(ram=least, dtype=torch.float64))
    with pytest.raises(BudgetError, match=r"the least is .*fewer tokens"):
        Wavefront(checkpoint, WINDOWS, Means(ram=least - 1, dtype=torch.float64))


def test_waves_of_the_least_memory_give_the_same_numbers() -> None:
    checkpoint, rounder = case("llama")
    plans = some_plans(checkpoint)[:7]
    least = Memory.of(checkpoint, WINDOWS, EXACT).least
    front = Wavefront(checkpoint, WINDOWS, Means(ram=least, dtype=torch.float64))
    assert front.memory.wave == 1
    found = [front.read(plans[part], rounder)[0].kld for part in front.memory.waves(len(plans))]
    expected = Wavefront(checkpoint, WINDOWS, EXACT).read(plans, rounder)
    assert found == pytest.approx([reading.kld for reading in expected], rel=1e-9, abs=1e-15)


# -- the head


@given(st.integers(0, 10**6), st.sampled_from([0.0, 1e-4, 0.1, 3.0]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_head_by_pieces_is_the_textbook(seed: int, size: float, capped: bool) -> None:
    """Over several pieces of vocabulary, for changes from none to a broken model's."""
    noise = torch.Generator().manual_seed(seed)
    vocab, cap = PIECE + 300, 60.0 if capped else None
    weight = torch.randn(vocab, 16, generator=noise, dtype=torch.float64)
    clean = torch.randn(5, 16, generator=noise, dtype=torch.float64)
    other = clean + size * torch.randn(5, 16, generator=noise, dtype=torch.float64)
    own = weight + size * torch.randn(vocab, 16, generator=noise, dtype=torch.float64)
    head = Head(weight.__getitem__, vocab, cap)
    with workers() as side_by_side:
        found = CleanHead(head, clean).read(
            [HeadVariant(other), HeadVariant(other, own.__getitem__)],
            side_by_side, dtype=torch.float64, tops=True,
        )  # fmt: skip
    p = head.capped(clean @ weight.T).log_softmax(-1)
    for reading, matrix in zip(found, (weight, own), strict=True):
        q = head.capped(other @ matrix.T).log_softmax(-1)
        expected = float((p.exp() * (p - q)).sum(-1).mean())
        assert reading.kld == pytest.approx(expected, rel=1e-9, abs=1e-13)
        assert reading.same_top == float((p.argmax(-1) == q.argmax(-1)).double().mean())


def test_a_broken_variant_has_a_large_and_finite_kld() -> None:
    """Logits thousands apart: exp overflows in float32."""
    noise = torch.Generator().manual_seed(1)
    weight, clean = torch.randn(2000, 16, generator=noise), torch.randn(5, 16, generator=noise)
    other = clean + 8 * torch.randn(5, 16, generator=noise)
    head = Head(weight.__getitem__, 2000, None)
    with workers() as side_by_side:
        found = CleanHead(head, clean).read([HeadVariant(other)], side_by_side, dtype=torch.float32)
    p, q = ((x.double() @ weight.double().T).log_softmax(-1) for x in (clean, other))
    expected = float((p.exp() * (p - q)).sum(-1).mean())
    assert expected > 50
    assert found[0].kld == pytest.approx(expected, rel=1e-3)


def test_the_first_positions_do_not_count() -> None:
    assert scored(8) == slice(2, None)
    assert scored(96) == slice(16, None)
