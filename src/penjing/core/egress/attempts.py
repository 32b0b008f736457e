"""Ways out, each tried for real: what `penjing doctor --offline` runs in a process of its own.

Every target is a listener of ours on this machine's loopback, so that no packet leaves it even
where nothing refuses. What asks a name server is not tried unless Python's layer is closed.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import json
import os
import platform
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from penjing.core.egress.allowed import Address
from penjing.core.egress.kernel import this_machine
from penjing.core.egress.process import RefusedError
from penjing.core.egress.receipt import Receipt
from penjing.core.egress.shutter import close_shutter

NEIGHBOUR = "127.0.0.2"
"""Another address of the loopback."""

_MPTCP = 262
_FAST_OPEN = 0x20000000
_QUESTION = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07penjing\x07invalid\0\0\x01\0\x01"
_SECONDS = 5


@dataclass(frozen=True)
class Targets:
    """Ports of our own listeners on the loopback."""

    allowed: int
    """The one that is on the list where there is a list."""
    neighbour: bool
    """The same port is taken at `NEIGHBOUR`."""
    tcp: int
    """Another one."""
    tcp6: int | None
    """One on ::1; None where there is no IPv6."""
    udp: int
    """One that would take a question for a name server."""
    stream: int
    """One that notes bytes, not connections: for a connection that was there before."""


@dataclass(frozen=True)
class Attempt:
    """One way out, and what came of it."""

    name: str
    """For JSON."""
    about: str
    """For a person."""
    wanted: bool
    """It is on the list: it should be reached."""
    reached: bool
    """It was."""
    by: str
    """What refused it: process, landlock, seccomp, system; taken, where a socket is none any more;
    empty where it was reached."""
    said: str
    """The refusal's own words."""


class _Native:
    """The C library, past everything that Python would say."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def socket(self, family: int, kind: int, protocol: int = 0) -> int:
        return self._checked(self._libc.socket(family, kind, protocol))

    def connect(self, port: int, *, host: str = "127.0.0.1", protocol: int = 0) -> None:
        """A TCP connection."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        handle = self.socket(family, socket.SOCK_STREAM, protocol)
        try:
            where = _sockaddr(host, port)
            self._checked(self._libc.connect(handle, where, len(where)))
        finally:
            os.close(handle)

    def say(self, handle: int, data: bytes, port: int | None = None) -> None:
        """Bytes through a socket that exists, to an address or to where it is connected."""
        where = None if port is None else _sockaddr("127.0.0.1", port)
        size = len(where or b"")
        self._checked(self._libc.sendto(handle, data, len(data), 0, where, size))

    def join(self, handle: int, port: int) -> None:
        """Connect a socket that exists."""
        where = _sockaddr("127.0.0.1", port)
        self._checked(self._libc.connect(handle, where, len(where)))

    def send(self, kind: int, port: int, data: bytes, flags: int = 0) -> None:
        """Bytes to an address, without `connect`."""
        handle = self.socket(socket.AF_INET, kind)
        try:
            where = _sockaddr("127.0.0.1", port)
            self._checked(self._libc.sendto(handle, data, len(data), flags, where, len(where)))
        finally:
            os.close(handle)

    def ring(self) -> None:
        """io_uring: connects without any of the usual calls."""
        machine = this_machine()
        if machine is None:
            raise OSError(errno.ENOSYS, "no io_uring here")
        number = ctypes.c_long(machine.numbers["io_uring_setup"])
        handle = self._libc.syscall(number, ctypes.c_long(4), ctypes.create_string_buffer(256))
        os.close(self._checked(handle))

    def _checked(self, result: int) -> int:
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result


