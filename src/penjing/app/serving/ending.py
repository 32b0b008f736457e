"""How `penjing serve` ends: with status 0, and never later than promised.

Python joins threads before a process ends, some kinds of them whatever they do. Here nobody waits
for a thread that does not come back: what was acknowledged is on the disk by then.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import NoReturn

_PATIENCE = 0.3
"""Seconds for the last line: who reads it may have stopped reading."""


def end_now() -> NoReturn:
    """The grace is over: say what was not waited for, and end."""
    from penjing.serve.ending import busy

    names = ", ".join(dict.fromkeys(busy())) or "what was left to close"
    line = f"penjing: ended without waiting any longer for: {names}\n"
    saying = threading.Thread(target=_say, args=(line,), daemon=True)
    saying.start()
    saying.join(_PATIENCE)
    os._exit(0)


def end_beside_threads() -> None:
    """All is closed and said: threads that are still at work would only be in the way."""
    from penjing.serve.ending import busy

    if busy():
        sys.stdout.flush()
        os._exit(0)


def _say(line: str) -> None:
    os.write(2, line.encode("utf-8", "replace"))
