"""How a person wants the answers of one session to be written. Kept among their settings.

Whoever deletes a session drops its manner (`name_of`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from penjing.core.messages import GenerationSettings
from penjing.core.protocols import Store

_PREFIX = "session."
VARIED = 0.8
"""The temperature of another answer to the same question, where nobody chose one."""


@dataclass(frozen=True)
class Manner:
    """One session's; what is None is as usual."""

    system: str = ""
    """What the model is told before everything else."""
    temperature: float | None = None
    """0 is greedy."""
    top_k: int | None = None
    """Keep the k likeliest tokens; 0 keeps all."""
    min_p: float | None = None
    """Drop tokens less likely than this share of the likeliest."""

    def over(self, usual: GenerationSettings, *, vary: bool = False) -> GenerationSettings:
        """The usual settings with what was chosen; to `vary`, never greedy."""
        chosen = {name: value for name in _NUMBERS if (value := getattr(self, name)) is not None}
        settings = replace(usual, **chosen)
        return replace(settings, temperature=settings.temperature or VARIED) if vary else settings


_NUMBERS = ("temperature", "top_k", "min_p")


def name_of(session: str) -> str:
    """What the setting of a session is called."""
    return f"{_PREFIX}{session}"


def manner_of(store: Store, session: str) -> Manner:
    """What was chosen for a session."""
    kept = store.settings.get(name_of(session))
    return Manner(**json.loads(kept)) if kept else Manner()


def keep_manner(store: Store, session: str, manner: Manner) -> None:
    """Choose it from now on."""
    if manner == Manner():
        store.settings.drop(name_of(session))
    else:
        store.settings.put(name_of(session), json.dumps(asdict(manner)))
