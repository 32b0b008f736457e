"""Speeds: physically sane for any model and device, and near what was published."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.devices.profile import DeviceProfile, load_devices, load_references
from penjing.devices.shape import ModelShape
from penjing.devices.speed import CALIBRATION, PROMPT, Speed, estimate_speed

DEVICES = load_devices()
SMOLLM = replace(load_references()["smollm2-135m"], weight_bytes=98_362_432)

shapes = st.builds(
    ModelShape,
    name=st.just("m"),
    parameters=st.integers(10**8, 10**10),
    weight_bytes=st.integers(10**7, 10**10),
    layers=st.integers(1, 100),
    kv_heads=st.integers(1, 32),
    head_dim=st.sampled_from([64, 128, 256]),
    vocab=st.just(32_000),
    hidden=st.just(1024),
    ffn=st.integers(256, 20_000),
    context_trained=st.integers(256, 131_072),
    plain_share=st.floats(0, 1),
)
devices = st.sampled_from(list(DEVICES.values()))


def speed(shape: ModelShape, device: DeviceProfile, context: int = 2048) -> Speed:
    found = estimate_speed(shape, device, context)
    assert found is not None
    return found


@given(shapes, devices, st.integers(1, 10**5), st.floats(1.01, 20))
def test_more_bytes_and_more_weights_never_write_faster(
    shape: ModelShape, device: DeviceProfile, context: int, factor: float
) -> None:
    before = speed(shape, device, context)
    heavier = speed(shape.with_bytes(int(shape.weight_bytes * factor)), device, context)
    larger = speed(replace(shape, parameters=int(shape.parameters * factor)), device, context)
    assert heavier.decode.mid <= before.decode.mid
    assert larger.decode.mid <= before.decode.mid
    assert larger.prefill.mid < before.prefill.mid
    assert heavier.prefill.mid == before.prefill.mid


def test_ten_times_the_bytes_are_slower_where_memory_is_the_limit() -> None:
    big = load_references()["llama-2-7b"]
    device = DEVICES["pi-5-16gb"]
    fast, slow = speed(big.with_bytes(10**9), device), speed(big.with_bytes(10**10), device)
    assert slow.decode_start.mid < fast.decode_start.mid / 3


@given(shapes, devices, st.integers(1, 10**5), st.integers(1, 10**5))
def test_a_fuller_context_never_writes_faster(
    shape: ModelShape, device: DeviceProfile, one: int, two: int
) -> None:
    short, long = sorted((one, two))
    a, b = speed(shape, device, short), speed(shape, device, long)
    assert b.decode.mid <= a.decode.mid <= a.decode_start.mid
    assert a.decode_start == b.decode_start


@given(shapes, devices)
def test_margins_are_around_the_estimate_and_the_first_token_waits_for_the_prompt(
    shape: ModelShape, device: DeviceProfile
) -> None:
    found = speed(shape, device)
    for value in (found.prefill, found.decode, found.decode_start, found.first_token):
        assert 0 < value.low < value.mid < value.high
    assert found.first_token.mid > PROMPT / found.prefill.mid


@given(shapes, devices)
def test_twice_the_device_is_not_slower(shape: ModelShape, device: DeviceProfile) -> None:
    bandwidth = device.memory.bandwidth_gbs
    assert bandwidth is not None
    faster = replace(device, memory=replace(device.memory, bandwidth_gbs=2 * bandwidth))
    assert speed(shape, faster).decode.mid >= speed(shape, device).decode.mid


def test_unpacked_codecs_read_prompts_more_slowly_only_where_packing_helps() -> None:
    packed, plain = replace(SMOLLM, plain_share=0.0), replace(SMOLLM, plain_share=1.0)
    laptop, old = DEVICES["laptop"], DEVICES["pi-4-4gb"]
    assert speed(plain, laptop).prefill.mid == pytest.approx(
        0.42 * speed(packed, laptop).prefill.mid
    )
    assert speed(plain, old).prefill == speed(packed, old).prefill
    assert speed(plain, laptop).decode == speed(packed, laptop).decode


def test_an_unknown_bandwidth_or_peak_is_said_and_not_guessed() -> None:
    pi = DEVICES["pi-5-8gb"]
    memory = replace(pi.memory, bandwidth_gbs=None, stream_gbs=None)
    compute = replace(pi.compute, gops_int8=None)
    assert estimate_speed(SMOLLM, replace(pi, memory=memory), 2048) is None
    assert estimate_speed(SMOLLM, replace(pi, compute=compute), 2048) is None


def test_a_stream_benchmark_stands_in_for_the_bandwidth() -> None:
    pi = DEVICES["pi-5-8gb"]
    assert pi.memory.bandwidth_gbs is not None
    stream = 0.8 * pi.memory.bandwidth_gbs
    other = replace(pi, memory=replace(pi.memory, bandwidth_gbs=None, stream_gbs=stream))
    assert speed(SMOLLM, other).decode.mid == pytest.approx(speed(SMOLLM, pi).decode.mid)


def test_a_family_with_many_runs_earns_the_small_margin() -> None:
    assert speed(SMOLLM, DEVICES["pi-5-8gb"]).decode_margin == CALIBRATION.decode_known
    assert speed(SMOLLM, DEVICES["coral-dev-board"]).decode_margin == CALIBRATION.decode_unknown
    one = speed(SMOLLM, DEVICES["laptop"]).decode_margin
    assert CALIBRATION.decode_known < one < CALIBRATION.decode_unknown


@pytest.mark.parametrize("name", DEVICES)
def test_most_published_runs_lie_inside_what_is_shown(name: str) -> None:
    device = DEVICES[name]
    references = load_references()
    inside = total = 0
    for row in device.measured:
        if row.backend != "cpu" or not row.calibrate or row.decode is None:
            continue
        found = speed(references[row.model].with_bytes(row.size_bytes), device).decode_start
        total += 1
        inside += found.low <= row.decode <= found.high
    assert inside >= 0.8 * total
