"""What things that are due are called, and what a planned call does: in their person's own part.

Kept under the id that the agenda has them by. What has no such id any more is of no use and goes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from penjing.core.agenda import Kind, Pending
from penjing.core.errors import BadInput
from penjing.tools.failed import ToolError
from penjing.tools.keep import Kept, load, save
from penjing.tools.when import next_moment, zone_of

_NAME = "schedule"


@dataclass(frozen=True)
class Words:
    """What one is called."""

    label: str = ""
    """As its person said it."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Of a call: what is to be called, for whoever can."""


class SealedStores:
    """Everybody's words, as far as their stores are open. Raises ToolError where one is not."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def of(self, person: str) -> dict[str, Words]:
        """A person's, by id; read anew: another program may keep some in the same place."""
        return {str(one["id"]): _words(one) for one in self._load(person)}

    def put(self, person: str, words: Mapping[str, Words]) -> None:
        """Keep these beside what is there."""
        self._save(person, {**self.of(person), **words})

    def drop(self, person: str, ids: Collection[str]) -> None:
        """Forget these."""
        every = self.of(person)
        if ids:
            self._save(person, {one: words for one, words in every.items() if one not in ids})

    def old(self, person: str) -> list[Pending]:
        """What was kept here together with its time, before there was an agenda."""
        return [_pending(person, one) for one in self._load(person) if "at" in one]

    def renew(self, person: str) -> None:
        """Keep the words alone of what was kept together with its time."""
        if any("at" in one for one in self._load(person)):
            self._save(person, self.of(person))

    def _load(self, person: str) -> list[dict[str, Any]]:
        every = load(self._kept, person, _NAME)
        if not all(isinstance(one.get("id"), str) and _is_sound(one) for one in every):
            advice = f"remove the setting tools.{_NAME}"
            raise ToolError("not_kept", f"what rings cannot be read: {advice}")
        return every

    def _save(self, person: str, words: Mapping[str, Words]) -> None:
        entries = [
            {"id": one, "label": each.label, **({"data": dict(each.data)} if each.data else {})}
            for one, each in words.items()
        ]
        save(self._kept, person, _NAME, entries)


def _is_sound(one: Mapping[str, Any]) -> bool:
    return isinstance(one.get("label"), str) and isinstance(one.get("data", {}), dict)


def _words(one: Mapping[str, Any]) -> Words:
    return Words(one["label"], one.get("data", {}))


def _pending(person: str, one: Mapping[str, Any]) -> Pending:
    try:
        made = Pending(
            one["id"], person, one["kind"], float(one["at"]), str(one.get("time", "")),
            tuple(one.get("days", ())), zone=str(one.get("zone", "")),
            seconds=float(one.get("seconds", 0.0)), begun=one.get("begun") is True,
        )  # fmt: skip
        zone_of(made.zone or None)
        if made.days:
            next_moment(0.0, made.time, zone_of(None), days=made.days)
        fine = made.kind in get_args(Kind)
    except (KeyError, TypeError, ValueError, BadInput, ToolError):
        fine = False
    if not fine:
        advice = f"remove the setting tools.{_NAME}"
        raise ToolError("not_kept", f"what rings cannot be read: {advice}")
    return made
