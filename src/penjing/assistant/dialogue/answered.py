"""What becomes of a conversation when a tool is done. Pure.

What it answered may be said, looked at by a branch, or be what a person's wish depends on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from penjing.assistant.dialogue import looking, putting_off
from penjing.assistant.dialogue.events import Answered, PutOff, Say
from penjing.assistant.dialogue.run import Run
from penjing.assistant.dialogue.several import with_one
from penjing.assistant.generate.say import fill
from penjing.assistant.spec.phrases import REASONS
from penjing.core.dialogue import Outcome


def answered(run: Run, event: Answered) -> None:
    """A tool is done: what it answered may be said, and looked at by a branch."""
    if not run.state.frames or run.top.waits != "call" or run.top.action != event.action:
        return None
    frame = run.top
    run.fresh = event.action.rsplit("-", 1)[0]
    if frame.provided is not None:
        looking.seen(run, frame.provided, event.outcome)
        return run.go_on()
    back = None
    if frame.when is not None and event.outcome.ok:
        back = putting_off.taken_back(run, frame)
    if (things := run.things()) is not None:
        _one_of_several(run, event.outcome, things)
        return _go_on(run, back)
    if not event.outcome.ok:
        run.tell("failed", error=_why(event.outcome, run.state.language))
        run.drop(done=True)
        return run.go_on()
    result = dict(event.outcome.data)
    run.put(replace(frame, waits="", action="", place=frame.place + 1, result=result))
    return _go_on(run, back)


def _go_on(run: Run, back: PutOff | None) -> None:
    """Go on; what is taken back later is told after the sentence that says what was done."""
    run.go_on()
    if back is not None:
        run.orders.insert(bool(run.orders) and isinstance(run.orders[0], Say), back)


def _one_of_several(run: Run, outcome: Outcome, things: tuple[str, ...]) -> None:
    """One call of a group is made: the next one, or what came of them all."""
    frame = run.top
    name = run.thing(things[frame.turn])
    told = with_one(frame.result if frame.turn else {}, name, outcome)
    if not outcome.ok and not run.looks_at_failed():
        run.tell("failed_for", name=name, error=_why(outcome, run.state.language))
    after = replace(frame, waits="", action="", result=told, turn=frame.turn + 1)
    if after.turn < len(things):
        return run.put(after)
    run.put(replace(after, place=frame.place + 1, turn=0))
    if told["failed"] and not run.looks_at_failed():
        if told["done"]:
            run.tell("done_for", names=told["done"])
        run.drop(done=True)
    return None


def _why(outcome: Outcome, language: str) -> str:
    """Why a tool failed, in the person's language where the tool or the reason has words for it."""
    tongue, said = language.split("-", maxsplit=1)[0], outcome.data.get("said")
    if isinstance(said, Mapping) and isinstance(said.get(tongue), str):
        return str(said[tongue])
    words = REASONS.get(str(outcome.data.get("reason", "")), {})
    why = words.get(tongue)
    return fill(why, outcome.data, language) if why else outcome.error
