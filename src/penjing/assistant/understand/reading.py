"""What understanding makes of a sentence: all that dialogue may need. Pure values."""

from __future__ import annotations

from dataclasses import dataclass

from penjing.assistant.understand.acts import Act
from penjing.core.dialogue import Recognition, Slot


@dataclass(frozen=True)
class Reading:
    """One sentence, read."""

    text: str
    """As it was said."""
    language: str
    """One of the spec's."""
    requests: tuple[tuple[Recognition, ...], ...]
    """What is wanted, in order; for each, ways to take it, the best first. Empty: no intent."""
    act: Act | None = None
    """It is nothing but this answer."""
    values: tuple[Slot, ...] = ()
    """All slot values that stand in it, whatever it wants."""
    bare: bool = False
    """It is nothing but values and small words."""
    denies: bool = False
    """It takes something back."""
    asks: bool = False
    """It is a question."""
    own: str = ""
    """The person's own words in it: without quotations and what was pasted."""
    pasted: bool = False
    """Something in it may be somebody else's words."""
