"""Plain text: it is what it is. Chinese files in GB18030 too."""

from __future__ import annotations

from penjing.knowledge.encodings import decode
from penjing.knowledge.plain import MOST_CHARACTERS, Builder, Plain


def read(data: bytes) -> Plain:
    """The text itself."""
    builder = Builder()
    builder.add(decode(data, most=MOST_CHARACTERS))
    return builder.done()