class Before:
    """What a library could have made at import: all of it is there before the shutter closes."""

    def __init__(self, to: Targets) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.named = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.named.connect(("127.0.0.1", to.udp))
        self.copy = os.dup(self.udp.fileno())
        self.fresh = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.stream = socket.create_connection(("127.0.0.1", to.stream), timeout=_SECONDS)
        self.allowed = socket.create_connection(("127.0.0.1", to.allowed), timeout=_SECONDS)
        self.here, self.there = socket.socketpair()
        if hasattr(socket, "send_fds"):  # it waits there, and is no handle of this process
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hidden:
                socket.send_fds(self.here, [b"x"], [hidden.fileno()])

    def handed(self) -> int:
        """The hidden one, received."""
        self.there.settimeout(_SECONDS)
        handles = socket.recv_fds(self.there, 1, 1)[1]
        if not handles:
            raise OSError(errno.EPERM, "no handle came")
        return handles[0]


def _sockaddr(host: str, port: int) -> bytes:
    """As the kernel reads it, on Linux and, with its length in front, on others."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    packed = socket.inet_pton(family, host)
    body = struct.pack("!H", port) + (b"\0\0\0\0" + packed + b"\0" * 4 if ":" in host else packed)
    body += b"\0" * (0 if ":" in host else 8)
    if platform.system() == "Linux":
        return struct.pack("=H", family) + body
    return struct.pack("=BB", len(body) + 2, family) + body


def run(targets: Targets, before: Before, *, closed: bool) -> list[Attempt]:
    """Try all of them; `closed` when the shutter is, so that a name may be asked for."""
    ways = [*_ways(targets, closed), *_old_ways(targets, before)]
    return [_try(name, about, wanted, does) for name, about, wanted, does in ways]


_Way = tuple[str, str, bool, Callable[[], object]]


def _ways(to: Targets, closed: bool) -> list[_Way]:
    native, here = _Native(), "127.0.0.1"
    ways: list[_Way] = [
        ("allowed", "Python, the address on the list", True, lambda: _tcp(here, to.allowed)),
        ("allowed-native", "C, the address on the list", True, lambda: native.connect(to.allowed)),
        ("tcp", "Python, TCP by address", False, lambda: _tcp(here, to.tcp)),
        ("asyncio", "Python, asyncio", False, lambda: asyncio.run(_opened(to.tcp))),
        ("udp", "Python, UDP", False, lambda: _udp(to.udp)),
        ("native-tcp", "C, TCP by address", False, lambda: native.connect(to.tcp)),
        ("native-dns", "C, a question to a name server (UDP)", False,
         lambda: native.send(socket.SOCK_DGRAM, to.udp, _QUESTION)),
        ("child", "another program that we start", False, lambda: _child(to.tcp)),
    ]  # fmt: skip
    if to.neighbour:
        ways += [
            ("neighbour", "Python, the port on the list elsewhere", False,
             lambda: _tcp(NEIGHBOUR, to.allowed)),
            ("native-neighbour", "C, the port on the list elsewhere", False,
             lambda: native.connect(to.allowed, host=NEIGHBOUR)),
        ]  # fmt: skip
    if to.tcp6 is not None:
        six = to.tcp6
        ways += [
            ("tcp6", "Python, IPv6", False, lambda: _tcp("::1", six)),
            ("native-tcp6", "C, IPv6", False, lambda: native.connect(six, host="::1")),
        ]
    if closed:
        ways.append(("dns", "Python, a name", False, _name))
    if sys.platform == "linux":
        ways += [
            ("native-mptcp", "C, multipath TCP", False,
             lambda: native.connect(to.tcp, protocol=_MPTCP)),
            ("native-fast-open", "C, TCP fast open", False,
             lambda: native.send(socket.SOCK_STREAM, to.tcp, b"x", _FAST_OPEN)),
            ("raw", "C, raw IP packets", False,
             lambda: os.close(native.socket(socket.AF_INET, socket.SOCK_RAW, 1))),
            ("packet", "C, raw Ethernet frames", False,
             lambda: os.close(native.socket(socket.AF_PACKET, socket.SOCK_RAW))),
            ("io-uring", "C, io_uring", False, native.ring),
        ]  # fmt: skip
    return ways


def _old_ways(to: Targets, old: Before) -> list[_Way]:
    """Through what was there before."""
    native = _Native()
    ways: list[_Way] = [
        ("old-allowed", "C, a connection from before, to the address on the list", True,
         lambda: native.say(old.allowed.fileno(), b"x")),
        ("old-udp", "Python, a UDP socket from before", False,
         lambda: old.udp.sendto(b"x", ("127.0.0.1", to.udp))),
        ("native-old-udp", "C, a UDP socket from before", False,
         lambda: native.say(old.udp.fileno(), b"x", to.udp)),
        ("native-old-udp-copy", "C, another handle of it", False,
         lambda: native.say(old.copy, b"x", to.udp)),
        ("old-udp-named", "Python, a UDP socket that knows where to", False,
         lambda: old.named.send(b"x")),
        ("native-old-udp-named", "C, a UDP socket that knows where to", False,
         lambda: native.say(old.named.fileno(), b"x")),
        ("native-old-tcp", "C, a connection from before", False,
         lambda: native.say(old.stream.fileno(), b"x")),
        ("native-old-tcp-fresh", "C, a TCP socket from before", False,
         lambda: native.join(old.fresh.fileno(), to.tcp)),
        ("old-child", "another program that we hand an old UDP socket", False,
         lambda: _heir(old.copy, to.udp)),
    ]  # fmt: skip
    if hasattr(socket, "send_fds"):
        ways.append(("handed", "C, a UDP socket that waited in a Unix socket", False,
                     lambda: native.say(old.handed(), b"x", to.udp)))  # fmt: skip
    return ways


def _try(name: str, about: str, wanted: bool, does: Callable[[], object]) -> Attempt:
    try:
        does()
    except (OSError, TimeoutError) as error:
        return Attempt(name, about, wanted, False, _who(error), str(error.strerror or error))
    return Attempt(name, about, wanted, True, "", "")


def _who(error: OSError) -> str:
    """seccomp says EPERM and Landlock EACCES: we chose that, to tell them apart."""
    if isinstance(error, RefusedError):
        return "process"
    known = {errno.EPERM: "seccomp", errno.EACCES: "landlock", errno.ENOTSOCK: "taken"}
    return known.get(error.errno or 0, "system")


def _tcp(host: str, port: int) -> None:
    socket.create_connection((host, port), timeout=_SECONDS).close()


async def _opened(port: int) -> None:
    _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), _SECONDS)
    writer.close()


def _udp(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", ("127.0.0.1", port))


def _name() -> None:
    socket.getaddrinfo("penjing.invalid", 443)


_CHILD = """
import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)
except OSError as error:
    sys.exit(error.errno or 255)
"""


_HEIR = """
import socket, sys
try:
    socket.socket(fileno=int(sys.argv[1])).sendto(b"x", ("127.0.0.1", int(sys.argv[2])))
except OSError as error:
    sys.exit(error.errno or 255)
"""


def _child(port: int) -> None:
    _started([_CHILD, str(port)])


def _heir(handle: int, port: int) -> None:
    _started([_HEIR, str(handle), str(port)], handle)


def _started(words: Sequence[str], *handles: int) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", *words],
        pass_fds=handles,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise OSError(done.returncode, os.strerror(done.returncode))


def main(words: Sequence[str]) -> None:
    """The process that tries: its kind ("open", "nothing", "list") and its targets, as JSON."""
    kind, targets = words[0], Targets(**json.loads(words[1]))
    receipt: Receipt | None = None
    before = Before(targets)
    if kind != "open":
        listed = [Address("127.0.0.1", targets.allowed)] if kind == "list" else []
        receipt = close_shutter(listed, local=kind == "list")
    found = run(targets, before, closed=receipt is not None)
    document: Mapping[str, object] = {
        "receipt": receipt and receipt.document(),
        "lines": receipt.lines() if receipt else [],
        "attempts": [asdict(one) for one in found],
    }
    print(json.dumps(document))
