"""How what is due goes on: from one `Pending` to the next. Pure but for the zone.

waiting -> (its moment) -> sounding -> (stopped, or an hour) -> silent; told once by then or later;
and gone, or waiting for its next day. Each moment of something that repeats rings once: a clock
that is set back brings none of them again, and one that was far ahead for a while takes none away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path

from penjing.core.agenda import Kind, Pending
from penjing.core.errors import BadInput
from penjing.tools.when import around, moment, read_date, zone_of

GRACE = 60.0
"""Seconds after its time in which a call is still made; later it was missed."""
RINGS = 3600.0
"""Seconds for which something rings that nobody stops; what is found later than that was missed."""
SNOOZE: dict[Kind, int] = {"alarm": 9, "timer": 5, "reminder": 10}
"""Minutes, where nobody says."""
_PAST = 32
_DRIFT = 2.0


@dataclass(frozen=True)
class Count:
    """Seconds since the machine was started."""

    boot: str
    """Which start that was."""
    seconds: float
    """They go on whatever the clock is set to, and while the machine sleeps."""


Steady = Callable[[], Count]
"""Counts."""


def checked(one: Pending, now: float, steady: Steady | None = None) -> Pending:
    """The same as clock and wall have it now: clocks are set, machines are taken to other zones,
    and a while is not shorter for that.
    """
    if one.over:
        return one
    if one.boot and steady is not None:
        return _counted(one, now, steady())
    if one.at <= now or not one.time:
        return one
    if one.days:
        following = _following(one, now)
        return one if following is None else replace(one, at=following)
    if one.date:
        return replace(one, at=moment(read_date(one.date), one.time, _zone(one)))
    return one


def _counted(one: Pending, now: float, count: Count) -> Pending:
    at = now + one.ripe - count.seconds
    fine = one.boot != count.boot or abs(at - one.at) < _DRIFT
    return one if fine else replace(one, at=at)


def rung(one: Pending, now: float) -> Pending:
    """It is due: what repeats waits for its next day from now on."""
    came = _latest(one, now) if one.days else one.at
    fresh = one.kind != "call" and now - came <= RINGS
    after = replace(
        one, rang=came, untold=one.untold + 1, sounding=fresh, stopped=False, begun=False
    )
    if not one.days:
        return replace(after, over=True)
    after = replace(after, past=(*one.past, came)[-_PAST:])
    following = _following(after, now)
    return replace(after, at=following or now + 86_400.0)


def silent(one: Pending, *, stopped: bool = False) -> Pending | None:
    """It rings no more; None where nothing is left of it."""
    return _left(replace(one, sounding=False, stopped=stopped))


def worn_out(one: Pending, now: float) -> bool:
    """It rings, and has for so long that nobody will come."""
    return one.sounding and abs(now - (one.rang or 0.0)) > RINGS


def told(one: Pending) -> Pending | None:
    """Its person knows; None where nothing is left of it."""
    return _left(replace(one, untold=0, begun=False))


def _left(one: Pending) -> Pending | None:
    if one.sounding or one.untold:
        return one
    return None if one.over else replace(one, rang=None, stopped=False)


def _latest(one: Pending, now: float) -> float:
    """The last of the moments that have come and did not ring yet."""
    every = around(now, one.time, _zone(one), one.days)
    return max([at for at in every if one.at <= at <= now and at not in one.past], default=one.at)


def _following(one: Pending, now: float) -> float | None:
    every = around(now, one.time, _zone(one), one.days)
    return min([at for at in every if at > now and at not in one.past], default=None)


def _zone(one: Pending) -> tzinfo:
    try:
        return zone_of(one.zone or None)
    except BadInput:  # the machine's list of zones has lost it
        return zone_of(None)


def steady() -> Steady | None:
    """This machine's; None where it has none."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        clock = time.CLOCK_BOOTTIME
    except (OSError, ValueError, AttributeError):
        return None
    return lambda: Count(boot, time.clock_gettime(clock))
