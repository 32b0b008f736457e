"""How much a server may say before it is hung up on."""

from __future__ import annotations

MOST_BYTES = 8 * 2**20
MOST_MESSAGES = 2_000
LONGEST_LINE = 2 * 2**20


class Budget:
    """What one server may still say until the next call. Used from one thread."""

    def __init__(self) -> None:
        self._bytes = self._messages = 0
        self.spent = False

    def renew(self) -> None:
        """Another call begins."""
        self._bytes = self._messages = 0

    def take(self, size: int, messages: int = 0) -> bool:
        """Whether that much is still allowed."""
        self._bytes += size
        self._messages += messages
        self.spent |= self._bytes > MOST_BYTES or self._messages > MOST_MESSAGES
        return not self.spent
