"""Closing the shutter: from now on, this process and what it starts reach the named addresses only.

Call it once, after everything that needs the network (a download, the listening socket) and before
threads and child processes: the kernel holds those that come later. Nothing opens it again.
"""

from __future__ import annotations

from collections.abc import Sequence

from penjing.core.egress import inherited, landlock, process, seccomp
from penjing.core.egress.allowed import Address
from penjing.core.egress.inherited import InheritedDescriptors
from penjing.core.egress.receipt import Layer, Receipt


def close_shutter(allowed: Sequence[Address] = (), *, local: bool = True) -> Receipt:
    """Close every layer there is, and say which. `local`: sockets to programs on this machine.

    With nothing allowed no internet socket can be made at all; those that listen already go on, and
    all others that exist are taken away but for connections to allowed addresses.
    """
    reach = tuple(dict.fromkeys(allowed))
    gate = process.Gate(reach, local=local)
    outside = bool(gate.names() - {"localhost"})
    lookup = _helper(gate) if outside else _localhost
    before = inherited.take_away(
        lambda family, peer: gate.is_allowed(family, peer, lookup), helpers=int(outside)
    )
    ports = sorted({one.port for one in reach})
    kernel = (
        landlock.close(ports),
        seccomp.close(seccomp.Sockets(tcp=bool(reach), local=local)),
    )
    layers = (process.close(gate, lookup), *kernel)
    return Receipt(reach, layers, tuple(_open(reach, layers, before, local=local)), before.taken)


def _helper(gate: process.Gate) -> process.Lookup:
    from penjing.core.egress.resolver import Resolver

    return Resolver(gate.names())


def _localhost(name: str) -> Sequence[str]:
    return ("127.0.0.1", "::1") if name == "localhost" else ()


def _open(
    reach: tuple[Address, ...],
    layers: tuple[Layer, ...],
    before: InheritedDescriptors,
    *,
    local: bool,
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
    return lines + before.lines()
