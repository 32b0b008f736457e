"""seccomp: no sockets but those that Landlock watches, or none to the internet at all.

A filter sees numbers and no memory: it cannot read an address. So it decides at `socket`, which
kinds there can be: plain TCP (for Landlock to watch) or none, Unix sockets or none; never UDP, raw,
packet, MPTCP, SCTP, vsock. What goes round `connect` is closed as well: TCP fast open, io_uring,
system calls of another kind, and handles of sockets that come from elsewhere: through a Unix
socket (`recvmsg`, which nothing here uses for anything else) or out of another process. Without
programs on this machine nothing sends to an address of its own choice; with nothing allowed
either, nothing connects.
A refused call gives EPERM (Landlock gives EACCES).
"""

from __future__ import annotations

import ctypes
import errno
import struct
from dataclasses import dataclass

from penjing.core.egress import kernel
from penjing.core.egress.receipt import Layer

NAME = "seccomp"

_SET_FILTER, _TSYNC = 1, 1
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_KILL = 0x80000000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCH = 0, 4
_FAST_OPEN = 0x20000000
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_STREAM, _TYPE_BITS, _TCP = 1, 0xF, 6


def _argument(index: int) -> int:
    """Where the low half of an argument lies (little-endian machines)."""
    return 16 + 8 * index


@dataclass(frozen=True)
class Sockets:
    """Which sockets may still be made."""

    tcp: bool
    """To the internet, one connection at a time."""
    local: bool
    """To other programs on this machine (AF_UNIX)."""


def close(sockets: Sockets) -> Layer:
    """Close it for every thread; says honestly when that cannot be."""
    machine = kernel.this_machine()
    if machine is None:
        return Layer(NAME, False, "only on Linux with a processor we know")
    try:
        kernel.give_up_privileges()
        _install(machine.numbers["seccomp"], program(machine, sockets))
    except OSError as error:
        return Layer(NAME, False, kernel.why(error))
    kinds = "no UDP, raw or packet sockets" if sockets.tcp else "no new internet sockets at all"
    if not sockets.local:
        kinds += ", nor any to other programs here"
    return Layer(NAME, True, f"{kinds}, children and native code included")


def program(machine: kernel.Machine, sockets: Sockets) -> bytes:
    """The filter as the kernel reads it."""
    numbers = machine.numbers
    lines: list[_Line] = [
        _Line(_LOAD, _ARCH), _Line(_EQUAL, machine.audit, yes=1), _Line(_RETURN, _KILL),
        _Line(_LOAD, _NUMBER),
    ]  # fmt: skip
    if machine.other is not None:
        lines += [_Line(_AT_LEAST, machine.other, no=1), _Line(_RETURN, _REFUSE)]
    for name in _refused(sockets):
        lines += _block(numbers[name], [_Line(_RETURN, _REFUSE)])
    addressed = () if sockets.local else (4,)
    for name, flags, nulls in (("sendto", 3, addressed), ("sendmsg", 2, ()), ("sendmmsg", 3, ())):
        lines += _block(numbers[name], [*_if_null(nulls), *_unless_fast_open(flags)])
    lines += _block(numbers["socket"], _socket(sockets))
    lines.append(_Line(_RETURN, _ALLOW))
    return b"".join(line.packed() for line in lines)


@dataclass(frozen=True)
class _Line:
    code: int
    value: int
    yes: int = 0
    """Lines to skip when a comparison holds."""
    no: int = 0
    """Lines to skip when it does not."""

    def packed(self) -> bytes:
        return struct.pack("=HBBI", self.code, self.yes, self.no, self.value)


def _block(number: int, body: list[_Line]) -> list[_Line]:
    """`body`, which always returns, for one system call; its number is loaded before and after."""
    return [_Line(_EQUAL, number, no=len(body)), *body]


def _refused(sockets: Sockets) -> tuple[str, ...]:
    """Calls that nothing here needs."""
    rings = ("io_uring_setup", "io_uring_enter", "io_uring_register")
    none = not sockets.tcp and not sockets.local
    return (*rings, "recvmsg", "recvmmsg", "pidfd_getfd", *(("connect",) if none else ()))


def _if_null(arguments: tuple[int, ...]) -> list[_Line]:
    """Go on where these pointers are null; refuse otherwise. Both halves are looked at."""
    lines = []
    for index in arguments:
        for half in (0, 4):
            lines += [
                _Line(_LOAD, _argument(index) + half),
                _Line(_EQUAL, 0, yes=1),
                _Line(_RETURN, _REFUSE),
            ]
    return lines


def _unless_fast_open(flags: int) -> list[_Line]:
    return [
        _Line(_LOAD, _argument(flags)),
        _Line(_ANY_BIT, _FAST_OPEN, no=1),
        _Line(_RETURN, _REFUSE),
        _Line(_RETURN, _ALLOW),
    ]


def _socket(sockets: Sockets) -> list[_Line]:
    """By family, then type, then protocol."""
    lines = [_Line(_LOAD, _argument(0))]
    if sockets.local:
        lines += [_Line(_EQUAL, _UNIX, no=1), _Line(_RETURN, _ALLOW)]
    lines += [  # NETLINK_ROUTE: glibc asks which addresses this machine has
        _Line(_EQUAL, _NETLINK, no=4),
        _Line(_LOAD, _argument(2)),
        _Line(_EQUAL, 0, no=1),
        _Line(_RETURN, _ALLOW),
        _Line(_RETURN, _REFUSE),
    ]
    if not sockets.tcp:
        return [*lines, _Line(_RETURN, _REFUSE)]
    return [
        *lines,
        _Line(_EQUAL, _INET, yes=2),
        _Line(_EQUAL, _INET6, yes=1),
        _Line(_RETURN, _REFUSE),
        _Line(_LOAD, _argument(1)),
        _Line(_AND, _TYPE_BITS),
        _Line(_EQUAL, _STREAM, yes=1),
        _Line(_RETURN, _REFUSE),
        _Line(_LOAD, _argument(2)),
        _Line(_EQUAL, 0, yes=2),
        _Line(_EQUAL, _TCP, yes=1),
        _Line(_RETURN, _REFUSE),
        _Line(_RETURN, _ALLOW),
    ]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _install(number: int, lines: bytes) -> None:
    about = _Program(len(lines) // 8, lines)
    stuck = kernel.call(number, _SET_FILTER, _TSYNC, ctypes.byref(about))
    if stuck:  # a thread that has a filter of its own
        raise OSError(errno.EBUSY, "a thread has a filter of its own")
