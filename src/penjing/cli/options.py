"""What the words after an option may be: types for argparse that refuse in one clear line.

Python's own int() also takes "１２", "1_000" and a number of any size.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

from penjing.core.errors import BadInput
from penjing.core.units import parse_size

MOST = 999_999_999
MOST_THREADS = 512
"""The engine's own limit."""


def whole(least: int, most: int = MOST) -> Callable[[str], int]:
    """A whole number of plain digits within limits."""

    def parse(text: str) -> int:
        digits = text.isascii() and text.isdigit()
        if not digits or len(text.lstrip("0")) > 9 or not least <= int(text) <= most:
            limit = f" and at most {most}" if digits and int(text[:10]) > least else ""
            shown = text if len(text) <= 40 else text[:37] + "..."
            raise ArgumentTypeError(f"'{shown}' is not a whole number of at least {least}{limit}")
        return int(text)

    return parse


def number(least: float, most: float) -> Callable[[str], float]:
    """A plain decimal number within limits: "4.5", not "1e3" and not "nan"."""

    def parse(text: str) -> float:
        digits = text.isascii() and text.replace(".", "", 1).isdigit() and len(text) <= 12
        if not digits or not least <= float(text) <= most:
            raise ArgumentTypeError(f"'{text[:40]}' is not a number from {least:g} to {most:g}")
        return float(text)

    return parse


threads = whole(1, MOST_THREADS)
"""How many cores to use."""


def size(text: str) -> int:
    """Bytes of "80MB" or "1.5GiB"."""
    try:
        return parse_size(text)
    except BadInput as error:
        raise ArgumentTypeError(str(error)) from error


def path(text: str) -> Path:
    """A path that is not empty: Path("") would be the folder we are in."""
    if not text or "\0" in text:
        raise ArgumentTypeError("an empty path is none")
    return Path(text)
