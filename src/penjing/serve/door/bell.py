"""What rings is stopped with nobody logged in, too: in a browser in which somebody was, once.

The cookie says nothing of a session, opens nobody's part and is good for stopping and snoozing
alone.
It stays when they log out, and is worth nothing once their passphrase is another.
"""

from __future__ import annotations

import hmac
import re

from penjing.serve.door import cookies
from penjing.serve.door.accounts import Accounts
from penjing.serve.door.public import RINGING
from penjing.serve.door.replies import Header
from penjing.serve.door.visit import Visit

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


def cookie_of(person: str, accounts: Accounts, *, tls: bool) -> list[Header]:
    """The header that lets this browser do so. Blocks."""
    right = accounts.bell(person)
    return [] if right is None else [cookies.write(COOKIE, f"{person}.{right}", LIFE, tls=tls)]
