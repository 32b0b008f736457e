"""How much memory this process may take from now on: the kernel refuses the rest.

The last line behind every bound that counts what it makes: C code that fills the memory is refused
more, and the machine's other programs live. Soft limits only: who set one can take it back. Where
the system does not say what is in use, nothing is limited.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class InUse:
    """Bytes of this process; zeros where they are not known."""

    address: int
    """Its address space, with all that is only reserved or a file's."""
    data: int
    """What is its own and can be written."""


def in_use() -> InUse:
    """What this process has now."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            pages = [int(number) for number in file.read().split()]
        size = os.sysconf("SC_PAGE_SIZE")
        return InUse(pages[0] * size, pages[5] * size)
    except (OSError, ValueError, IndexError, AttributeError):
        return InUse(0, 0)


def limit_address_space(size: int | None) -> None:
    """At most so many bytes of address space, and of data; None for as many as it ever had."""
    _limit("RLIMIT_AS", size)
    _limit("RLIMIT_DATA", size)


def limit_data(size: int | None) -> None:
    """At most so many bytes of its own; files that are mapped are not counted."""
    _limit("RLIMIT_DATA", size)


@contextlib.contextmanager
def bounded(more: int) -> Iterator[None]:
    """While the block runs, this process takes so much more than it has now and not beyond."""
    used = in_use().data
    limit_data(used + more if used else None)
    try:
        yield
    finally:
        limit_data(None)


def _limit(kind: str, size: int | None) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        import resource

        number = getattr(resource, kind)
        most = resource.getrlimit(number)[1]
        if size is None or (most != resource.RLIM_INFINITY and most < size):
            size = most
        resource.setrlimit(number, (size, most))
