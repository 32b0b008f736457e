"""Python's own layer: an audit hook that sees every address before a packet leaves.

It cannot be taken out again. It knows exact addresses, and it knows nothing of native code: that
is the kernel's layers' part. A refusal is an OSError, so that every client takes it for what it is
to them: a network that is not there.
"""

from __future__ import annotations

import errno
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from penjing.core.egress.allowed import Address, ip_of
from penjing.core.egress.receipt import Layer

NAME = "process"
_MOST_LEARNT = 4096
_SAFE_TYPES = (socket.SOCK_STREAM,)
_LOCAL = {socket.AF_INET, socket.AF_INET6}

Lookup = Callable[[str], Sequence[str]]
"""IP addresses of a name; empty where there are none."""


class RefusedError(PermissionError):
    """The shutter is closed."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EACCES, f"Penjing is offline: {what[:120]} is not to be reached")


class Gate:
    """What may be reached, and which addresses the allowed names turned out to have."""

    def __init__(self, allowed: Iterable[Address], *, local: bool) -> None:
        self.local = local
        self._numbers = {(a.host, a.port) for a in allowed if not a.is_name}
        self._names: dict[str, set[int]] = {}
        for one in allowed:
            if one.is_name:
                self._names.setdefault(one.host, set()).add(one.port)
        self._learnt: set[tuple[str, int]] = set()
        self._lock = threading.Lock()

    def names(self) -> set[str]:
        """What may be looked up."""
        return set(self._names)

    def learn(self, name: str, numbers: Iterable[str]) -> None:
        """These are the addresses of an allowed name now."""
        with self._lock:
            if len(self._learnt) > _MOST_LEARNT:
                self._learnt.clear()
            self._learnt |= {(ip, port) for ip in numbers for port in self._names[name]}

    def check_connect(self, family: int, to: Any) -> None:
        """Raise RefusedError unless this may be connected to, or sent to."""
        if family == getattr(socket, "AF_UNIX", -1):
            if not self.local:
                raise RefusedError("another program on this machine")
            return
        if family not in _LOCAL or not isinstance(to, tuple) or len(to) < 2:
            raise RefusedError(f"{to!r}")
        host, port = str(to[0]), to[1]
        number = ip_of(host)
        if number is not None:
            if (str(number), port) not in self._numbers | self._learnt:
                raise RefusedError(f"{host} port {port}")
        elif port not in self._names.get(_clean(host), ()):  # C would look it up by itself
            raise RefusedError(f"{host} port {port}")

    def is_allowed(self, family: int, to: Any, lookup: Lookup | None) -> bool:
        """Whether a connection that exists leads to an allowed address; names are looked up."""
        for name, ports in self._names.items():
            if lookup and to[1] in ports:
                self.learn(name, [str(one) for one in map(ip_of, lookup(name)) if one])
        try:
            self.check_connect(family, to)
        except RefusedError:
            return False
        return True

    def check_lookup(self, host: Any) -> None:
        """Raise RefusedError unless looking it up asks nobody."""
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if text is None or text == "" or ip_of(str(text)) is not None:
            return
        if _clean(str(text)) != "localhost":
            raise RefusedError(f"the name {text}")

    def check_socket(self, family: int, kind: int) -> None:
        """Raise RefusedError for kinds of sockets nothing here needs."""
        if family == getattr(socket, "AF_UNIX", -1):
            return  # a pair within one process is one of these, too
        if family in _LOCAL and kind & 0xF in _SAFE_TYPES:
            return
        if family == -1 or family == getattr(socket, "AF_NETLINK", -1):
            return
        raise RefusedError(f"a socket of family {family} and type {kind & 0xF}")


def close(gate: Gate, lookup: Lookup | None) -> Layer:
    """Close it."""
    check = _checks(gate)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith("socket."):
            does = check.get(event)
            if does is not None:
                does(arguments)

    if gate.names():
        _answer_names(gate, lookup)
    sys.addaudithook(hook)
    return Layer(NAME, True, "Python code reaches these addresses exactly, and looks up no other")


def _checks(gate: Gate) -> dict[str, Callable[[tuple[Any, ...]], None]]:
    """What is looked at, by audit event (they are listed in Python's manual)."""

    def to(arguments: tuple[Any, ...]) -> None:
        gate.check_connect(arguments[0].family, arguments[1])

    def message(arguments: tuple[Any, ...]) -> None:
        if arguments[1] is not None:
            gate.check_connect(arguments[0].family, arguments[1])

    def lookup(arguments: tuple[Any, ...]) -> None:
        gate.check_lookup(arguments[0])

    def reverse(arguments: tuple[Any, ...]) -> None:
        raise RefusedError(f"the name of {arguments[0]}")

    def made(arguments: tuple[Any, ...]) -> None:
        gate.check_socket(arguments[1], arguments[2])

    return {
        "socket.__new__": made,
        "socket.connect": to,
        "socket.sendto": to,
        "socket.sendmsg": message,
        "socket.getaddrinfo": lookup,
        "socket.gethostbyname": lookup,
        "socket.gethostbyaddr": reverse,
        "socket.getnameinfo": reverse,
    }


def _answer_names(gate: Gate, lookup: Lookup | None) -> None:
    """Allowed names are looked up by the helper, which alone may ask: nothing hides in a name."""
    usual = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **names: Any) -> Any:
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        name = _clean(text) if isinstance(text, str) else ""
        if name not in gate.names():
            return usual(host, port, *args, **names)
        numbers = lookup(name) if lookup else ()
        if not numbers:
            raise socket.gaierror(socket.EAI_NONAME, f"{name} has no address now")
        gate.learn(name, numbers)
        found, problem = [], None
        for number in numbers:
            try:
                found += usual(number, port, *args, **names)
            except socket.gaierror as error:  # of another family than was asked for
                problem = error
        if not found and problem is not None:
            raise problem
        return found

    socket.getaddrinfo = getaddrinfo


def _clean(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()
