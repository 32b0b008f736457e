"""Sizes, durations and counts as people write and read them. MB is 10^6 bytes, MiB is 2^20."""

from __future__ import annotations

import re

from penjing.core.errors import BadInput

_FACTORS = {
    "": 1, "B": 1,
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40,
    "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
}  # fmt: skip


def parse_size(text: str) -> int:
    """Bytes of "80MB", "1.5 GiB" or "91700000"; BadInput otherwise."""
    match = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([A-Za-z]*)\s*", text)
    factor = _FACTORS.get(match[2].upper()) if match else None
    if match is None or factor is None or float(match[1]) * factor < 1:
        raise BadInput(f"'{text[:40]}' is not a size: write for example 80MB or 1.5GiB")
    return int(float(match[1]) * factor)


def format_size(count: float) -> str:
    """Bytes for people: 98362432 -> "98.4 MB"."""
    for factor, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if abs(count) >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count:.0f} B"


def format_count(count: float) -> str:
    """Parameters for people: 134515008 -> "134.5M"."""
    for factor, unit in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if abs(count) >= factor:
            return f"{count / factor:.1f}{unit}"
    return f"{count:.0f}"


def counted(count: int, noun: str) -> str:
    """A number of things: "1 file", "2 files"."""
    return f"{count} {noun}{'s' * (count != 1)}"


def format_duration(seconds: float) -> str:
    """Seconds for people: 134.2 -> "2 min 14 s"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
