"""Making a call of a tool: now, or kept and made when it is due. Only with a licence.

What is asked last, right before anything happens: may this person, is the tool there. Of what is
due it is asked with what they are by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Done:
    """A call that was made, and can be taken back."""

    tool: str
    """Whose."""
    memory: Memory
    """How things were before and after it."""


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
    ) -> Acted:
        """Make a call that the person said in one of these sentences; `undone`: not where nobody
        can tell how things are, and that is kept until `keep` is asked to have it undone."""
        if not was_said(call, sentences):
            return Acted(call.action, Outcome(False, error=_UNSAID))
        acted = self._make(call, person, role, for_a_while=undone)
        if undone and acted.memory is not None:
            self._memories[f"{call.action.id}-back"] = acted.memory
            while len(self._memories) > _MOST_MEMORIES:
                del self._memories[next(iter(self._memories))]
        return acted

    def undo(self, done: Done, person: str, role: Standing) -> Outcome:
        """Take back what a call did. Of what nobody left as it was, nothing is done."""
        refused = self._refused(done.tool, person, role)
        outcome = refused or self._restored(done.tool, done.memory, person)
        left = outcome.data.get("left")
        if outcome.ok and left and not outcome.data.get("devices"):
            data = {"reason": "changed_since", "left": left}
            return Outcome(False, data, "it was changed since, and stays as it is")
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
            tool = again.action.tool
            refused = self._refused(tool, person, role)
            outcome = refused or self._restored(tool, kept.get("memory"), person)
            return Acted(again.action, outcome)
        back = back_of(kept)
        restored = back is not None and bool(back[0].get("restores"))
        acted = self._make(again, person, role, for_a_while=restored)
        if back is not None and acted.outcome.ok:
            data, when = {**back[0], "memory": acted.memory if restored else None}, back[1]
            try:
                if (refused := self._no_keeper(person, role)) is not None or self._planner is None:
                    raise BadInput(_NO_KEEPER if refused is None else refused.error)
                self._planner.plan(person, str(data.get("describes", "")), when, data)
            except PenjingError as error:
                why = f"it was done, and will not be taken back ({error})"
                return replace(acted, outcome=Outcome(False, acted.outcome.data, why))
        return acted

    def may(self, tool: str, person: str, role: Standing) -> bool:
        """Whether a person may use a tool."""
        return self._refused(tool, person, role) is None

    def _no_keeper(self, person: str, role: Standing) -> Outcome | None:
        if self._planner is None or self._plan.keeper not in self._plan.spec.tools:
            return Outcome(False, error=_NO_KEEPER)
        return refusal(self._plan.spec.tools, self._plan.keeper, person, role, self._forbids)

    def _refused(self, tool: str, person: str, role: Standing) -> Outcome | None:
        if tool not in self._tools:
            return Outcome(False, error="this tool may not be used here")
        return refusal(self._plan.spec.tools, tool, person, role, self._forbids)

    def _make(
        self, call: Licensed, person: str, role: Standing, *, for_a_while: bool = False
    ) -> Acted:
        """Make a call, with how things were before it and after it where its tool can tell;
        `for_a_while`: not at all where it can not."""
        action = call.action
        if (refused := self._refused(action.tool, person, role)) is not None:
            return Acted(action, refused)
        tool = self._restoring(action.tool, for_a_while=for_a_while)
        lost = Outcome(False, error=_LOST)
        was = lost if tool is None else tool.remember(action.arguments, {}, person)
        if for_a_while and not was.ok:
            return Acted(action, was)
        try:
            outcome = self._tools[action.tool].call(action.arguments, person)
        except PenjingError as error:
            return Acted(action, Outcome(False, error=str(error)))
        if tool is None or not was.ok or not outcome.ok:
            return Acted(action, outcome)
        made = tool.remember(action.arguments, outcome.data, person)
        memory = {"was": was.data, "made": made.data} if made.ok else None
        return Acted(action, outcome, memory)

    def _restored(self, tool: str, memory: object, person: str) -> Outcome:
        """Put back what a call changed, as far as nobody changed it since."""
        restoring = self._restoring(tool)
        if restoring is None or not isinstance(memory, Mapping):
            return Outcome(False, error=_LOST)
        try:
            return restoring.restore(memory["was"], memory["made"], person)
        except (KeyError, PenjingError) as error:
            return Outcome(False, error=str(error))

    def _restoring(self, tool: str, *, for_a_while: bool = False) -> Restoring | None:
        """A tool that puts back what it changed; `for_a_while`: by itself."""
        found: object = self._tools.get(tool)
        fits = isinstance(found, Restoring) and (found.restores if for_a_while else found.undoes)
        return found if fits and isinstance(found, Restoring) else None
