"""What understanding makes of a sentence: all that dialogue may need. Pure values."""

from __future__ import annotations

from dataclasses import dataclass

from penjing.assistant.understand.acts import Act
from penjing.assistant.understand.conditions import Provided
from penjing.assistant.understand.gate import Passed, Requests
from penjing.assistant.understand.heard import Doubt
from penjing.core.dialogue import Slot, When


@dataclass(frozen=True)
class Reading:
    """One sentence, read."""

    text: str
    """As it was said."""
    language: str
    """One of the spec's."""
    passed: Passed
    """What of it may be acted on: the gate's."""
    act: Act | None = None
    """It is nothing but this answer."""
    bare: bool = False
    """It is nothing but values and small words."""
    denies: bool = False
    """It takes something back."""
    asks: bool = False
    """It is a question."""
    orders: bool = False
    """It wants something done, whatever that is."""
    own: str = ""
    """The person's own words in it: without quotations and what was pasted."""
    pasted: bool = False
    """Something in it may be somebody else's words."""
    whens: tuple[When | None, ...] = ()
    """For each request, when it is wanted; None for now. Empty: all of them now."""

    provided: Provided | None = None
    """How something must be so that it is done."""

    @property
    def requests(self) -> Requests:
        """What is wanted, in order; for each, ways to take it, the best first. Empty: no intent."""
        return self.passed.requests

    @property
    def values(self) -> tuple[Slot, ...]:
        """All slot values that stand in it and may be used, whatever it wants."""
        return self.passed.values

    @property
    def doubt(self) -> Doubt | None:
        """Why nothing is done about it."""
        return self.passed.doubt
