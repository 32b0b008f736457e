"""The device catalogue: every number has a source and a date, and a wrong file is refused."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from penjing.core.errors import BadInput, UnknownName
from penjing.devices.find import find_device
from penjing.devices.profile import SHIPPED, DeviceProfile, Origin, load_devices, load_references

WANTED = (
    "pi-zero-2w", "pi-4-4gb", "pi-5-8gb", "jetson-orin-nano", "jetson-agx-orin", "coral-dev-board",
    "android-mid", "android-flagship", "iphone-15-pro", "n100-mini-pc", "laptop",
)  # fmt: skip

DEVICE = """
schema = 1

[[device]]
name = "a"
title = "A"
kind = "board"

[device.cpu]
model = "cores"
cores = 4
isa = ["neon"]
source = "https://example.org/cpu"
date = "2026-01-01"

[device.compute]
gops_int8 = 10.0
source = "https://example.org/compute"
date = "2026-01-01"

[device.memory]
ram_bytes = 1000
app_bytes = 900
bandwidth_gbs = 1
source = "https://example.org/memory"
date = "2026-01-01"

[device.storage]
source = "https://example.org/storage"
date = "2026-01-01"

[device.power]
source = "https://example.org/power"
date = "2026-01-01"

[device.price]
usd = 5.0
source = "https://example.org/price"
date = "2026-01-01"
"""


def origins(device: DeviceProfile) -> Iterator[Origin]:
    for field in fields(device):
        value = getattr(device, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if hasattr(item, "origin"):
                yield item.origin


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "devices.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_devices_that_were_promised_are_there() -> None:
    assert set(WANTED) <= set(load_devices())


@pytest.mark.parametrize("name", load_devices())
def test_every_fact_says_where_and_when_it_was_read(name: str) -> None:
    device = load_devices()[name]
    found = list(origins(device))
    facts = 6 + len(device.accelerators) + len(device.measured)
    assert len(found) == facts + (device.wish is not None)
    for origin in found:
        assert re.fullmatch(r"https?://[\w.-]+(/\S*)?", origin.source), origin
        day = datetime.date.fromisoformat(origin.date)
        assert datetime.date(2015, 1, 1) < day <= datetime.date(2026, 12, 31), origin
        assert origin.note or not origin.estimate, f"{origin} does not say how it was derived"


@pytest.mark.parametrize("name", load_devices())
def test_every_device_is_complete_enough_to_judge_and_plausible(name: str) -> None:
    device = load_devices()[name]
    memory, compute = device.memory, device.compute
    assert 0.2 < memory.app_bytes / memory.ram_bytes < 1
    assert memory.bandwidth_gbs is not None
    assert 1 < memory.bandwidth_gbs < 1000
    assert memory.stream_gbs is None or memory.stream_gbs < memory.bandwidth_gbs
    assert compute.gops_int8 is not None
    assert compute.gflops_fp32 is not None
    assert compute.gops_int8 / compute.gflops_fp32 == pytest.approx(
        4 if {"dotprod", "avx_vnni", "avx512_vnni"} & set(device.cpu.isa) else 2, rel=0.01
    )
    assert device.price.usd is not None
    assert device.power.load_watts is not None
    assert device.storage.bytes is not None


def test_a_run_that_is_kept_out_of_the_model_says_why() -> None:
    rows = [row for device in load_devices().values() for row in device.measured]
    assert len(rows) > 25
    for row in rows:
        assert row.prefill or row.decode
        assert row.calibrate or row.origin.note


def test_sizes_agree_with_the_codec_of_each_run() -> None:
    bits = {"Q2_K": (2.5, 5.5), "Q4_0": (4.4, 7.2), "IQ4_NL": (4.4, 7.2), "Q4_K_M": (4.5, 6.6),
            "Q8_0": (8.4, 8.7)}  # fmt: skip
    references = load_references()
    for device in load_devices().values():
        for row in device.measured:
            low, high = bits[row.codec]
            assert low < 8 * row.size_bytes / references[row.model].parameters < high, row


def test_variants_share_the_runs_of_their_family_and_not_their_memory() -> None:
    devices = load_devices()
    small, large = devices["pi-5-4gb"], devices["pi-5-16gb"]
    assert large.family == small.name
    assert large.measured == small.measured
    assert large.memory.app_bytes > 4 * small.memory.app_bytes


def test_a_device_is_found_by_name_and_near_names_are_suggested() -> None:
    assert find_device("pi-5-8gb").title == "Raspberry Pi 5, 8 GB"
    with pytest.raises(UnknownName, match=r"did you mean.*pi-5-8gb"):
        find_device("pi-5-8g")


def test_a_small_catalogue_is_read(tmp_path: Path) -> None:
    device = load_devices(written(tmp_path, DEVICE))["a"]
    assert device.memory.bandwidth_gbs == 1
    assert device.power.load_watts is None
    assert device.cpu.isa == ("neon",)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("usd = 5.0", "usd = 5.0\nshiping = 3.0", "unknown 'shiping'"),
        ("schema = 1", "schema = 2", "only schema 1"),
        ("usd = 5.0", 'usd = "5"', "'usd' must be a positive number"),
        ("usd = 5.0", "usd = -5.0", "'usd' must be a positive number"),
        ("usd = 5.0", "usd = nan", "'usd' must be a positive number"),
        ("cores = 4", "cores = true", "'cores' must be a positive whole number"),
        ("cores = 4", "", "'cores' is missing"),
        ('isa = ["neon"]', "isa = [1]", "'isa' must be a list of texts"),
        ('kind = "board"', 'kind = "toaster"', "'kind' must be board, phone or computer"),
        ('date = "2026-01-01"', "", "'date' is missing"),
        ("usd = 5.0", "usd = 5.0\nestimate = true", "an estimate needs a 'note'"),
        ("[device.price]", "[device.prize]", r"the table \[price\] is missing"),
        ('name = "a"', 'name = "this"', "is used twice"),
        ('name = "a"', 'name = "a"\nlike = "b"', "'like' names no device above it"),
        ("schema = 1", "schema = 1\nextra = 2", "unknown 'extra'"),
        ("schema = 1", "schema 1", "is not a device catalogue"),
        ("schema = 1\n\n[[device]]", "schema = 1\n\n[device]", r"write \[\[device\]\]"),
    ],
)
def test_a_wrong_catalogue_is_refused_and_named(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in DEVICE
    with pytest.raises(BadInput, match=complaint):
        load_devices(written(tmp_path, DEVICE.replace(old, new, 1)))


def test_a_run_with_an_unknown_model_and_a_second_device_of_a_name_are_refused(
    tmp_path: Path,
) -> None:
    run = '\n[[device.measured]]\nmodel = "x"\ncodec = "Q4_0"\nsize_bytes = 1\nsource = "s"\n'
    with pytest.raises(BadInput, match=r"'x' is not a \[\[reference\]\]"):
        load_devices(written(tmp_path, DEVICE + run + 'date = "2026-01-01"\n'))
    twice = DEVICE + DEVICE.replace("schema = 1", "")
    with pytest.raises(BadInput, match="used twice"):
        load_devices(written(tmp_path, twice))


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot read .*no such file"):
        load_devices(tmp_path / "none.toml")


def test_the_shipped_file_explains_itself_first() -> None:
    assert SHIPPED.read_text(encoding="utf-8").startswith("# The device catalogue")
