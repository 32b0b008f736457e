"""Questions of a task, and the task: multiple choice, or a short answer. Values."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Question:
    """One question, as the model is asked it."""

    prompt: str
    """What it reads."""
    choices: tuple[str, ...] = ()
    """What it may go on with, after a space; empty where it writes an answer itself."""
    gold: int = 0
    """Which choice is right."""
    references: tuple[str, ...] = ()
    """Right answers, where it writes one."""


@dataclass(frozen=True)
class Task:
    """A set of questions of one kind."""

    name: str
    """What is typed."""
    template: str
    """How a question becomes a prompt, in words of lm-evaluation-harness where it has the task."""
    version: str
    """Of the template, as lm-evaluation-harness counts it; empty: our own."""
    questions: tuple[Question, ...]
    """What is asked."""
    by_length: bool = True
    """Whether choices differ in length, so that acc_norm says something."""
    skipped: int = 0
    """Questions of the source that could not be read: no such answer among the choices."""

    @property
    def chooses(self) -> bool:
        """Whether it is multiple choice."""
        return bool(self.questions) and bool(self.questions[0].choices)

    @property
    def metrics(self) -> tuple[str, ...]:
        """What is measured of it."""
        if not self.chooses:
            return ("exact_match", "f1")
        return ("acc", "acc_norm") if self.by_length else ("acc",)

    @cached_property
    def sha256(self) -> str:
        """Of all that is asked, word for word, and what counts as right."""
        said = [[q.prompt, q.choices, q.gold, q.references] for q in self.questions]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()
