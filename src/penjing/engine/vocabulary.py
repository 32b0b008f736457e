"""What a model's vocabulary says about texts before they are read.

Knows tokens; must not know templates.
"""

from __future__ import annotations

import ctypes


def longest_token(library: ctypes.CDLL, vocab: int, size: int) -> int:
    """Bytes of the longest token: no text has fewer tokens than its bytes divided by this."""
    room = 256
    out = ctypes.create_string_buffer(room)
    convert = library.llama_token_to_piece
    return max((abs(convert(vocab, token, out, room, 0, True)) for token in range(size)), default=1)
