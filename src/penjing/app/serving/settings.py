"""What a server is told before it starts, and what it tells once it listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from penjing.core.errors import UsageError

PORT = 8033
"""Where it listens unless told otherwise."""


@dataclass(frozen=True)
class ServeSettings:
    """How to serve. UsageError for what contradicts itself."""

    model: str | None = None
    """A name of the catalogue, a .gguf file, a bundle or an assistant's spec; None: the default."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int | None = None
    """None: `PORT`; 0: any that is free."""
    socket: Path | None = None
    """A Unix socket instead."""
    names: tuple[str, ...] = ()
    """Other names that browsers may ask for."""
    origins: tuple[str, ...] = ()
    """Origins of other pages and extensions that may ask what programs ask, with a token."""
    certificate: Path | None = None
    """For TLS, PEM."""
    key: Path | None = None
    """The certificate's."""
    self_signed: bool = False
    """TLS with a certificate made here."""
    token_file: Path | None = None
    """Where the server's own token is kept; None: in the home."""
    keep: bool = True
    """Use the vault where there is one; False: one person, in memory."""
    context: int = 4096
    """Tokens of one prompt and its answer."""
    threads: int | None = None
    """Cores; None: all."""
    places: int = 4
    """Answers written side by side."""
    queue: int = 64
    """Requests that may wait for a place."""
    grace_seconds: float = 10.0
    """For what is being answered, when asked to stop."""
    log_requests: bool = False
    """A line for each, without content."""
    offline: bool = True
    """Nothing gets out of this process but to hosts that the spec names."""
    words: Callable[[str], str] | None = field(default=None, repr=False)
    """Asks for the passphrase of a sealed model, which is named to it."""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise UsageError("--cert and --key belong together: give both")
        if self.certificate is not None and self.self_signed:
            raise UsageError("--self-signed makes a certificate of its own: leave --cert and --key")
        for origin in self.origins:
            require_origin(origin)
        if self.socket is not None and (self.port is not None or self.encrypts):
            raise UsageError("--socket has no port and no TLS: leave them, or leave --socket")

    @property
    def encrypts(self) -> bool:
        """TLS was asked for."""
        return self.self_signed or self.certificate is not None


def require_origin(text: str) -> None:
    """UsageError unless it is one origin, as browsers send it."""
    scheme, between, host = text.partition("://")
    plain = text.isascii() and text.isprintable() and text == text.lower()
    if not (between and scheme and host and plain) or set(host) & set("/?#@*\\'\" "):
        raise UsageError(
            f"'{text}' is no origin: name one as browsers send it, such as app://obsidian.md or "
            "http://localhost:3000 (no path, no *)"
        )


@dataclass(frozen=True)
class Listening:
    """A server that answers by now."""

    address: str | None
    """Its URL; None for a Unix socket."""
    code: str
    """Logs in once."""
    token_file: Path
    """Holds the server's own token."""
    kept: bool
    """There is a vault."""
    searches: bool
    """Documents can be searched: the embedding model is here."""
    fingerprint: str | None
    """SHA-256 of the certificate; None without TLS."""
