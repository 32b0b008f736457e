""" "The lights here": those of a room that nobody knows are asked for. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from penjing.assistant.understand.familiar import joined
from penjing.assistant.understand.groups import is_group
from penjing.assistant.understand.slots import WHICH
from penjing.assistant.understand.text import Token
from penjing.core.dialogue import Recognition, Slot

_HERE = re.compile(r"\bhere\b|\bin this room\b|这里|这儿|这边|这屋|屋里|房间里|这个?房间")
_ALL = re.compile(
    r"\b(?:all|every|everything|both|each|whole|house|flat)\b|[都全每俩]|所有|一切|统统|通通|家里"
)


def asked_for(
    tokens: Sequence[Token], requests: tuple[tuple[Recognition, ...], ...]
) -> tuple[tuple[Recognition, ...], ...]:
    """The same, but "the lights" that are somewhere here are asked for by name."""
    flat, _ = joined([one.text for one in tokens])
    if not _HERE.search(flat) or _ALL.search(flat):
        return requests

    def which(slot: Slot) -> Slot:
        bare = is_group(slot.value) and not slot.value["but"]
        return replace(slot, value=WHICH) if bare else slot

    return tuple(
        tuple(replace(one, slots=tuple(map(which, one.slots))) for one in ways) for ways in requests
    )
