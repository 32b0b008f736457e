"""Calls of the newest frame that are kept for another time, and what is told of them. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from penjing.assistant.dialogue.deferred import (
    Deferred,
    call_at,
    stand_apart,
    stands_alone,
    way_back,
)
from penjing.assistant.dialogue.events import PutOff
from penjing.assistant.dialogue.state import Frame
from penjing.assistant.generate.say import choose, fill
from penjing.assistant.permission import spec_allows
from penjing.assistant.spec.values import Call
from penjing.assistant.trust import Licensed, turns
from penjing.core.dialogue import When
from penjing.core.moments import seconds_words, when_words

if TYPE_CHECKING:
    from penjing.assistant.dialogue.run import Run


def deferred(run: Run, frame: Frame, call: Call, call_now: Licensed) -> Deferred | None:
    """The call as it is kept; None, and told why, where it can not be put off."""
    when, keeper = frame.when, run.plan.keeper
    intent, place, known = frame.intent, frame.place, frame.values()
    if turns(call, known) is not None:
        apart = stand_apart(run.plan, intent, place)
    else:
        apart = stands_alone(run.plan, intent, place, known)
    if when is None or not keeper or call.tool == keeper or not apart:
        run.tell("not_now", words=when.words if when else "")
        return None
    if not spec_allows(run.plan.spec.tools, keeper, run.role):
        run.tell("not_permitted")
        return None
    language, turn = run.state.language, frame.turn
    one = Deferred(frame.intent, frame.place, frame.slots, language, call_now, turn=turn)
    if when.lasts is None:
        return one
    found = way_back(run.plan, call) or (intent, place)
    turned, restores = _turned(run, call, found)
    back = run.licensed(replace(frame, action=f"{frame.action}-back"), turned) if turned else None
    if not isinstance(back, Licensed):
        run.tell("no_way_back", words=when.words)
        return None
    taken = Deferred(*found, frame.slots, language, back, turn=turn, restores=restores)
    return replace(one, lasts=when.lasts, back=taken)


def _turned(run: Run, call: Call, found: tuple[str, int]) -> tuple[Call | None, bool]:
    """The call that takes another back; where there is none, the same to be undone by its tool."""
    other = call_at(run.plan, *found)
    if other is not None and other.arguments != call.arguments:
        return other, False
    return (_undoing(run, call), True) if call.tool in run.plan.restoring else (None, False)


def _undoing(run: Run, call: Call) -> Call:
    """A call, described as what is undone."""
    language = run.state.language
    words = choose(run.plan.spec.fallbacks["undo"], language)
    said = call.describes or {language: (call.tool,)}
    described = {
        one: tuple(words.replace("{action}", way) for way in ways) for one, ways in said.items()
    }
    return replace(call, describes=described)


def planned(
    run: Run, situation: str, kept: Deferred, when: When, of_all: Call | None = None
) -> str:
    """What is told of a call that is put off; `of_all`: of all the things that it is made for."""
    language, fallbacks = run.state.language, run.plan.spec.fallbacks
    action = kept.call.action.describes
    if of_all is not None:
        action = fill(choose(of_all.describes, language), run.values(run.top), language) or action
    if kept.back is not None and when.lasts is not None:
        lasts = seconds_words(int(when.lasts), language)
        values = {"action": action, "lasts": lasts, "back": kept.back.call.action.describes}
        action = fill(choose(fallbacks["and_back"], language), values, language)
    today = datetime.fromtimestamp(run.at).astimezone().date()
    said = "" if when.now else when_words(when, language, today)
    words = {"when": said[:1].upper() + said[1:], "action": action}
    return fill(choose(fallbacks[situation], language, run.state.count), words, language)


def told(run: Run, kept: Deferred, when: When, of_all: Call | None) -> str:
    """What is said once a call is kept; of all the things of a group once, and not of each."""
    if of_all is not None and any(isinstance(one, PutOff) for one in run.orders):
        return ""
    return planned(run, "planned", kept, when, of_all)


def taken_back(run: Run, frame: Frame) -> PutOff | None:
    """Something was done for a while: the call that takes it back is kept."""
    call = call_at(run.plan, frame.intent, frame.place)
    now = run.licensed(frame, call) if call is not None else None
    if frame.when is None or call is None or not isinstance(now, Licensed):
        return None
    kept = deferred(run, frame, call, now)
    if kept is None or kept.back is None:
        return None
    when = replace(frame.when, after=frame.when.lasts, lasts=None)
    things = turns(call, frame.values())
    if things is None:
        return PutOff(kept.back, when, planned(run, "planned", kept.back, when))
    if frame.turn + 1 < len(things):
        return PutOff(kept.back, when, "")
    back = call_at(run.plan, kept.back.intent, kept.back.place)
    back = _undoing(run, back) if back is not None and kept.back.restores else back
    return PutOff(kept.back, when, planned(run, "planned", kept.back, when, back))
