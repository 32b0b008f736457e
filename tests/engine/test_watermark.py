"""The watermark in text: no distortion, as transformers has it, found where there was a choice."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest

from penjing.core.errors import BadInput
from penjing.core.messages import GenerationSettings
from penjing.engine import watermark
from penjing.engine.sampler import Chooser
from penjing.engine.watermark import DEPTH, TextMark, depth_keys, hashed, tournament, worth
from penjing.engine.watermark_detector import TextReading, read_text

ONE, TWO, OTHER = ("11" * 32, "22" * 32, "33" * 32)
VOCABULARY = 500


def rows(sharpness: float, seed: int = 0) -> Any:
    """A made-up model: what comes next hangs on the last token alone."""
    logits = np.random.default_rng(seed).normal(0, sharpness, (VOCABULARY, VOCABULARY))
    return logits.astype(np.float32)


def write(
    model: Any, count: int, *secrets: str, seed: int = 0, temperature: float = 1.0
) -> list[int]:
    settings = GenerationSettings(temperature=temperature, top_k=0, top_p=1, repeat_penalty=1,
                                  seed=seed, mark=secrets)  # fmt: skip
    chooser, tokens = Chooser(settings), [seed % VOCABULARY]
    for _ in range(count):
        tokens.append(chooser.choose(model[tokens[-1]].copy()))
        chooser.accept(tokens[-1])
    return tokens[1:]


def drawn_from(model: Any, tokens: list[int], temperature: float = 1.0) -> Any:
    found = []
    for before in [0, *tokens[:-1]]:
        row = model[before] / temperature
        order = np.argsort(-row)
        share = np.exp(row[order].astype(np.float64) - row[order[0]])
        found.append((order, share / share.sum()))
    return found


# -- no distortion


def test_the_mean_over_all_outcomes_is_what_the_model_says() -> None:
    """Exactly: every worth of three tokens in two rounds, each as likely."""
    share = np.array([0.6, 0.3, 0.1])
    every = itertools.product((0, 1), repeat=6)
    drawn = [tournament(share, np.array(one, np.uint8).reshape(3, 2)) for one in every]
    assert np.mean(drawn, axis=0) == pytest.approx(share, abs=1e-12)
    assert all(one.sum() == pytest.approx(1) and (one >= 0).all() for one in drawn)


def test_the_kl_divergence_over_keys_goes_to_zero() -> None:
    """With real keys and hashes: the mean of what is drawn from, over 4,000 keys."""
    share = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
    context = hashed(np.array([[5, 6, 7, 8]], np.uint64))
    noise, total = np.random.default_rng(3), np.zeros(5)
    for _ in range(4000):
        keys = noise.integers(0, 2**63, DEPTH, np.uint64)
        total += tournament(share, worth(keys, context, np.arange(100, 105, dtype=np.uint64)))
    mean = total / 4000
    assert float((share * np.log(share / mean)).sum()) < 1e-3


def test_no_mark_by_default_and_the_same_draws_without() -> None:
    model = rows(1.0)
    assert write(model, 50) == write(model, 50)
    assert GenerationSettings().mark == ()
    assert write(model, 50, ONE) != write(model, 50)
    assert write(model, 50, ONE) == write(model, 50, ONE)
    assert "11" * 32 not in repr(GenerationSettings(mark=(ONE,)))


@pytest.mark.parametrize("secrets", [("x",), ("11",), (ONE, TWO, OTHER), ("1G" * 32,)])
def test_odd_secrets_are_refused(secrets: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match="64 hexadecimal digits"):
        Chooser(GenerationSettings(mark=secrets))


# -- as transformers has it


@pytest.fixture
def theirs() -> Any:
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import SynthIDTextWatermarkLogitsProcessor

    keys = depth_keys((ONE,)).astype(np.int64).tolist()
    found = SynthIDTextWatermarkLogitsProcessor(
        ngram_len=5, keys=keys, sampling_table_size=2**16, sampling_table_seed=0,
        context_history_size=1024, device=torch.device("cpu"), skip_first_ngram_calls=True,
    )  # fmt: skip
    found.sampling_table = torch.from_numpy(watermark.table().astype(np.int64))
    return found


def test_worths_are_those_of_transformers(theirs: Any) -> None:
    import torch

    tokens = np.random.default_rng(0).integers(0, 49152, 60)
    expected = theirs.compute_g_values(torch.from_numpy(tokens)[None])[0].numpy()
    contexts = np.lib.stride_tricks.sliding_window_view(tokens.astype(np.uint64), 4)[:-1]
    found = worth(depth_keys((ONE,)), hashed(contexts), tokens[4:].astype(np.uint64))
    assert np.array_equal(found, expected)


def test_what_is_drawn_from_is_that_of_transformers(theirs: Any) -> None:
    import torch

    model, mark = rows(1.5), TextMark((ONE,))
    ids, noise = [3], np.random.default_rng(1)
    for _ in range(40):
        row = model[ids[-1]].astype(np.float64)
        share = np.exp(row - row.max())
        share /= share.sum()
        ours = mark.reweigh(np.arange(VOCABULARY), share)
        scores = theirs(torch.tensor([ids]), torch.from_numpy(np.log(share))[None])[0]
        assert np.exp(scores.numpy()) == pytest.approx(ours, abs=1e-9)
        ids.append(int(noise.choice(VOCABULARY, p=ours / ours.sum())))
        mark.accept(ids[-1])


def test_their_detector_finds_what_we_write(theirs: Any) -> None:
    """The mean of their g-values, weighted as they weigh them, over contexts they call new."""
    import torch

    def score(tokens: list[int]) -> float:
        ids = torch.tensor([tokens])
        mask = theirs.compute_context_repetition_mask(ids)[0].numpy()
        return float(theirs.compute_g_values(ids)[0].numpy()[mask].mean())

    model = rows(1.5)
    marked = [score(write(model, 100, ONE, seed=seed)) for seed in range(10)]
    plain = [score(write(model, 100, seed=seed)) for seed in range(10)]
    other = [score(write(model, 100, OTHER, seed=seed)) for seed in range(10)]
    assert min(marked) > max(plain + other)


# -- found, and not found


def test_marked_texts_are_found_at_one_percent_of_false_alarms() -> None:
    model = rows(1.5)
    marked = [read_text(write(model, 200, ONE, seed=seed), (ONE,)) for seed in range(40)]
    assert sum(one.verdict == "marked" for one in marked) >= 36
    alarms = [read_text(write(model, 200, seed=seed), (f"{key:064x}",)).z
              for seed in range(40) for key in range(50)]  # fmt: skip
    assert sum(z > 2.3263 for z in alarms) / len(alarms) < 0.02
    assert np.std(alarms) == pytest.approx(1, abs=0.15)


def test_of_two_keys_each_is_read_alone() -> None:
    model = rows(2.0)
    tokens = write(model, 400, ONE, TWO)
    for which in (0, 1, None):
        assert read_text(tokens, (ONE, TWO), which=which).verdict == "marked"
    assert read_text(tokens, (OTHER, TWO), which=0).z < 2.3
    assert read_text(tokens, (OTHER, TWO), which=1).verdict == "marked"


def test_without_a_choice_nobody_can_tell() -> None:
    model = rows(60.0)  # always the same token next, nearly
    tokens = write(model, 200, ONE)
    found = read_text(tokens, (ONE,), drawn_from=drawn_from(model, tokens))
    assert found.expected_z is not None
    assert found.expected_z < 3
    assert found.verdict == "not enough entropy to tell"


def test_with_a_choice_it_is_told_that_there_is_none() -> None:
    model = rows(1.0)
    tokens = write(model, 200)
    found = read_text(tokens, (ONE,), drawn_from=drawn_from(model, tokens))
    assert found.verdict == "not marked"
    assert read_text(tokens, (ONE,)).verdict == "not enough entropy to tell"  # nobody knows
    marked = write(model, 200, ONE)
    found = read_text(marked, (ONE,), drawn_from=drawn_from(model, marked))
    assert found.verdict == "marked"
    assert found.expected_z == pytest.approx(found.z, rel=0.35)


@pytest.mark.parametrize("tokens", [[], [1], [1, 2, 3, 4], [7] * 300])
def test_too_little_is_said_to_be(tokens: list[int]) -> None:
    found = read_text(tokens, (ONE,))
    assert found.verdict == "not enough entropy to tell"
    assert found.tokens <= 1


def test_a_loop_counts_once() -> None:
    tokens = write(rows(1.0), 20, ONE)
    assert read_text(tokens * 20, (ONE,)).tokens <= 20 + 4


def test_tails() -> None:
    assert TextReading(2.3264, -2.0, 100, None).verdict == "marked"
    from penjing.engine.watermark_detector import _log10_tail

    assert _log10_tail(2.3263) == pytest.approx(-2, abs=1e-3)
    assert _log10_tail(29.99) == pytest.approx(_log10_tail(30.01), rel=1e-2)
