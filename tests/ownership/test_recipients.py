"""Who may open: devices by HPKE, passphrases by Argon2id."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penjing.core.errors import BadInput, FormatError
from penjing.ownership.recipients import (
    DeviceKey,
    checked_ways,
    for_device,
    for_passphrase,
    opened_by_device,
    opened_by_passphrase,
    public_bytes,
)
from penjing.vault.envelope import LEAST, Key


def test_each_device_opens_it_and_no_other() -> None:
    key, devices = Key.random(), [DeviceKey.random() for _ in range(3)]
    ways = [for_device(key, public_bytes(device.public)) for device in devices]
    ways = list(checked_ways(json.loads(json.dumps(ways))))
    for device in devices:
        found = opened_by_device(ways, device)
        assert found is not None
        assert found.raw() == key.raw()
    assert opened_by_device(ways, DeviceKey.random()) is None
    assert opened_by_passphrase(ways, "some words here") is None


def test_a_passphrase_opens_it_however_it_is_typed() -> None:
    key = Key.random()
    ways = checked_ways(json.loads(json.dumps([for_passphrase(key, "café au lait", LEAST)])))
    found = opened_by_passphrase(ways, "cafe\u0301 au lait")
    assert found is not None
    assert found.raw() == key.raw()
    assert opened_by_passphrase(ways, "cafe au lait") is None
    assert opened_by_device(ways, DeviceKey.random()) is None
    with pytest.raises(BadInput, match="too short"):
        for_passphrase(key, "short")


def test_a_device_shows_its_public_key_alone() -> None:
    device = DeviceKey.random()
    assert device.secret.hex() not in repr(device)
    assert len(public_bytes(f" {device.public.upper()}\n")) == 32


@pytest.mark.parametrize("change", [
    lambda text: text[:-1], lambda text: text + "a", lambda text: text[4:], lambda _: "",
    lambda text: text[:10] + ("a" if text[10] != "a" else "b") + text[11:], lambda _: "pjd1!",
])  # fmt: skip
def test_a_slip_in_a_key_is_one_line(change: Any) -> None:
    with pytest.raises(BadInput, match="is not the key of a device: copy it again"):
        public_bytes(change(DeviceKey.random().public))


def test_a_key_of_small_order_is_none() -> None:
    with pytest.raises(BadInput, match="no key of a device"):
        for_device(Key.random(), bytes(32))


GOOD = {"kind": "passphrase", "cost": vars(LEAST), "salt": "00" * 16, "sealed": "00" * 60}


@pytest.mark.parametrize("ways", [
    None, [], {}, [1], [{}], [{"kind": "x25519"}], [{"kind": "x25519", "sealed": 5}],
    [{"kind": "x25519", "sealed": "zz"}], [{"kind": "tpm", "sealed": ""}], [GOOD, GOOD],
    [{**GOOD, "cost": {"memory": 2**21, "passes": 64, "lanes": 64}}],
    [{**GOOD, "cost": {"memory": 8, "passes": 1, "lanes": 1}}],
    [{**GOOD, "cost": {"memory": "1"}}], [{**GOOD, "cost": None}], [{**GOOD, "more": 1}],
    [{"kind": "x25519", "sealed": ""}] * 300, [{"kind": [], "sealed": ""}],
])  # fmt: skip
def test_ways_of_strangers_are_bounded(ways: Any) -> None:
    with pytest.raises(FormatError):
        checked_ways(ways)


def test_what_is_no_ciphertext_opens_nothing() -> None:
    assert opened_by_device([{"kind": "x25519", "sealed": "00"}], DeviceKey.random()) is None
    assert opened_by_passphrase([GOOD], "eight or more") is None
