"""Making a call of a tool: now, or kept and made when it is due. Only with a licence.

What is asked last, right before anything happens: may this person, is the tool there. Of what is
due it is asked with what they are by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penjing.assistant.dialogue.deferred import back_of, from_plain, to_plain
from penjing.assistant.dialogue.events import PutOff
from penjing.assistant.dialogue.plan import Plan
from penjing.assistant.permission import Forbids, refusal
from penjing.assistant.trust import Licensed, Refused, was_said
from penjing.core.dialogue import Acted, Outcome, Planned, Standing
from penjing.core.errors import BadInput, PenjingError
from penjing.core.moments import Planner
from penjing.core.protocols import Tool
from penjing.core.restoring import Restoring

Memory = Mapping[str, Mapping[str, Any]]
"""How things were before a call and after it."""
_MOST_MEMORIES = 100
_LOST = "how it was before is not known"
_NO_KEEPER = "nothing can be kept for later here"
_UNSAID = "that was not said in this conversation: say it again"


class Caller:
    """Makes the calls of one spec."""

    def __init__(
        self,
        plan: Plan,
        tools: Mapping[str, Tool],
        planner: Planner | None,
        forbids: Forbids | None = None,
    ) -> None:
        self._plan, self._tools, self._planner = plan, tools, planner
        self._forbids = forbids
        self._memories: dict[str, Memory] = {}
        """Of calls just made that are undone later, by the id of what undoes them."""

    def call(
        self,
        call: Licensed,
        person: str,
        role: Standing,
        sentences: Sequence[str],
        *,
        undone: bool = False,
    ) -> Outcome:
        """Make a call that the person said in one of these sentences; `undone`: how things were is
        kept until `keep` is asked to have it undone."""
        if not was_said(call, sentences):
            return Outcome(False, error=_UNSAID)
        if not undone:
            return self._make(call, person, role)
        outcome, memory = self._make_for_a_while(call, person, role)
        if memory:
            self._memories[f"{call.action.id}-back"] = memory
            while len(self._memories) > _MOST_MEMORIES:
                del self._memories[next(iter(self._memories))]
        return outcome

    def keep(
        self, order: PutOff, person: str, role: Standing, sentences: Sequence[str]
    ) -> Planned | str:
        """Keep a call until it is due; why not, where it cannot be."""
        call = order.call.call
        if not was_said(call, sentences):
            return _UNSAID
        refused = self._refused(call.action.tool, person, role) or self._no_keeper(person, role)
        if refused is not None or self._planner is None:
            return _NO_KEEPER if refused is None else refused.error
        data = to_plain(order.call)
        if order.call.restores:
            data["memory"] = self._memories.pop(call.action.id, None)
        try:
            self._planner.plan(person, call.action.describes, order.when, data)
        except PenjingError as error:
            return str(error)
        return Planned(call.action, order.when)

    def carry_out(self, kept: Mapping[str, Any], person: str, role: Standing) -> Acted | Outcome:
        """Make a call that was kept and is due; an Outcome alone where it is no call any more.
        What takes it back is kept in turn."""
        again = from_plain(kept, self._plan)
        if isinstance(again, Refused):
            return Outcome(False, error=again.why)
        if kept.get("restores"):
            outcome = self._undo(again, kept.get("memory"), person, role)
            return Acted(again.action, outcome)
        back, memory = back_of(kept), None
        if back is not None and back[0].get("restores"):
            outcome, memory = self._make_for_a_while(again, person, role)
        else:
            outcome = self._make(again, person, role)
        if back is not None and outcome.ok:
            data, when = {**back[0], "memory": memory}, back[1]
            try:
                if (refused := self._no_keeper(person, role)) is not None or self._planner is None:
                    raise BadInput(_NO_KEEPER if refused is None else refused.error)
                self._planner.plan(person, str(data.get("describes", "")), when, data)
            except PenjingError as error:
                why = f"it was done, and will not be taken back ({error})"
                outcome = Outcome(False, outcome.data, why)
        return Acted(again.action, outcome)

    def _no_keeper(self, person: str, role: Standing) -> Outcome | None:
        if self._planner is None or self._plan.keeper not in self._plan.spec.tools:
            return Outcome(False, error=_NO_KEEPER)
        return refusal(self._plan.spec.tools, self._plan.keeper, person, role, self._forbids)

    def _refused(self, tool: str, person: str, role: Standing) -> Outcome | None:
        if tool not in self._tools:
            return Outcome(False, error="this tool may not be used here")
        return refusal(self._plan.spec.tools, tool, person, role, self._forbids)

    def _make_for_a_while(
        self, call: Licensed, person: str, role: Standing
    ) -> tuple[Outcome, Memory | None]:
        """Make a call, with how things were before it and after it; not at all where nobody can
        tell."""
        tool = self._restoring(call)
        if (refused := self._refused(call.action.tool, person, role)) is not None:
            return refused, None
        if tool is None:
            return Outcome(False, error=_LOST), None
        was = tool.remember(call.action.arguments, {}, person)
        if not was.ok:
            return was, None
        outcome = self._make(call, person, role)
        made = tool.remember(call.action.arguments, outcome.data, person) if outcome.ok else outcome
        return outcome, {"was": was.data, "made": made.data} if made.ok else None

    def _undo(self, call: Licensed, memory: object, person: str, role: Standing) -> Outcome:
        """Put back what a call changed, as far as nobody changed it since."""
        tool = self._restoring(call)
        if (refused := self._refused(call.action.tool, person, role)) is not None:
            return refused
        if tool is None or not isinstance(memory, Mapping):
            return Outcome(False, error=_LOST)
        try:
            return tool.restore(memory["was"], memory["made"], person)
        except (KeyError, PenjingError) as error:
            return Outcome(False, error=str(error))

    def _restoring(self, call: Licensed) -> Restoring | None:
        tool: object = self._tools.get(call.action.tool)
        return tool if isinstance(tool, Restoring) and tool.restores else None

    def _make(self, call: Licensed, person: str, role: Standing) -> Outcome:
        if (refused := self._refused(call.action.tool, person, role)) is not None:
            return refused
        try:
            return self._tools[call.action.tool].call(call.action.arguments, person)
        except PenjingError as error:
            return Outcome(False, error=str(error))
