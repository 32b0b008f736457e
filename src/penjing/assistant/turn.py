"""One turn: what was said is understood, the dialogue steps, tools are called, an answer is made.

Satisfies `core.protocols.Assistant`. Every turn is kept with its notes: what was confirmed, done
and cited, and the state of the dialogue, so that a restart loses nothing. Tools are called by
`calling.py` and nowhere else, and only with a licence (`trust.py`).
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from penjing.assistant.answer import Told, grounded, now_line, opened, sources_for
from penjing.assistant.calling import Caller
from penjing.assistant.dialogue.events import (
    Answered,
    Chosen,
    Consult,
    Do,
    Heard,
    Order,
    PutOff,
    Say,
    Stepped,
    Wait,
)
from penjing.assistant.dialogue.events import Event as Happening
from penjing.assistant.dialogue.keep import to_plain
from penjing.assistant.dialogue.plan import Plan
from penjing.assistant.dialogue.step import step
from penjing.assistant.generate.say import fill, slot_words
from penjing.assistant.helping import Examples, asks_for_help
from penjing.assistant.notes import (
    TALKED,
    acted_note,
    cited_note,
    confirm_note,
    is_deed,
    joined,
    planned_note,
)
from penjing.assistant.people import Talk, Talks
from penjing.assistant.understand.cascade import Understanding
from penjing.assistant.understand.group_names import collectives, nouns_of
from penjing.assistant.writer import Writer
from penjing.core.dialogue import (
    CUT,
    TALKER,
    Acted,
    Cited,
    Confirm,
    Event,
    Finished,
    Outcome,
    Planned,
    Remarked,
    Said,
    Standing,
    Trust,
    Understood,
)
from penjing.core.errors import Busy, EngineError, NotFound
from penjing.core.messages import Message, Note, Text
from penjing.core.moments import Planner
from penjing.core.protocols import Retriever, Store, Tool

MAX_ORDERS = 300
"""In one turn."""
MAX_NEWS = 20
"""Lines that wait for a person's next turn."""
MAX_TEXT = 8000
"""Characters of one thing said; the rest is not read."""

Retrievers = Callable[[str, Store], Retriever]
"""Whose documents are searched: a person and their store."""


class Names(Protocol):
    """Live names, and those that were not taken."""

    def __call__(self, tool: str, parameter: str) -> Sequence[str]:
        """Names that are taken."""
        ...

    def strange(self) -> Mapping[str, str]:
        """Names that are not, with why."""
        ...

    def members(self, tool: str, parameter: str) -> Mapping[str, Sequence[str]]:
        """Names to the things they mean."""
        ...


Facts = Callable[[str], Sequence[str]]
"""The state of things worth telling the model, in a language."""


@dataclass
class _Reply:
    """One reply while it is made."""

    person: str
    store: Store
    session: str
    role: Standing
    talk: Talk
    language: str
    parts: list[Text | Note] = field(default_factory=list)
    told: Told | None = None
    spoken: str = ""
    failed: bool = False

    def keep(self, event: Event) -> Event:
        """Remember an event for the turn that is kept."""
        if isinstance(event, Said):
            self.parts.append(Text(event.text))
            self.spoken += event.text
        elif isinstance(event, Cited):
            self.parts.append(cited_note(event))
        elif isinstance(event, Confirm):
            self.parts.append(confirm_note(event.action))
        elif isinstance(event, Acted):
            self.parts.append(acted_note(event))
        elif isinstance(event, Planned):
            self.parts.append(planned_note(event))
        return event

    def said(self, text: str, trust: Trust) -> Said:
        """A sentence after what was said before."""
        gap = "" if not self.spoken or self.language.startswith("zh") else " "
        return Said(gap + text, trust)


