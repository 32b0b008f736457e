"""Closing the shutter: from now on, this process and what it starts reach the named addresses only.

Call it once, after everything that needs the network (a download, the listening socket) and before
threads and child processes: the kernel holds those that come later. Nothing opens it again.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Sequence

from penjing.core.egress import landlock, process, seccomp
from penjing.core.egress.allowed import Address
from penjing.core.egress.receipt import Layer, Receipt


def close_shutter(allowed: Sequence[Address] = (), *, local: bool = True) -> Receipt:
    """Close every layer there is, and say which. `local`: sockets to programs on this machine.

    With nothing allowed no internet socket can be made at all; those that listen already go on.
    """
    reach = tuple(dict.fromkeys(allowed))
    gate = process.Gate(reach, local=local)
    lookup = _helper(gate) if gate.names() - {"localhost"} else _localhost
    connected = _connected()
    ports = sorted({one.port for one in reach})
    kernel = (
        landlock.close(ports),
        seccomp.close(seccomp.Sockets(tcp=bool(reach), local=local)),
    )
    layers = (process.close(gate, lookup), *kernel)
    return Receipt(reach, layers, tuple(_open(reach, layers, connected, local=local)))


def _helper(gate: process.Gate) -> process.Lookup:
    from penjing.core.egress.resolver import Resolver

    return Resolver(gate.names())


def _localhost(name: str) -> Sequence[str]:
    return ("127.0.0.1", "::1") if name == "localhost" else ()


def _open(
    reach: tuple[Address, ...], layers: tuple[Layer, ...], connected: int, *, local: bool
) -> list[str]:
    """What a person should not believe to be closed."""
    _, locked, filtered = layers
    lines = []
    if not locked.on and not filtered.on:
        lines.append("native code and child processes: the kernel holds them in no way here")
    elif not filtered.on:
        lines.append("native code: UDP, and so a question to a name server")
    elif reach and not locked.on:
        lines.append("native code: TCP to any address")
    elif reach:
        ports = ", ".join(sorted({str(one.port) for one in reach}))
        lines.append(f"native code: port {ports} of other addresses (the kernel knows ports only)")
    if local:
        lines.append("programs on this machine, through their Unix sockets")
    if connected:
        lines.append(f"{connected} connections that were made before")
    return lines


def _connected() -> int:
    """Internet sockets with somebody at the other end, or that need none to send (UDP)."""
    if sys.platform != "linux":
        return 0
    found = 0
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            handle = int(name)
            if not stat.S_ISSOCK(os.fstat(handle).st_mode):
                continue
            with socket.socket(fileno=os.dup(handle)) as one:
                found += _reaches(one)
        except OSError:
            continue  # the handle of the listing itself
    return found


def _reaches(one: socket.socket) -> bool:
    if one.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    if one.type != socket.SOCK_STREAM:
        return True
    try:
        one.getpeername()
    except OSError:
        return False
    return True
