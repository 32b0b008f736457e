"""What rings is stopped with nobody logged in, too: in a browser in which somebody was, once.

An open page is handed the cookie with its news. It says nothing of a session, opens nobody's part,
and is good for stopping and snoozing alone. It stays when they log out, and is worth nothing once
their passphrase is another.
"""

from __future__ import annotations

import hmac
import re

from penjing.serve.door import cookies
from penjing.serve.door.accounts import Accounts
from penjing.serve.door.public import RINGING
from penjing.serve.door.visit import Message, Send, Visit

COOKIE = "penjing-bell"
LIFE = 400 * 86_400.0
"""Seconds: as long as browsers keep any."""
_STOPPING = re.compile(RINGING + r"/[0-9a-f]{1,64}/(stop|snooze)")
_SHOWN = re.compile(r"([0-9a-z]{1,64})\.([A-Za-z0-9_-]{1,128})")


def is_asked(visit: Visit) -> bool:
    """Whether it stops or snoozes something."""
    return visit.method == "POST" and _STOPPING.fullmatch(visit.path) is not None


def is_known(visit: Visit, accounts: Accounts, *, tls: bool) -> bool:
    """Whether somebody was logged in in this browser. Blocks."""
    shown = _SHOWN.fullmatch(cookies.read(visit, COOKIE, tls=tls) or "")
    if shown is None:
        return False
    right = accounts.bell(shown[1])
    return right is not None and hmac.compare_digest(right, shown[2])


def value_of(person: str, accounts: Accounts) -> str:
    """What lets a browser of theirs do so. Blocks."""
    right = accounts.bell(person)
    return "" if right is None else f"{person}.{right}"


def handing(send: Send, visit: Visit, value: str, *, tls: bool) -> Send:
    """`send`, with the cookie on the reply where this browser has it not."""
    if not value or cookies.read(visit, COOKIE, tls=tls) == value:
        return send
    cookie = cookies.write(COOKIE, value, LIFE, tls=tls)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), cookie]}
        await send(message)

    return sending
