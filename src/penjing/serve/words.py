"""What a text of a person's may hold where it is shown as one line, or is said to an assistant."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_MOVES = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""Control characters, line breaks, and what turns the direction of writing."""
_UNSEEN = _MOVES + r"\s\u00ad\u200b-\u200d\u2060\ufeff"
"""The same, and what leaves no mark."""
NAME = rf"^[^{_MOVES}]+$"
"""One line, not empty, that drives no terminal and is read in one direction: as a pattern."""
_ONE_LINE = rf"^[^{_MOVES}]*$"
_SEEN = rf"[^{_UNSEEN}]"


def one_line(text: str) -> str:
    """A text as one line: runs of blanks and of what no line holds become one blank."""
    return " ".join(re.sub(f"[{_MOVES}]", " ", text).split())


def _require_one_line(text: str) -> str:
    if not re.fullmatch(_ONE_LINE, text):
        raise ValueError("it is one line, without control characters")
    return text


def _require_words(text: str) -> str:
    if not re.search(_SEEN, text):
        raise ValueError("nothing was said: send some words")
    return text


OneLine = Annotated[
    str, AfterValidator(_require_one_line), Field(json_schema_extra={"pattern": _ONE_LINE})
]
"""A text of one line, or none."""
Words = Annotated[str, AfterValidator(_require_words), Field(json_schema_extra={"pattern": _SEEN})]
"""A text in which there is something to be seen."""
