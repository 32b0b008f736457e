"""Penjing makes a language model small enough for a device and proves what it kept.

Nothing is loaded before it is used. The functions are in `penjing.app.front`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from penjing.app.evaluating import evaluate as evaluate
    from penjing.app.front import Bundle as Bundle
    from penjing.app.front import Model as Model
    from penjing.app.front import compare as compare
    from penjing.app.front import compress as compress
    from penjing.app.front import fit as fit
    from penjing.app.front import load as load
    from penjing.app.knowledge import KnowledgeBase as KnowledgeBase
    from penjing.app.session import Assistant as Assistant
    from penjing.app.session import Reply as Reply
    from penjing.app.session import open_assistant as open_assistant
    from penjing.core.messages import GenerationSettings as GenerationSettings
    from penjing.core.messages import Message as Message
    from penjing.core.report import Measurement as Measurement
    from penjing.vault.place import Place as Place
    from penjing.vault.secrets import Passphrase as Passphrase
    from penjing.vault.vault import NewPerson as NewPerson
    from penjing.vault.vault import Vault as Vault

_HOMES = {
    "Assistant": "penjing.app.session",
    "Bundle": "penjing.app.front",
    "GenerationSettings": "penjing.core.messages",
    "KnowledgeBase": "penjing.app.knowledge",
    "Measurement": "penjing.core.report",
    "Message": "penjing.core.messages",
    "Model": "penjing.app.front",
    "NewPerson": "penjing.vault.vault",
    "Passphrase": "penjing.vault.secrets",
    "Place": "penjing.vault.place",
    "Reply": "penjing.app.session",
    "Vault": "penjing.vault.vault",
    "compare": "penjing.app.front",
    "compress": "penjing.app.front",
    "evaluate": "penjing.app.evaluating",
    "fit": "penjing.app.front",
    "load": "penjing.app.front",
    "open_assistant": "penjing.app.session",
}
"""What a program may use, and where it lies."""

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 - all of them are names


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'penjing' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
