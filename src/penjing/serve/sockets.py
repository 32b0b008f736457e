"""The socket a server listens on: bound before anything slow begins or anything is locked away."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput, InUse, StorageError

_BACKLOG = 128
_LONGEST = 100
"""Bytes of a Unix socket's path; the kernel takes 107."""


def on_port(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes any that is free."""
    family, address = find(host, port)
    try:
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InUse(
                f"port {port} is in use: stop what has it, or give another --port"
            ) from error
        raise BadInput(f"cannot listen on {host}:{port}: {_reason(error)}") from error


def find(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    """Family and address of what would be listened on; nobody listens yet. Raises BadInput."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise BadInput(f"'{host}' is no address of this machine: give one, or leave it") from error
    return found[0][0], found[0][4]


@contextmanager
def on_path(path: Path) -> Iterator[socket.socket]:
    """A listening Unix socket that only this account can open; gone afterwards."""
    if len(os.fsencode(path)) > _LONGEST:
        raise BadInput(f"{path} is too long for a socket: choose a shorter path")
    _remove_dead(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o177)  # never open to others, not even for a moment
        try:
            made.bind(str(path))
        finally:
            os.umask(before)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise StorageError(f"cannot make the socket {path}: {_reason(error)}") from error
    try:
        yield made
    finally:
        made.close()
        with contextlib.suppress(OSError):
            path.unlink()


def _remove_dead(path: Path) -> None:
    """A socket that a killed server left; anything else stays, and is an error."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise BadInput(f"{path} exists and is no socket: choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.settimeout(1.0)
        try:
            trial.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:
            raise StorageError(f"cannot use {path}: {_reason(error)}") from error
    raise InUse(f"another server listens on {path}: stop it, or choose another path")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
