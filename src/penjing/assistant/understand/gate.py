"""The one gate before anything is done: whichever stage read a sentence, it passes here, or is not.

A stage says what a sentence wants and which words told it. The gate looks at the words that are
left over. Those that make it no plain command (somebody else's words, not, if, was, except, a
question, another time, a number or a room that nothing used) stop it, or have it asked about.
Nothing is done on the rest of a sentence. Only `passed` makes a `Passed`, and a `Reading` needs
one. Pure; the words are data in `signals.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from penjing.assistant.understand import reports, signals
from penjing.assistant.understand.acts import Act
from penjing.assistant.understand.corrections import left_standing
from penjing.assistant.understand.direction import directions
from penjing.assistant.understand.groups import is_group
from penjing.assistant.understand.heard import Doubt, Heard
from penjing.assistant.understand.left import Left
from penjing.assistant.understand.misread import Misread
from penjing.assistant.understand.slots import unsaid
from penjing.core.dialogue import Recognition, Slot

_SEAL = object()
Requests = tuple[tuple[Recognition, ...], ...]


@dataclass(frozen=True)
class Passed:
    """What of a sentence may be acted on. Only `passed` makes one."""

    requests: Requests
    """Empty where there is a doubt."""
    values: tuple[Slot, ...]
    """What may answer a question; empty likewise."""
    doubt: Doubt | None
    """What stopped it: to be said."""
    unsure: bool
    """Nothing is done without a yes."""
    seal: object = field(repr=False)
    whole: bool = False
    """Nothing in it but what is wanted, and small words."""
    directions: tuple[str, ...] = ()
    """It says nothing but which way: "back on"."""

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("what may be acted on is told by gate.passed and nothing else")


def passed(
    heard: Heard,
    requests: Requests,
    values: tuple[Slot, ...],
    *,
    act: Act | None = None,
    bare: bool = False,
    denies: bool = False,
) -> Passed:
    """What of a sentence may be acted on."""
    left = Left(heard, denies=denies)
    doubt, unsure = None, False
    ways = directions(heard.tokens)
    if bare and denies and any(one[0].stage != "templates" for one in requests):
        requests = ()  # "no, the curtains" takes something back and asks for nothing by itself
    first = [one[0] for one in requests]
    if reports.is_report(requests):
        return Passed(requests, (), None, True, _SEAL, True)
    if any(heard.speaks(one).acts for one in first):
        left.use_requests(first)
        left.names_in([one for one in values if not (bare and is_group(one.value))])
        tells = all(heard.speaks(one).asks for one in first)
        doubt = next(left.doubts(first, tells=tells), None)
        if doubt is not None and doubt.kind == "unsure":
            doubt, unsure = None, True
        if doubt is not None:
            requests = ()
        guessed = [one for one in first if one.stage != "templates"]
        misread = Misread(left)
        unsure = unsure or misread.maybe(first) or bool(guessed and (heard.remarks or first[1:]))
        unsure = unsure or (bare and any(map(misread.bare_name, guessed)))
        unsure = unsure or bool(guessed and ways)  # nobody named a thing
        unsure = unsure or heard.opposed(first)
        unsure = unsure or bool(left_standing(heard.tokens) - left.used)
        unsure = unsure or any(one.run_on for one in heard.remarks)
    if first and all(one.stage == "templates" and heard.speaks(one).asks for one in first):
        values = ()  # "is the kitchen light on?" is no answer to "which light?"
    stop = _of_values(heard, values, bare=bare, denies=denies)
    if stop is not None or doubt is not None:
        values = () if stop is not None or not bare else values
    said = doubt or (stop if values == () and stop is not None and not first else None)
    said = None if act else said
    return Passed(requests, values, said, unsure, _SEAL, left.whole(), ways)


def _of_values(heard: Heard, values: tuple[Slot, ...], *, bare: bool, denies: bool) -> Doubt | None:
    """Why the values of a sentence answer nothing."""
    real = [one for one in values if not unsaid(one.value)]
    if not real:
        return None
    left = Left(heard, denies=denies)
    last = max(real, key=lambda one: (one.start, one.end))
    if signals.NOT_THAT.search(left.flat_before(last.start)):
        return Doubt("said_not", last.text, of_values=True)
    if bare:
        return None
    left.use_slots(real)
    found = next((one for one in left.doubts() if one.kind in signals.OF_VALUES), None)
    named = any(one.name in heard.named for one in real)
    return None if found is None else Doubt(found.kind, found.words, of_values=True, named=named)
