"""Landlock: TCP connections to the named ports only, for native code and children as well.

The kernel names ports and no addresses, so that an allowed port is allowed everywhere; exact
addresses are Python's layer. It binds the thread that asks and all that it starts later.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

from penjing.core.egress import kernel
from penjing.core.egress.receipt import Layer

NAME = "landlock"
_NET = 4
"""The first kind with network rules (Linux 6.7)."""
_CONNECT_TCP = 2
_NET_PORT = 2
_VERSION = 1


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64))


class _Port(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("port", ctypes.c_uint64))


def close(ports: Sequence[int]) -> Layer:
    """Close it; says honestly when that cannot be."""
    machine = kernel.this_machine()
    if machine is None:
        return Layer(NAME, False, "only on Linux with a processor we know")
    if (older := _older_threads()) > 0:
        line = f"{older} threads run already and would not be held: close the shutter earlier"
        return Layer(NAME, False, line)
    try:
        version = kernel.call(machine.numbers["landlock_create_ruleset"], None, 0, _VERSION)
        if version < _NET:
            return Layer(NAME, False, f"kind {version} has no network rules (Linux 6.7 has)")
        _restrict(machine.numbers, ports)
    except OSError as error:
        return Layer(NAME, False, kernel.why(error))
    to = f"but to port {', '.join(map(str, ports))}" if ports else "at all"
    return Layer(NAME, True, f"no TCP connection {to}, children and native code included")


def _restrict(numbers: dict[str, int], ports: Sequence[int]) -> None:
    about = _Ruleset(0, _CONNECT_TCP)
    size = ctypes.sizeof(about)
    rules = kernel.call(numbers["landlock_create_ruleset"], ctypes.byref(about), size, 0)
    try:
        for port in ports:
            rule = _Port(_CONNECT_TCP, port)
            kernel.call(numbers["landlock_add_rule"], rules, _NET_PORT, ctypes.byref(rule), 0)
        kernel.give_up_privileges()
        kernel.call(numbers["landlock_restrict_self"], rules, 0)
    finally:
        os.close(rules)


def _older_threads() -> int:
    return len(os.listdir("/proc/self/task")) - 1  # noqa: PTH208
