"""Where `penjing serve` listens: never where others could come in or read along."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penjing.app.serving.settings import PORT, ServeSettings

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
def listening(settings: ServeSettings) -> Iterator[Place]:
    """The socket that was asked for, until the end of the block."""
    from penjing.serve import sockets

    if settings.socket is not None:
        with sockets.on_path(settings.socket) as made:
            yield Place(made, None)
        return
    made = sockets.on_port(settings.host, PORT if settings.port is None else settings.port)
    try:
        yield Place(made, made.getsockname()[1])
    finally:
        made.close()


def require_safe_place(settings: ServeSettings) -> None:
    """Raise BadInput where others could come in or read along; nobody listens yet."""
    from penjing.bundle.home import Home
    from penjing.serve import sockets
    from penjing.serve.door.safe import require_safe
    from penjing.vault.vault import place_in

    if settings.socket is None:
        sockets.find(settings.host, 0)  # a name that is none is another mistake
        accounts = settings.keep and place_in(Home.from_environment().root).exists()
        require_safe(settings.host, accounts=accounts, tls=settings.encrypts)


def encrypted(settings: ServeSettings, place: Place) -> Place:
    """With its certificate, where it has one."""
    from penjing.bundle.home import Home

    if place.port is None or not settings.encrypts:
        return place
    from penjing.serve.door.certificate import given_certificate, own_certificate

    if settings.certificate is not None and settings.key is not None:
        certificate = given_certificate(settings.certificate, settings.key)
    else:
        folder = Home.from_environment().root / "serve"
        certificate = own_certificate(folder, [settings.host, *settings.names])
    return Place(place.listening, place.port, certificate)


def address_of(settings: ServeSettings, place: Place) -> str | None:
    """What a browser is given; None for a Unix socket."""
    if place.port is None:
        return None
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if place.certificate else 'http'}://{host}:{place.port}"
