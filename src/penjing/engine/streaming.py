"""From token pieces (bytes) to text that can be shown: whole characters, and nothing past a stop.

Pure: no engine, no I/O.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """Feeds on bytes, gives text; holds back what may yet become a stop string."""

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = tuple(word for word in stop if word)
        self._held = ""
        self.stopped = False
        """True once a stop string was met; nothing after it is ever given."""

    def feed(self, piece: bytes) -> str:
        """Text that is now certain."""
        return self._advance(self._decoder.decode(piece), final=False)

    def finish(self) -> str:
        """What was held back, when no more bytes will come."""
        return self._advance(self._decoder.decode(b"", final=True), final=True)

    def _advance(self, new: str, *, final: bool) -> str:
        if self.stopped:
            return ""
        text = self._held + new
        found = [at for word in self._stop if (at := text.find(word)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = 0 if final else max((_overlap(text, word) for word in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, word: str) -> int:
    """Length of the longest end of `text` that begins `word`."""
    for length in range(min(len(word) - 1, len(text)), 0, -1):
        if text.endswith(word[:length]):
            return length
    return 0
