"""A frame that depends on how something is: it is looked at first, and may keep the call back.

What is looked at and what is done are the spec's calls with values that a person said; the tool's
answer only tells whether the person's own condition holds. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penjing.assistant.dialogue.deferred import call_at
from penjing.assistant.dialogue.events import Do
from penjing.assistant.dialogue.state import Frame
from penjing.assistant.permission import spec_allows
from penjing.assistant.trust import Refused
from penjing.assistant.understand.conditions import Provided
from penjing.core.dialogue import Outcome

if TYPE_CHECKING:
    from penjing.assistant.dialogue.run import Run


def look(run: Run, provided: Provided) -> None:
    """Have the call made that looks."""
    places = range(len(run.plan.programs[provided.intent]))
    place = next((n for n in places if call_at(run.plan, provided.intent, n)), None)
    call = None if place is None else call_at(run.plan, provided.intent, place)
    if call is None or not spec_allows(run.plan.spec.tools, call.tool, run.role):
        run.tell("not_permitted")
        return run.drop()
    run.state = replace(run.state, count=run.state.count + 1)
    action = f"{run.fresh}-{run.state.count}"
    looking = run.licensed(Frame(provided.intent, slots=provided.slots, action=action), call)
    if isinstance(looking, Refused):
        run.tell("failed", error=looking.why)
        return run.drop()
    run.orders.append(Do(looking))
    return run.put(replace(run.top, waits="call", action=action))


def seen(run: Run, provided: Provided, outcome: Outcome) -> None:
    """Go on where the condition holds; else say that it does not, or that nobody can tell."""
    found = outcome.data.get(provided.field) if outcome.ok else None
    if found is provided.value:
        return run.put(replace(run.top, waits="", action="", provided=None))
    run.tell("not_so" if isinstance(found, bool) else "cannot_tell", words=provided.words)
    return run.drop()
