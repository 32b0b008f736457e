"""Stand-ins for whoever tests a tool, a spec or an assistant: whole, deterministic, without files.

Each keeps every promise of its protocol in `core/protocols.py`, and remembers what was asked of it.
For a store there is no stand-in: `MemoryStore` is one. Nothing in production imports this room.
"""

from penjing.testing.embedder import FakeEmbedder
from penjing.testing.model import FakeModel
from penjing.testing.scheduler import FakeScheduler
from penjing.testing.tool import FakeTool
from penjing.vault.memory import MemoryStore

__all__ = ["FakeEmbedder", "FakeModel", "FakeScheduler", "FakeTool", "MemoryStore"]
