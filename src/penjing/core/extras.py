"""Optional parts: one that is not installed is told by the words that install it.

Their packages are imported where they are used, never at start-up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from penjing.core.errors import MissingExtra


@contextmanager
def needed(what: str, extra: str) -> Iterator[None]:
    """Around the imports of an extra's packages: MissingExtra where one is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(what, extra) from error


def require_extra(what: str, extra: str, *packages: str) -> None:
    """Raise MissingExtra now unless all of them are installed; imports none."""
    if not all(is_installed(name) for name in packages):
        raise MissingExtra(what, extra)


def is_installed(package: str) -> bool:
    """Whether a package, by its top name, could be imported."""
    try:
        return find_spec(package) is not None
    except (ValueError, ImportError):  # made unimportable
        return False
