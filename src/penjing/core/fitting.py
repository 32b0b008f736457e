"""Which of the oldest turns a conversation must forget, so that a prompt fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def first_that_fits(
    starts: Sequence[int], size: Callable[[int], int], room: int, slack: int = 0
) -> int | None:
    """The earliest of `starts` whose prompt has at most `room` tokens; None where none has.

    `slack` more tokens are freed where that can be: the beginning of the prompt then stays the
    same for some turns, and the engine need not read it all again each time.
    """
    if slack and (found := _search(starts, size, room - slack)) is not None:
        return found
    return _search(starts, size, room)


def _search(starts: Sequence[int], size: Callable[[int], int], room: int) -> int | None:
    """By halving: a prompt only shrinks as turns go."""
    low, high = 0, len(starts)
    while low < high:
        middle = (low + high) // 2
        if size(starts[middle]) <= room:
            high = middle
        else:
            low = middle + 1
    return starts[low] if low < len(starts) else None
