"""Where `penjing serve` listens: never where others could come in or read along."""

from __future__ import annotations

import socket
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penjing.cli.serve import PORT

if TYPE_CHECKING:
    from penjing.serve.door.certificate import Certificate


@dataclass(frozen=True)
class Place:
    """Where the server is reached."""

    listening: socket.socket
    """Bound."""
    port: int | None
    """None for a Unix socket."""
    certificate: Certificate | None = None
    """For TLS."""


@contextmanager
def listening(args: Namespace) -> Iterator[Place]:
    """The socket that was asked for, until the end of the block."""
    from penjing.serve import sockets

    if args.socket is not None:
        with sockets.on_path(args.socket) as made:
            yield Place(made, None)
        return
    made = sockets.on_port(args.host, PORT if args.port is None else args.port)
    try:
        yield Place(made, made.getsockname()[1])
    finally:
        made.close()


def require_safe_place(args: Namespace) -> None:
    """Raise BadInput where others could come in or read along; nobody listens yet."""
    from penjing.bundle.home import Home
    from penjing.serve import sockets
    from penjing.serve.door.safe import require_safe
    from penjing.vault.vault import place_in

    if args.socket is None:
        sockets.find(args.host, 0)  # a name that is none is another mistake
        accounts = not args.no_vault and place_in(Home.from_environment().root).exists()
        require_safe(args.host, accounts=accounts, tls=_encrypts(args))


def _encrypts(args: Namespace) -> bool:
    return args.self_signed or args.cert is not None


def encrypted(args: Namespace, place: Place) -> Place:
    """With its certificate, where it has one."""
    from penjing.bundle.home import Home

    if place.port is None or not _encrypts(args):
        return place
    from penjing.serve.door.certificate import given_certificate, own_certificate

    if args.cert is not None:
        certificate = given_certificate(args.cert, args.key)
    else:
        folder = Home.from_environment().root / "serve"
        certificate = own_certificate(folder, [args.host, *(args.name or ())])
    return Place(place.listening, place.port, certificate)


def address_of(args: Namespace, place: Place) -> str | None:
    """What a browser is given; None for a Unix socket."""
    if place.port is None:
        return None
    host = f"[{args.host}]" if ":" in args.host else args.host
    return f"{'https' if place.certificate else 'http'}://{host}:{place.port}"
