"""Text that somebody else wrote, made safe for a terminal."""

from __future__ import annotations

_TURN_AROUND = (0x202D, 0x202E)
_NEUTRAL = dict.fromkeys((*range(32), *range(127, 160), *_TURN_AROUND), "\N{REPLACEMENT CHARACTER}")
del _NEUTRAL[ord("\n")], _NEUTRAL[ord("\t")]


def clean(text: str) -> str:
    """Text that cannot drive a terminal: control characters become U+FFFD, but for \\n and \\t.

    So do the characters that turn the reading direction around, which can hide what is said.
    """
    return text.translate(_NEUTRAL)
