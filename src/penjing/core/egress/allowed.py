"""Addresses that may be reached: a host and a port, as a person writes them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from penjing.core.errors import BadInput

_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*"
)


@dataclass(frozen=True)
class Address:
    """One place."""

    host: str
    """A name, or an IP address without brackets; lower case."""
    port: int
    """1 to 65535."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_name(self) -> bool:
        """Whether it has to be looked up."""
        return ip_of(self.host) is None


def address(host: str, port: int) -> Address:
    """An address from its parts. Raises BadInput."""
    clean = host.strip("[]").rstrip(".").lower()
    parsed = ip_of(clean)
    if parsed is None and (not _NAME.fullmatch(clean) or clean.replace(".", "").isdigit()):
        raise BadInput(f"'{host[:80]}' is no host: write a name or an IP address")
    if not 1 <= port <= 65535:
        raise BadInput(f"{port} is no port: write a number from 1 to 65535")
    return Address(str(parsed) if parsed is not None else clean, port)


def parse_address(text: str) -> Address:
    """ "host:port" or "[::1]:port". Raises BadInput."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit() and len(port) <= 5):
        raise BadInput(f"'{text[:80]}' is no address: write host:port")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise BadInput(f"'{text[:80]}' is no address: write [address]:port for IPv6")
    return address(host, int(port))


def ip_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An IP address, IPv4 behind IPv6 as what it stands for; None for any other text."""
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return mapped if mapped is not None else parsed
