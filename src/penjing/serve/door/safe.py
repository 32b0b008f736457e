"""Refusing to start where everybody on the network could read along or come in."""

from __future__ import annotations

import ipaddress

from penjing.core.errors import BadInput


def require_safe(host: str, *, accounts: bool, tls: bool) -> None:
    """Raise BadInput where others can reach us, unless people log in and nobody can read along."""
    if is_loopback(host):
        return
    if not accounts:
        raise BadInput(
            f"--host {host} lets others in, and nobody has an account here: "
            "make accounts with penjing vault init"
        )
    if not tls:
        raise BadInput(
            f"--host {host} lets others read along: give --cert and --key, or --self-signed"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it. Of names, `localhost` alone is believed."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
