"""Undo: what was done in a conversation is found again, taken back, and told.

Nothing is taken back but what a note of that conversation says was done, with what its tool told
of before and after; whether a person may is asked anew (`calling.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from penjing.assistant.calling import Caller, Done
from penjing.assistant.generate.say import choose, fill
from penjing.assistant.notes import MEMORY
from penjing.assistant.reply import Reply
from penjing.assistant.spec.values import Words
from penjing.assistant.trust import recalled
from penjing.core.dialogue import Action, Event, Undone
from penjing.core.errors import NotFound
from penjing.core.history import Turn


def done_before(turns: Sequence[Turn], action: str) -> tuple[Action, Done]:
    """What was done under this id. NotFound where that is nothing, or was undone already."""
    notes = [one for turn in turns for one in turn.message.notes("undone")]
    over = any(one["action"]["id"] == action and one["outcome"]["ok"] for one in notes)
    for turn in () if over else turns:
        for one in turn.message.notes("acted"):
            if one["action"]["id"] == action and isinstance(one.get(MEMORY), dict):
                call = recalled(one["action"])
                return call, Done(call.tool, one[MEMORY])
    raise NotFound("action that can be undone", action)


def undoing(
    caller: Caller, reply: Reply, found: tuple[Action, Done], fallbacks: Mapping[str, Words]
) -> Iterator[Event]:
    """Take it back, and say so."""
    action, done = found
    outcome = caller.undo(done, reply.person, reply.role)
    yield reply.keep(Undone(action, outcome))
    reason = str(outcome.data.get("reason", ""))
    situation = "undone" if outcome.ok else reason if reason in _TOLD else "failed"
    words = choose(fallbacks[situation], reply.language)
    values = {"error": outcome.error, "names": outcome.data.get("left", ())}
    yield reply.keep(reply.said(fill(words, values, reply.language), "spec"))


_TOLD = ("changed_since",)
"""Reasons with a sentence of their own."""
