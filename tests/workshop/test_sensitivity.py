"""Sensitivities are what really happens to the output when one tensor is rounded."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch

from penjing.bundle.codecs import CODECS
from penjing.core.errors import PenjingError
from penjing.core.progress import Silent
from penjing.workshop.divergence import kld
from penjing.workshop.forward import TorchModel
from penjing.workshop.search import rounding, sensitivity

WINDOWS = np.random.default_rng(5).integers(3, 260, (2, 24)).tolist()
SCORED = sensitivity.scored(24)


@pytest.fixture(scope="module")
def case():
    checkpoint = tiny.checkpoint("llama", layers=3)
    noise = np.random.default_rng(1)
    importance = {
        name: noise.uniform(0.5, 2, checkpoint.tensors[name].shape[-1]).astype(np.float32)
        for name in checkpoint.quantizable
    }
    return checkpoint, TorchModel.load(checkpoint), importance


def measure(case, *, known=None, found=lambda _: None):
    checkpoint, model, importance = case
    return sensitivity.measure(
        checkpoint, model, importance, WINDOWS, known=known or {}, found=found, progress=Silent()
    )


def test_each_equals_a_whole_forward_with_that_tensor_rounded(case) -> None:
    checkpoint, model, importance = case
    tokens = torch.tensor(WINDOWS)
    with torch.no_grad():
        clean = model.forward(tokens, positions=SCORED).log_softmax(-1)
    for name, found in measure(case).items():
        weights = checkpoint.tensors[name].load()
        changed = rounding.round_trip(CODECS[found.probe], weights, importance[name])
        with torch.no_grad(), model.replaced({name: torch.from_numpy(changed)}):
            expected = kld(clean, model.forward(tokens, positions=SCORED)).mean()
        assert found.kld == pytest.approx(float(expected), rel=1e-3, abs=1e-8), name
        assert found.kld > 0


def test_a_killed_run_goes_on_where_it_was(case) -> None:
    class Killed(Exception):
        pass

    kept = {}

    def save(new):
        kept.update(new)
        if len(kept) > 8:
            raise Killed

    with pytest.raises(Killed):
        measure(case, found=save)
    heard = []
    again = measure(case, known=kept, found=lambda new: heard.append(len(new)))
    assert again == measure(case)
    assert min(heard) > len(kept)


def test_predictions_follow_the_error_and_the_own_codec_is_free(case) -> None:
    checkpoint, _, _ = case
    for name, found in measure(case).items():
        own = checkpoint.tensors[name].codec.name
        assert found.loss(own) == 0.0
        assert found.loss(found.probe) == pytest.approx(found.kld)
        if "Q2_0" in found.errors:
            assert found.loss("Q2_0") > found.loss("Q4_0") > found.loss("Q5_0") > found.loss("Q8_0")


def test_prediction_holds_for_another_codec_within_reason(case) -> None:
    """The proportionality is an approximation: within a factor of two at 5 bits."""
    checkpoint, model, importance = case
    tokens = torch.tensor(WINDOWS)
    with torch.no_grad():
        clean = model.forward(tokens, positions=SCORED).log_softmax(-1)
    ratios = []
    for name, found in measure(case).items():
        changed = rounding.round_trip(
            CODECS["Q5_0"], checkpoint.tensors[name].load(), importance[name]
        )
        with torch.no_grad(), model.replaced({name: torch.from_numpy(changed)}):
            ratios.append(
                float(kld(clean, model.forward(tokens, positions=SCORED)).mean())
                / found.loss("Q5_0")
            )
    assert 0.5 < float(np.median(ratios)) < 2.0


def test_unfilled_importance_is_an_error(case) -> None:
    checkpoint, model, importance = case
    name = checkpoint.quantizable[3]
    broken = {**importance, name: np.zeros_like(importance[name])}
    with pytest.raises(PenjingError, match=f"{name}.*never filled"):
        measure((checkpoint, model, broken))
    broken.pop(name)
    with pytest.raises(PenjingError, match="never filled"):
        measure((checkpoint, model, broken))


def test_a_super_weight_changes_the_probe_and_not_the_picture(case) -> None:
    """One huge weight that Q4_0 cannot hold exactly must not set the scale for the other codecs."""
    checkpoint, _, importance = case
    name = "blk.1.ffn_down.weight"
    weights = checkpoint.tensors[name].load().copy()
    weights[5, 7], weights[5, 8] = 30.0, -26.0
    loud = {**importance, name: importance[name].copy()}
    loud[name][8] = 1e5
    changed = checkpoint.replacing({name: weights})
    found = measure((changed, TorchModel.load(changed), loud))[name]
    assert found.errors["Q4_0"] > sensitivity.UPSET * found.errors["IQ4_NL"]
    assert found.probe == "IQ4_NL"
    assert found.loss("IQ4_NL") == pytest.approx(found.kld)
