"""Host: whether a request asks for us, and not for a name pointed here (DNS rebinding)."""

from __future__ import annotations

import ipaddress
import re

from penjing.serve.door.settings import DoorSettings
from penjing.serve.door.visit import Refusal, Visit

_HOST = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
)


def check(visit: Visit, settings: DoorSettings) -> Refusal | None:
    """Exactly one Host header, with one of our names and our port."""
    host = visit.one("host")
    if host is None or not is_ours(host, visit, settings):
        return Refusal(421, "this server does not answer to that name: use the address it printed")
    return None


def is_ours(authority: str, visit: Visit, settings: DoorSettings) -> bool:
    """Whether "name:port" is this server: a name it was given, or the very address connected to."""
    match = _HOST.fullmatch(authority)
    if match is None:
        return False
    port = int(match["port"]) if match["port"] else (443 if settings.tls else 80)
    if settings.port is not None and port != settings.port:
        return False
    name = (match["six"] or match["name"]).lower()
    known = {one.lower().strip("[]") for one in settings.names}
    return name in known or _is_where_we_are(name, visit)


def _is_where_we_are(name: str, visit: Visit) -> bool:
    """An address instead of a name cannot be pointed elsewhere by anybody's DNS."""
    server = visit.scope.get("server")
    try:
        return server is not None and ipaddress.ip_address(name) == ipaddress.ip_address(server[0])
    except ValueError:
        return False
