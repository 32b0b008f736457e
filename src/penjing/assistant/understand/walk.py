"""A network of templates as it is walked: states are put together when they are first reached.

What several templates may go on with after the same words is one state (the subset construction,
lazily), so that a walk never follows two ways for one word. Only what is said is ever built.
"""

from __future__ import annotations

from collections.abc import KeysView, Sequence
from typing import NamedTuple

_MAX_NODES = 20_000
"""Kept of one walk; then it begins anew."""
_SLOT = "{"
_ENDING = "+"


class Edge(NamedTuple):
    """One way on from a state."""

    label: str
    """A word, a slot (see `slot_label`), or nothing: a template ends here."""
    after: int
    """The next state; at an end the template's number."""
    open: bool = False
    """A word's last letters: more may be put before them."""


def slot_label(slot: str, ending: str = "") -> str:
    """A slot as a label; no word begins like it."""
    return f"{_SLOT}{slot}{_ENDING}{ending}" if ending else _SLOT + slot


def is_slot(label: str) -> bool:
    """A label is a slot's, and no word."""
    return label[:1] == _SLOT


class Way(NamedTuple):
    """A slot that may come next."""

    slot: str
    """Its name."""
    ending: str
    """Letters that must follow its last word."""
    label: str
    """How `Node.after` knows it."""


def _way(label: str) -> Way:
    slot, _, ending = label[1:].partition(_ENDING)
    return Way(slot, ending, label)


class Node:
    """Where some words lead, in all templates at once."""

    __slots__ = ("_after", "_targets", "_walk", "ends", "ways")

    def __init__(self, walk: Walk, states: tuple[int, ...]) -> None:
        self._walk = walk
        self._after: dict[str, Node] = {}
        targets: dict[str, list[int]] = {}
        for state in states:
            for label, after, _ in walk.states[state]:
                targets.setdefault(label, []).append(after)
        self.ends: tuple[int, ...] = tuple(sorted(set(targets.pop("", ()))))
        """Templates that may end here."""
        self.ways: tuple[Way, ...] = tuple(_way(one) for one in sorted(targets) if one[0] == _SLOT)
        """Slots that may come next."""
        self._targets = {label: tuple(sorted(set(many))) for label, many in targets.items()}

    @property
    def labels(self) -> KeysView[str]:
        """All words and labels of slots that may come next."""
        return self._targets.keys()

    def after(self, label: str) -> Node | None:
        """Where a word or a slot's label leads."""
        found = self._after.get(label)
        if found is None and (targets := self._targets.get(label)) is not None:
            found = self._after[label] = self._walk.node(targets)
        return found


class Walk:
    """A network that can be walked from `start`. May be walked by several threads."""

    def __init__(self, states: Sequence[frozenset[Edge]], starts: tuple[int, ...]) -> None:
        self.states = [tuple(one) for one in states]
        self._nodes: dict[tuple[int, ...], Node] = {}
        self._starts = starts
        labels = {edge.label for one in states for edge in one if edge.label and not edge.open}
        self.vocabulary = frozenset(one for one in labels if one[0] != _SLOT)
        """All words."""
        ways = [_way(one) for one in labels if one[0] == _SLOT]
        self.slots = frozenset(one.slot for one in ways)
        """All slots."""
        self.endings = frozenset(one for one in ways if one.ending)
        """Slots with the endings that they have."""

    @property
    def start(self) -> Node:
        """Before the first word."""
        return self.node(self._starts)

    def node(self, states: tuple[int, ...]) -> Node:
        """Where any of these states is."""
        found = self._nodes.get(states)
        if found is None:
            if len(self._nodes) >= _MAX_NODES:
                self._nodes.clear()
            found = self._nodes[states] = Node(self, states)
        return found
