"""What was opened before the shutter closed: sockets that could still send are taken away.

The kernel's filters look at `socket` and `connect`; a library that made its UDP socket, or its
connection, at import needs neither. So every handle of this process is looked at once: what listens
stays, what speaks to programs on this machine stays, what is connected to an allowed address stays;
every other socket becomes /dev/null under its number, so that whoever holds it finds that it is no
socket, and no number is free for another file to be mistaken for it.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from penjing.core.errors import PenjingError

_STANDARD = 2
"""Input, output and errors: who talks to us through a socket there asked us to be here."""
_ROOMS = ("/proc/self/fd", "/dev/fd")
_MOST = 65536
_RING = "anon_inode:[io_uring]"
_LISTENS = getattr(socket, "SO_ACCEPTCONN", 30)

Fate = Literal["kept", "local", "taken"]
Allowed = Callable[[int, Any], bool]
"""Whether a family and the other end's address are on the list."""


@dataclass(frozen=True)
class InheritedDescriptors:
    """What was found."""

    looked: bool
    """This system can be asked what is open."""
    taken: int = 0
    """Sockets that are none any more."""
    kept: int = 0
    """Connections to allowed addresses, and standard streams."""
    local: int = 0
    """Connections to other programs on this machine, or within this one."""
    rings: int = 0
    """io_uring queues: their numbers are taken, but the kernel may still work one off."""
    children: int = 0
    """Programs that were started before: nothing holds them."""

    def lines(self) -> list[str]:
        """What a person should not believe to be closed."""
        if not self.looked:
            return ["sockets that were made before: this system does not say which there are"]
        told = {
            f"{self.kept} connections that were made before, to what is allowed or who started it":
                self.kept,
            f"{self.local} Unix sockets that were connected before": self.local,
            f"{self.rings} queues of io_uring that were made before": self.rings,
            f"{self.children} programs that were started before": self.children,
        }  # fmt: skip
        return [line for line, count in told.items() if count]


def take_away(allowed: Allowed, *, helpers: int = 0) -> InheritedDescriptors:
    """Look at every handle once. `helpers`: children of ours that are meant to stay outside."""
    if sys.platform == "win32":
        return InheritedDescriptors(False)
    counts = {"kept": 0, "local": 0, "taken": 0, "rings": 0}
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        for handle in _handles():
            if handle == null:
                continue
            if _is_ring(handle):
                os.dup2(null, handle, inheritable=False)
                counts["rings"] += 1
            elif (fate := _fate(handle, allowed)) is not None:
                if fate == "taken":
                    os.dup2(null, handle, inheritable=False)
                counts[fate] += 1
    finally:
        os.close(null)
    return InheritedDescriptors(True, **counts, children=max(0, _children() - helpers))


def _handles() -> Iterator[int]:
    """Every open handle; where no folder lists them, all numbers that could be one."""
    for room in _ROOMS:
        try:
            names = os.listdir(room)  # noqa: PTH208
        except OSError:
            continue
        yield from sorted(int(name) for name in names if name.isdigit())
        return
    yield from range(min(os.sysconf("SC_OPEN_MAX"), _MOST))


def _is_ring(handle: int) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{handle}") == _RING  # noqa: PTH115
    except OSError:
        return False


def _fate(handle: int, allowed: Allowed) -> Fate | None:
    """What becomes of a handle; None for what is no socket, or nothing that sends."""
    try:
        if not stat.S_ISSOCK(os.fstat(handle).st_mode):
            return None
        copy = os.dup(handle)
    except OSError:
        return None  # the handle of the listing itself
    try:
        one = socket.socket(fileno=copy)
    except OSError:  # a kind that cannot even be asked
        os.close(copy)
        return "taken"
    with one:
        return _judged(one, handle, allowed)


def _judged(one: socket.socket, handle: int, allowed: Allowed) -> Fate | None:
    if one.family == getattr(socket, "AF_UNIX", -1):
        return "local" if _peer(one) is not None else None
    if one.family == getattr(socket, "AF_NETLINK", -1):
        return None  # to the kernel of this machine
    if one.family not in (socket.AF_INET, socket.AF_INET6):
        return "taken"
    return "kept" if handle <= _STANDARD else _internet(one, allowed)


def _internet(one: socket.socket, allowed: Allowed) -> Fate | None:
    if one.type != socket.SOCK_STREAM:
        return "taken"  # UDP and raw sockets need no connection to send
    if (peer := _peer(one)) is not None:
        return "kept" if _is_allowed(allowed, one.family, peer) else "taken"
    return None if _listens(one) else "taken"  # it could still connect


def _peer(one: socket.socket) -> Any:
    try:
        return one.getpeername()
    except OSError:
        return None


def _listens(one: socket.socket) -> bool:
    try:
        return bool(one.getsockopt(socket.SOL_SOCKET, _LISTENS))
    except OSError:
        return False


def _is_allowed(allowed: Allowed, family: int, peer: Any) -> bool:
    try:
        return allowed(family, peer)
    except (OSError, PenjingError):
        return False


def _children() -> int:
    """How many children this process has; 0 where nobody says."""
    found = 0
    try:
        for task in os.listdir("/proc/self/task"):  # noqa: PTH208
            with open(f"/proc/self/task/{task}/children", "rb") as file:  # noqa: PTH123
                found += len(file.read().split())
    except OSError:
        return 0
    return found
