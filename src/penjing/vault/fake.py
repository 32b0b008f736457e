"""The name that `MemoryStore` had, for scripts written when it was called a fake."""

from __future__ import annotations

from penjing.vault.memory import MemoryStore as FakeStore

__all__ = ["FakeStore"]
