"""Pressing: what a spec's tools show, beside the conversation, and a call that a person presses.

Whoever presses names a thing and one of its presses; the tool is asked anew what it offers, and
what it offers is called: nobody sends arguments, but for one value where the press asks for it.
Permission is asked where every call asks it (`calling.py`), and what a spec wants confirmed waits
until the person is sure.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.assistant.calling import Caller
from penjing.assistant.dialogue.plan import Plan
from penjing.assistant.trust import Refused, license_press
from penjing.core.assistants import PressRequest, ShownThing
from penjing.core.dialogue import Outcome, Standing
from penjing.core.errors import BadInput, NotFound
from penjing.core.protocols import Tool
from penjing.core.showing import Showing, Thing


@dataclass(frozen=True)
class Panel:
    """Of one spec."""

    plan: Plan
    tools: Mapping[str, Tool]
    caller: Caller

    def shown(self, person: str, role: Standing) -> Sequence[ShownThing]:
        """What a person may see and press; what one tool reads and another acts on, once."""
        acts: set[str] = set()
        found: list[ShownThing] = []
        for tool, thing in self._things(person, role):
            if thing.presses or thing.name not in acts:
                found.append(ShownThing(tool, thing, tool in self.plan.careful))
            acts |= {thing.name} if thing.presses else set()
        return found

    def press(self, person: str, role: Standing, pressed: PressRequest) -> Outcome:
        """Make the call. NotFound where nothing such may be pressed, BadInput where the person must
        be sure of it first."""
        press = next(
            (
                thing.presses[pressed.press]
                for tool, thing in self._things(person, role, pressed.tool)
                if (thing.kind, thing.key or thing.name) == (pressed.kind, pressed.key)
                and pressed.press in thing.presses
            ),
            None,
        )
        if press is None:
            raise NotFound("thing that can be pressed", pressed.key)
        if pressed.tool in self.plan.careful and not pressed.sure:
            raise BadInput("this wants a yes first: be sure")
        arguments: dict[str, Any] = dict(press.arguments)
        if press.value:
            arguments[press.value] = pressed.value
        fresh, schema = secrets.token_hex(4), self.plan.schemas[pressed.tool]
        call = license_press(pressed.tool, arguments, schema, id=fresh)
        if isinstance(call, Refused):
            return Outcome(False, {"reason": "arguments"}, call.why)
        return self.caller.call(call, person, role, ()).outcome

    def _things(
        self, person: str, role: Standing, only: str | None = None
    ) -> Iterator[tuple[str, Thing]]:
        order = sorted(self.tools, key=lambda name: name == "states")  # it shows what others do
        for name in order if only is None else [only]:
            tool: object = self.tools.get(name)
            if isinstance(tool, Showing) and self.caller.may(name, person, role):
                yield from ((name, thing) for thing in tool.shown(person))