class SpecAssistant:
    """Satisfies `Assistant`: one spec, its tools, and whatever model and documents there are."""

    def __init__(
        self,
        plan: Plan,
        understanding: Understanding,
        tools: Sequence[Tool],
        *,
        writer: Writer | None = None,
        retrievers: Retrievers | None = None,
        facts: Facts | None = None,
        clock: Callable[[], float] = time.time,
        names: Names | None = None,
        planner: Planner | None = None,
    ) -> None:
        self._plan = plan
        self._understanding = understanding
        self._tools = {tool.name: tool for tool in tools}
        self._caller = Caller(plan, self._tools, planner)
        self._news: dict[str, list[str]] = {}
        self._writer = writer
        self._retrievers = retrievers
        self._facts = facts or (lambda _language: ())
        self._clock = clock
        self._talks = Talks(plan)
        self._names = names

    @property
    def name(self) -> str:
        """As the spec calls it."""
        return self._plan.spec.name

    def reply(
        self, person: str, store: Store, session: str, text: str, *, role: Standing = "guest"
    ) -> Iterator[Event]:
        """Answer one thing a person said; both turns are kept in `store` by the time it ends."""
        talk = self._talks.of(person, store, session)
        self._take(talk)
        try:
            at = self._clock()
            now = datetime.fromtimestamp(at).astimezone()
            text = text[:MAX_TEXT]
            reading = self._understanding.read(text, now, talk.state.language or None, person)
            happening = Heard(reading, at, role, secrets.token_hex(4))
            stepped = step(self._plan, talk.state, happening)
            own = any(one[0].stage == "templates" for one in reading.requests)
            if not own and not talk.state.frames and asks_for_help(text):
                after = replace(talk.state, language=reading.language, spoke=at)
                stepped = Stepped(after, (self._helped(reading.language, role, now),))
            reply = _Reply(person, store, session, role, talk, reading.language)
            sent = text
            if any(isinstance(one, Consult) for one in stepped.orders):
                sent = f"{text}\n{now_line(now, reading.language, self._facts(reading.language))}"
            notes = [Note("sent", {"text": sent})] if sent != text else []
            notes += [Note(TALKED, {})] if role == TALKER else []
            store.history.append_turn(session, Message("user", (Text(text), *notes)))
            if role != TALKER:
                talk.sentences.append(text)
            talk.remember(talk.memory.with_more("user", sent))
            waited = bool(talk.state.frames)
            first: list[Event] = [
                Understood(one[0])
                for one in reading.requests
                if not reading.act or (not waited and one[0].stage == "templates")
            ]
            if len(talk.sentences) == 1 and (remark := self._strange(reading.language)):
                first.insert(0, Remarked(remark))
            first[:0] = map(Remarked, self._news.pop(person, ()))
            yield from self._answer(reply, stepped, first)
        finally:
            talk.turn.release()

    def confirm(
        self,
        person: str,
        store: Store,
        session: str,
        action: str,
        *,
        yes: bool,
        role: Standing = "guest",
    ) -> Iterator[Event]:
        """Do, or drop, the action of this id that waits. NotFound when none of it waits."""
        talk = self._talks.of(person, store, session)
        self._take(talk)
        try:
            frames = talk.state.frames
            if not frames or frames[-1].waits != "yes" or frames[-1].action != action or not action:
                raise NotFound("waiting action", action)
            stepped = step(self._plan, talk.state, Chosen(action, yes, self._clock(), role))
            reply = _Reply(person, store, session, role, talk, talk.state.language)
            yield from self._answer(reply, stepped, [])
        finally:
            talk.turn.release()

    def carry_out(self, person: str, kept: Mapping[str, Any], *, role: Standing) -> Acted | Outcome:
        """Make a call that a planner kept and that is due. `role` is what the person is by now."""
        return self._caller.carry_out(kept, person, role)

    def tell_next(self, person: str, line: str) -> None:
        """Something that went wrong while nobody spoke: told with the next reply to them."""
        self._news[person] = [*self._news.get(person, []), line][-MAX_NEWS:]

    def strangers(self) -> Mapping[str, str]:
        """Names that tools have and that are not taken, with why; asks the tools."""
        if self._names is None:
            return {}
        for slot in self._plan.spec.slots.values():
            if slot.kind == "entity":
                self._names(slot.tool, slot.parameter)
        return self._names.strange()

    def _helped(self, language: str, role: Standing, now: datetime) -> Say:
        """What can be said, with examples."""
        names = self._names or (lambda tool, parameter: self._tools[tool].entities(parameter))
        said = Examples(self._plan, self._understanding, names).of(role, language, now)
        chinese = language.startswith("zh")
        quoted = ("、" if chinese else ", ").join(f"“{one}”" for one in said)
        words = self._plan.spec.fallbacks["help" if said else "unknown"][language][0]
        return Say(words.replace("{examples}", quoted))

    def _strange(self, language: str) -> str:
        """The names that are not taken, told once in a conversation."""
        strange = self._names.strange() if self._names is not None else {}
        if not strange:
            return ""
        shown = ["".join(c for c in one if c.isprintable())[:40] for one in list(strange)[:5]]
        more = f" (+{len(strange) - 5})" if len(strange) > 5 else ""
        words = self._plan.spec.fallbacks["strange_names"][language][0]
        return words.replace("{names}", ", ".join(map(repr, shown)) + more)

    def forget(self, person: str) -> None:
        """A person left: nothing of theirs stays in memory."""
        self._talks.forget(person)
        self._news.pop(person, None)

    def close(self) -> None:
        """Let go of models and tools. Calling it twice is harmless."""
        for tool in self._tools.values():
            tool.close()
        if self._writer is not None:
            self._writer.close()

    def _take(self, talk: Talk) -> None:
        if not talk.turn.acquire(timeout=1.0):
            raise Busy(2)

    # -- making the answer

    def _answer(self, reply: _Reply, stepped: Stepped, first: Sequence[Event]) -> Iterator[Event]:
        reason: Finished | None = None
        reply.talk.state = stepped.state
        try:
            yield from first
            yield from self._orders(reply, deque(stepped.orders))
            told = reply.told
            cut = told is not None and told.length
            reason = Finished("length" if cut else "stop", told.usage if told else None)
        finally:
            # a reply that was closed or failed keeps what it said and did
            reply.parts.append(Note("state", to_plain(reply.talk.state)))
            if reason is None:
                reply.parts.append(Note(CUT, {}))
            turn = Message("assistant", tuple(joined(reply.parts)))
            if reply.told is None and is_deed(turn):
                reply.talk.remember(reply.talk.memory.without_unanswered())
            elif reply.spoken:
                memory = reply.told.memory if reply.told is not None else reply.talk.memory
                reply.talk.remember(memory.with_more("assistant", reply.spoken))
            reply.store.history.append_turn(reply.session, turn)
        yield reason

    def _orders(self, reply: _Reply, orders: deque[Order]) -> Iterator[Event]:
        for _ in range(MAX_ORDERS):
            if not orders:
                return
            order = orders.popleft()
            if isinstance(order, Say):
                yield reply.keep(reply.said(order.text + self._offered(order, reply), "spec"))
            elif isinstance(order, Wait):
                yield reply.keep(Confirm(order.call.action))
            elif isinstance(order, Do):
                outcome = self._caller.call(
                    order.call, reply.person, reply.role, reply.talk.sentences
                )
                yield reply.keep(Acted(order.call.action, outcome))
                happened: Happening = Answered(
                    order.call.action.id, outcome, reply.role, self._clock()
                )
                stepped = step(self._plan, reply.talk.state, happened)
                reply.talk.state = stepped.state
                orders.extendleft(reversed(stepped.orders))
            elif isinstance(order, PutOff):
                for event in self._keep_for_later(reply, order):
                    yield reply.keep(event)
            else:
                yield from self._consult(reply, order)

    def _offered(self, order: Say, reply: _Reply) -> str:
        """Names to choose from, after a question that was not answered."""
        slot = self._plan.spec.slots.get(order.offers)
        if slot is None or slot.tool not in self._tools:
            return ""
        known = self._names or (lambda tool, parameter: self._tools[tool].entities(parameter))
        live = [n for n in known(slot.tool, slot.parameter) if n.isprintable()]
        together = collectives(live, nouns_of(slot.all))
        means = {} if self._names is None else self._names.members(slot.tool, slot.parameter)
        own = {one for many in means.values() for one in many}  # what devices are called themselves
        live = [n for n in live if n not in together and (not own or n in own)]
        names = list(dict.fromkeys(slot_words(slot, n, reply.language) for n in live))
        if not names:
            return ""
        chinese = reply.language.startswith("zh")
        words = self._plan.spec.fallbacks["which"][reply.language][0]
        gap = "" if chinese else " "
        return gap + words.replace("{names}", ("、" if chinese else ", ").join(names[:12]))

    def _keep_for_later(self, reply: _Reply, order: PutOff) -> Iterator[Event]:
        kept = self._caller.keep(order, reply.person, reply.role, reply.talk.sentences)
        if isinstance(kept, Planned):
            yield kept
            yield from [reply.said(order.told, "spec")] if order.told else ()
        else:
            words = self._plan.spec.fallbacks["failed"][reply.language][0]
            yield reply.said(fill(words, {"error": kept}, reply.language), "spec")

    def _consult(self, reply: _Reply, order: Consult) -> Iterator[Event]:
        spec = self._plan.spec
        told = reply.told = reply.told or Told(reply.talk.memory)
        try:
            for source in sources_for(order.sources, order.text):
                any_said = False
                for event in self._source(reply, source, order, told):
                    first = isinstance(event, Said) and not any_said
                    any_said = any_said or (isinstance(event, Said) and bool(event.text.strip()))
                    if first and isinstance(event, Said):
                        yield reply.keep(reply.said(event.text, event.trust))
                    else:
                        yield reply.keep(event)
                if any_said:
                    return
            situation = "no_answer" if order.sources == ("knowledge",) else order.otherwise
            words = order.instead or spec.fallbacks[situation][reply.language][0]
            yield reply.keep(reply.said(words, "spec"))
        except EngineError as error:
            words = spec.fallbacks["failed"][reply.language][0]
            told_why = fill(words, {"error": str(error)}, reply.language)
            yield reply.keep(reply.said(told_why, "spec"))

    def _source(self, reply: _Reply, source: str, order: Consult, told: Told) -> Iterator[Event]:
        spec, text = self._plan.spec, order.text
        if source == "knowledge" and self._retrievers is not None:
            passages = self._retrievers(reply.person, reply.store).search(text, limit=5)
            yield from grounded(
                spec, text, reply.language, passages, writer=self._writer, owner=reply.person,
                stated=order.instead is not None,
            )  # fmt: skip
        elif source == "model" and self._writer is not None:
            yield from opened(spec, reply.language, told, self._writer, reply.person)
        elif source == "model":
            yield Remarked(spec.fallbacks["no_model"][reply.language][0])
