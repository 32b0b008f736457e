"""Threads that each work on something of their own.

torch's own threads split every operation and wait for one another after each: small ones lose by
it, and where another program takes a core all of them wait (measured: seven times slower than one
thread alone). Here every thread computes by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


class SideBySide(Protocol):
    """Does the same with every item; results in the items' order."""

    def __call__(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Errors of the work come out here."""
        ...


@contextmanager
def workers() -> Iterator[SideBySide]:
    """As many threads as torch would use; inside the block torch uses one in each, and here.

    When the block fails, what has not begun is dropped.
    """
    count = torch.get_num_threads()
    if count == 1:
        yield one_by_one
        return
    pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))

    def side_by_side(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        return list(pool.map(work, items))

    torch.set_num_threads(1)
    try:
        yield side_by_side
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(count)


def one_by_one(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """A `SideBySide` that leaves torch its own threads."""
    return [work(item) for item in items]
