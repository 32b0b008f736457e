"""A device by its name: one of the catalogue, or this machine."""

from __future__ import annotations

from pathlib import Path

from penjing.core.errors import UnknownName
from penjing.devices.detect import this_device
from penjing.devices.profile import THIS, DeviceProfile, load_devices


def find_device(name: str, *, home: Path | None = None) -> DeviceProfile:
    """The device of that name; `this` is this machine. UnknownName suggests near ones.

    `home`: folder that remembers this machine's short memory and compute benchmark.
    """
    if name == THIS:
        return this_device(home)
    devices = load_devices()
    if name not in devices:
        raise UnknownName("device", name, [*devices, THIS])
    return devices[name]
