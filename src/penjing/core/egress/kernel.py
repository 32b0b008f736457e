"""Calls to the Linux kernel that Python has no function for. Standard library only."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from dataclasses import dataclass
from typing import Any

PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True)
class Machine:
    """What differs between processors."""

    audit: int
    """How the kernel names this kind in a filter's data."""
    numbers: dict[str, int]
    """System calls by name; those that a kind does not have are missing."""
    other: int | None = None
    """From this number on, system calls are of another kind (x32)."""


_GENERIC = {
    "socket": 198, "connect": 203, "sendto": 206, "sendmsg": 211, "sendmmsg": 269,
    "recvmsg": 212, "recvmmsg": 243,
}  # fmt: skip
_SHARED = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "pidfd_getfd": 438,
    "landlock_create_ruleset": 444, "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}  # fmt: skip

_MACHINES = {
    "x86_64": Machine(
        0xC000003E,
        {
            "socket": 41,
            "connect": 42,
            "sendto": 44,
            "sendmsg": 46,
            "sendmmsg": 307,
            "recvmsg": 47,
            "recvmmsg": 299,
            "seccomp": 317,
            **_SHARED,
        },
        0x40000000,
    ),
    "aarch64": Machine(0xC00000B7, {**_GENERIC, "seccomp": 277, **_SHARED}),
    "riscv64": Machine(0xC00000F3, {**_GENERIC, "seccomp": 277, **_SHARED}),
}


def this_machine() -> Machine | None:
    """The kind of this machine; None where we do not know the kernel."""
    if sys.platform != "linux" or sys.maxsize < 2**32:
        return None
    return _MACHINES.get(platform.machine())


def call(number: int, *arguments: Any) -> int:
    """A system call. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result = int(libc.syscall(ctypes.c_long(number), *wide))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def give_up_privileges() -> None:
    """Nothing that we start gets more rights than we have: the kernel wants that first."""
    libc = ctypes.CDLL(None, use_errno=True)
    zeros = [ctypes.c_ulong(0)] * 3
    if libc.prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), *zeros) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def why(error: OSError) -> str:
    """One line for a receipt."""
    known = {
        errno.ENOSYS: "this kernel does not have it",
        errno.EOPNOTSUPP: "it is switched off in this kernel",
        errno.EPERM: "not permitted here (a container's own filter?)",
        errno.EINVAL: "this kernel has an older kind",
    }
    return known.get(error.errno or 0, (error.strerror or str(error)).lower())
