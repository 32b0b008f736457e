"""What the door is told once, at the start."""

from __future__ import annotations

from dataclasses import dataclass

from penjing.vault.envelope import AT_ONCE

NAMES = ("127.0.0.1", "localhost", "::1")
"""What this machine calls itself."""


@dataclass(frozen=True)
class DoorSettings:
    """How strict the door is, and what it answers to."""

    names: tuple[str, ...] = NAMES
    """Host names and addresses that a request may ask for, without port."""
    port: int | None = None
    """The port in the Host header; None for any (a Unix socket has none)."""
    tls: bool = False
    """Connections are encrypted, so that cookies need it too."""
    idle: float = 3600.0
    """Seconds without a request after which a web session ends."""
    life: float = 12 * 3600.0
    """Seconds after which it ends in any case."""
    refresh: float = 1.0
    """Seconds after which the accounts are asked again who a person is, even where their files look
    as they did: not every file system tells two changes apart that follow at once."""
    unlocking: int = max(2, AT_ONCE)
    """Passphrases that are tried at the same time: each takes 64 MiB while a core works on it."""
    queue: int = 16
    """Passphrases that may wait to be tried."""
    sessions: int = 32
    """Web sessions of one person; the oldest ends when one more begins."""
    origins: tuple[str, ...] = ()
    """Origins of other pages and extensions that may ask /v1 and Ollama's API, with a token."""
