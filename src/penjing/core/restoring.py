"""A seam beside `Tool`: what a call changes is put back as it was: "red for ten minutes", undo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from penjing.core.dialogue import Outcome


@runtime_checkable
class Restoring(Protocol):
    """A tool that can tell how what it changes is, and put it back."""

    @property
    def restores(self) -> bool:
        """It can after a while, with nobody there; a tool may have these methods and no use."""
        ...

    @property
    def undoes(self) -> bool:
        """It can at once, when its person says so."""
        ...

    def remember(
        self, arguments: Mapping[str, Any], told: Mapping[str, Any], person: str
    ) -> Outcome:
        """How what a call changes is now, as plain data; not ok where nobody can tell.

        `told` is what the call answered, empty before it: what it says stands for a device that
        has not spoken since.
        """
        ...

    def restore(self, was: Mapping[str, Any], made: Mapping[str, Any], person: str) -> Outcome:
        """Put back what `remember` told before a call (`was`); what is not any more as it told
        after the call (`made`) was changed since, and stays."""
        ...
