"""Blobs in chunks: a damaged page costs one of them, and memory stays bounded."""

from __future__ import annotations

from penjing.vault.access import Gate

PIECE = 2**18


def write_pieces(gate: Gate, of: str, data: bytes) -> None:
    """Keep `data` under an id that has none yet."""
    for place, start in enumerate(range(0, len(data), PIECE)):
        gate.insert("piece", of=of, place=place, data=data[start : start + PIECE])


def read_pieces(gate: Gate, of: str) -> bytes:
    """All bytes kept under an id."""
    return b"".join(row["data"] for row in gate.all("piece", "place", of=of))
