"""The seam to whoever replies. Its fake for tests is `tests/support/garden.py`'s Gardener."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from penjing.core.dialogue import Event, Outcome, Standing
from penjing.core.protocols import Store
from penjing.core.showing import Thing


@dataclass(frozen=True)
class ShownThing:
    """A thing that a tool shows."""

    tool: str
    """Which."""
    thing: Thing
    """What."""
    careful: bool = False
    """Whoever presses there must be sure."""


@dataclass(frozen=True)
class PressRequest:
    """What a person presses."""

    tool: str
    """Of which tool."""
    kind: str
    """What kind of thing."""
    key: str
    """Its key, or its name where it has none."""
    press: str
    """Which of its presses."""
    value: float | str | None = None
    """What goes with it."""
    sure: bool = False
    """They were asked, and said yes."""


class Assistant(Protocol):
    """Something that replies. State lies in the store, so that a restart loses nothing."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def suggestions(self, role: Standing, language: str) -> Sequence[str]:
        """Sentences that a person of this role may say and that do something; maybe none."""
        ...

    def uses(self) -> Mapping[str, Sequence[str]]:
        """What a person may be allowed beside itself: names of each "tool" and "source"."""
        ...

    def reply(
        self,
        person: str,
        store: Store,
        session: str,
        text: str,
        *,
        role: Standing = "guest",
        instead: int | None = None,
        vary: bool = False,
    ) -> Iterator[Event]:
        """Answer one thing a person said; both turns are kept in `store` by the time it ends.

        `role` decides which tools may be used: who forgets it may do least, and a talker nothing,
        now or by what they leave unfinished. Closing the iterator stops the answer; what was
        already said is kept. It is said in place of turn `instead` and all that followed, where
        that is given; `vary` asks for another answer than the likeliest.
        """
        ...

    def takes(self, person: str, store: Store, session: str, text: str) -> bool:
        """Whether a sentence is its own business: something that it can do, or what it waits for.

        Nothing is done and nothing kept.
        """
        ...

    def more(
        self, person: str, store: Store, session: str, *, role: Standing = "guest"
    ) -> Iterator[Event]:
        """Go on with the last answer, which never came to its end. BadInput when it did."""
        ...

    def confirm(
        self,
        person: str,
        store: Store,
        session: str,
        action: str,
        *,
        yes: bool,
        role: Standing = "guest",
    ) -> Iterator[Event]:
        """Do, or drop, the action of this id that waits. NotFound when none of it waits."""
        ...

    def undo(
        self, person: str, store: Store, session: str, action: str, *, role: Standing = "guest"
    ) -> Iterator[Event]:
        """Take back what was done under this id. NotFound where nothing of it can be."""
        ...

    def close(self) -> None:
        """Let go of models and tools. Calling it twice is harmless."""
        ...


@runtime_checkable
class Housekeeper(Protocol):
    """An assistant with something to see and press beside the conversation."""

    def shown(self, person: str, role: Standing) -> Sequence[ShownThing]:
        """What there is in the house for a person, as it is now."""
        ...

    def press(self, person: str, role: Standing, pressed: PressRequest) -> Outcome:
        """Do what a person pressed there. NotFound, BadInput where they must be sure first."""
        ...
