"""How a tool says that it could not. Inside this room only: outside, it is an Outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Reason = Literal[
    "arguments",  # they are not what the schema asks for
    "unknown_name",  # nothing is called that
    "ambiguous",  # several things are
    "unreachable",  # a server could not be reached: nothing was done
    "timeout",  # it did not answer in time
    "unconfirmed",  # it was asked and did not say whether it did
    "refused",  # it said no
    "not_supported",  # this device or server cannot do that
    "not_known",  # it has not said how it is
    "out_of_range",  # what is asked for is less or more than it may be: `lowest` and `highest`
    "not_kept",  # there is nowhere to keep it
    "full",  # a bound is reached
    "wrong_answer",  # what it answered cannot be used
    "changed_since",  # somebody changed it: it is not taken back
    "over",  # its time has passed
]
"""A word for programs: a spec chooses its sentence by it."""


def one_line(message: str) -> str:
    """A message that may hold a stranger's words, as one printable line."""
    joined = " ".join(message.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in joined)


class ToolError(Exception):
    """One line for people, a word for programs, and what else is known."""

    def __init__(self, reason: Reason, message: str, **data: Any) -> None:
        super().__init__(one_line(message))
        self.reason: Reason = reason
        self.data: Mapping[str, Any] = data


class Offline(ToolError):
    """One device is not there; the server that says so is."""

    def __init__(self, device: str) -> None:
        super().__init__("unreachable", f"{device} is off line")
