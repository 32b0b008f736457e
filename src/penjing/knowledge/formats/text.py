"""Plain text: it is what it is. Chinese files in GB18030 too."""

from __future__ import annotations

from penjing.core.paragraphs import flowing
from penjing.knowledge.encodings import decode
from penjing.knowledge.plain import MOST_CHARACTERS, Builder, Plain


def read(data: bytes) -> Plain:
    """The text itself, each paragraph a line."""
    builder = Builder()
    builder.add(flowing(decode(data, most=MOST_CHARACTERS), code=False))
    return builder.done()
