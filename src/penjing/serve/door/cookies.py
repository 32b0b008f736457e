"""The two cookies of the door: a session, and the proof of having been at the terminal."""

from __future__ import annotations

from penjing.serve.door.replies import Header
from penjing.serve.door.visit import Visit

SESSION = "penjing"
"""Who is logged in."""
TICKET = "penjing-ticket"
"""Opened the one-time link lately: a person with it never waits for somebody else's guesses."""


def name_of(cookie: str, *, tls: bool) -> str:
    """As the browser knows it; under TLS it makes sure that no other host has set it."""
    return f"__Host-{cookie}" if tls else cookie


def read(visit: Visit, cookie: str, *, tls: bool) -> str | None:
    """A cookie's value; None where it is missing, doubled or no text of ours."""
    wanted = name_of(cookie, tls=tls)
    found = []
    for header in visit.all("cookie"):
        for pair in header.split(";"):
            name, equal, value = pair.strip().partition("=")
            if equal and name == wanted:
                found.append(value)
    return found[0] if len(found) == 1 and found[0].isascii() and found[0] else None


def write(cookie: str, value: str, seconds: float, *, tls: bool) -> Header:
    """The header that sets it: for this host alone, out of reach of scripts and of other sites."""
    parts = [
        f"{name_of(cookie, tls=tls)}={value}",
        "Path=/",
        f"Max-Age={int(seconds)}",
        "HttpOnly",
        "SameSite=Strict",
    ]
    return b"set-cookie", "; ".join(parts + ["Secure"] * tls).encode("ascii")


def clear(cookie: str, *, tls: bool) -> Header:
    """The header that takes it away."""
    return write(cookie, "", 0, tls=tls)
