"""Thoughts that a model writes before its answer, told apart from it by the markers it was taught.

Knows markers and texts; must not know which engine writes, nor what a template is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_ON = "<|channel|>analysis<|message|>"
_THEN = "<|channel|>final<|message|>"


@dataclass(frozen=True)
class Markers:
    """What stands before a thought and what behind it."""

    opens: str
    """Before it."""
    closes: str
    """Behind it; nothing where the answer follows at once."""

    @property
    def skipped(self) -> str:
        """How a model is told that it has thought already."""
        return f"{self.opens}\n\n{self.closes}\n\n" if self.closes else self.opens


KNOWN = (
    Markers("<think>", "</think>"),
    Markers("<thinking>", "</thinking>"),
    Markers("<thought>", "</thought>"),
    Markers("<reasoning>", "</reasoning>"),
    Markers("<seed:think>", "</seed:think>"),
    Markers("[THINK]", "[/THINK]"),
    Markers("◁think▷", "◁/think▷"),
    Markers("<|START_THINKING|>", "<|END_THINKING|>"),
    Markers("<|channel>thought", "<channel|>"),
    Markers(_ON, f"<|end|><|start|>assistant{_THEN}"),
    Markers(_THEN, ""),
)
"""Of every family that is known to think."""


@dataclass(frozen=True)
class Heard:
    """What became certain."""

    thought: str = ""
    """Of the thoughts."""
    answer: str = ""
    """Of the answer."""


class Thoughts:
    """Feeds on an answer's text as it grows. `opened`: the prompt ended with this marker."""

    def __init__(self, markers: Sequence[Markers], opened: Markers | None = None) -> None:
        self._markers = tuple(markers)
        self._within = opened
        self._state: Literal["before", "within", "behind", "answer"] = "before"
        if opened is not None:
            self._state = "within" if opened.closes else "behind"
        self._held = ""
        self._begun = False

    @property
    def answering(self) -> bool:
        """Whether all that follows is the answer."""
        return self._state == "answer"

    def is_part(self, marker: str) -> bool:
        """Whether a control token's text is a part of what is looked for."""
        texts = [text for one in self._markers for text in (one.opens, one.closes)]
        return bool(marker) and any(marker in text for text in texts)

    def feed(self, text: str, *, last: bool = False) -> Heard:
        """More text; `last`: none will follow."""
        self._held += text
        thought = answer = ""
        if self._state == "before":
            self._look(last)
        if self._state == "within":
            thought = self._think(last)
        if self._state == "behind":
            self._held = self._held.lstrip()
            self._state = "answer" if self._held else "behind"
        if self._state == "answer":
            answer, self._held = self._held, ""
        return Heard(thought, answer)

    def _look(self, last: bool) -> None:
        """Whether a thought begins, or an answer; neither is certain at first."""
        bare = self._held.lstrip()
        for one in self._markers:
            if bare.startswith(one.opens):
                self._held = bare.removeprefix(one.opens)
                self._within, self._state = one, "within" if one.closes else "behind"
                return
        if last or not any(one.opens.startswith(bare) for one in self._markers):
            self._state = "answer"

    def _think(self, last: bool) -> str:
        """What is certain of a thought, without the white space around it."""
        closes = self._within.closes if self._within else ""
        thought, closed, rest = self._held.partition(closes)
        if closed:
            self._state = "behind"
        elif not last:
            thought = thought[: len(thought) - _overlap(thought, closes)].rstrip()
            rest = self._held[len(thought) :]
        self._held = rest
        thought = thought.rstrip() if closed or last else thought
        if not self._begun:
            thought = thought.lstrip()
            self._begun = bool(thought)
        return thought


def _overlap(text: str, word: str) -> int:
    """Length of the longest end of `text` that begins `word`."""
    return next(
        (n for n in range(min(len(word) - 1, len(text)), 0, -1) if text.endswith(word[:n])), 0
    )
