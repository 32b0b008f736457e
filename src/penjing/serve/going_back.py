"""What may be said anew: words, never deeds. What was done stays in the conversation."""

from __future__ import annotations

from collections.abc import Sequence

from penjing.assistant.notes import is_deed
from penjing.core.errors import BadInput, NotFound
from penjing.core.history import Turn


def last_said(turns: Sequence[Turn]) -> Turn:
    """What the person said last. Raises BadInput where they said nothing."""
    for turn in reversed(turns):
        if turn.message.role == "user":
            return turn
    raise BadInput("nothing was said here yet: say something")


def require_undone(turns: Sequence[Turn], number: int) -> None:
    """Raise unless turn `number` was a person's, and nothing was done or asked from there on."""
    after = [one for one in turns if one.number >= number]
    if not after or after[0].number != number or after[0].message.role != "user":
        raise NotFound("turn of yours", str(number))
    if any(is_deed(one.message) for one in after):
        raise BadInput("something was done there: say it in a new turn, or branch before it")
