"""One turn: what was said is understood, the dialogue steps, tools are called, an answer is made.

Satisfies `Assistant`. Every turn is kept with its notes: what was confirmed, done and cited, and
the dialogue's state, so that a restart loses nothing. Tools are called by `calling.py` alone.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from penjing.assistant.answer import Told, Voice, grounded, now_line, opened, sources_for
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
from penjing.assistant.dialogue.plan import Plan
from penjing.assistant.dialogue.step import step
from penjing.assistant.generate.say import fill
from penjing.assistant.helping import Examples, asks_for_help
from penjing.assistant.live_names import Names
from penjing.assistant.notes import TALKED, is_deed, unfinished
from penjing.assistant.offers import Offers, helped, strange_names
from penjing.assistant.permission import Forbids
from penjing.assistant.pressing import Panel
from penjing.assistant.reply import Reply
from penjing.assistant.session_memory import Talk, Talks
from penjing.assistant.understand.cascade import Understanding
from penjing.assistant.undoing import done_before, undoing
from penjing.assistant.writer import Writer
from penjing.core.dialogue import (
    TALKER,
    Acted,
    Confirm,
    Cut,
    Event,
    Finished,
    Outcome,
    Planned,
    Remarked,
    Said,
    Standing,
    Understood,
)
from penjing.core.errors import BadInput, Busy, EngineError, NotFound
from penjing.core.manner import manner_of
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
Facts = Callable[[str], Sequence[str]]
"""The state of things worth telling the model, in a language."""


@contextmanager
def _alone(talk: Talk) -> Iterator[None]:
    """One turn of a conversation at a time; Busy where another does not end."""
    if not talk.turn.acquire(timeout=1.0):
        raise Busy(2)
    try:
        yield
    finally:
        talk.turn.release()


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
        forbids: Forbids | None = None,
    ) -> None:
        self._plan = plan
        self._understanding = understanding
        self._tools = {tool.name: tool for tool in tools}
        self._caller = Caller(plan, self._tools, planner, forbids)
        self.panel = Panel(plan, self._tools, self._caller)
        """What may be seen and pressed beside the conversation."""
        self._news: dict[str, list[str]] = {}
        self._writer = writer
        self._retrievers = retrievers
        self._facts = facts or (lambda _language: ())
        self._clock = clock
        self._talks = Talks(plan)
        self._names = names
        self._offered = Offers(plan, self._tools, names)

    @property
    def name(self) -> str:
        """As the spec calls it."""
        return self._plan.spec.name

    def uses(self) -> Mapping[str, Sequence[str]]:
        """Its tools and its documents."""
        return {"tool": [*self._tools], "source": self._plan.spec.knowledge.sources}

    def reply(
        self,
        person: str,
        store: Store,
        session: str,
        text: str,
        *,
        role: Standing = "guest",
        instead: int | None = None,
        vary: bool = False,
    ) -> Iterator[Event]:
        """Answer one thing a person said; both turns are kept in `store` by the time it ends."""
        talk = self._talks.of(person, store, session)
        with _alone(talk):
            if instead is not None:
                before = [one for one in store.history.turns(session) if one.number < instead]
                talk.go_back(before, self._plan)
            at = self._clock()
            now = datetime.fromtimestamp(at).astimezone()
            text = text[:MAX_TEXT]
            reading = self._understanding.read(text, now, talk.state.language or None, person)
            happening = Heard(reading, at, role, secrets.token_hex(4))
            stepped = step(self._plan, talk.state, happening)
            own = any(one[0].stage == "templates" for one in reading.requests)
            if not own and not talk.state.frames and asks_for_help(text):
                after = replace(talk.state, language=reading.language, spoke=at)
                said = self._examples(reading.language, role, now)
                stepped = Stepped(after, (helped(self._plan, said, reading.language),))
            reply = Reply(person, store, session, role, talk, reading.language, vary=vary)
            sent = text
            if any(isinstance(one, Consult) for one in stepped.orders):
                sent = f"{text}\n{now_line(now, reading.language, self._facts(reading.language))}"
            notes = [Note("sent", {"text": sent})] if sent != text else []
            notes += [Note(TALKED, {})] if role == TALKER else []
            asked = Message("user", (Text(text), *notes))
            store.history.append_turn(session, asked, instead=instead)
            if role != TALKER:
                talk.sentences.append(text)
            talk.remember(talk.memory.with_more("user", sent))
            waited = bool(talk.state.frames)
            first: list[Event] = [
                Understood(one[0])
                for one in reading.requests
                if not reading.act or (not waited and one[0].stage == "templates")
            ]
            if len(talk.sentences) == 1 and (
                remark := strange_names(self._plan, self._names, reading.language)
            ):
                first.insert(0, Remarked(remark))
            first[:0] = map(Remarked, self._news.pop(person, ()))
            yield from self._answer(reply, stepped, first)

    def takes(self, person: str, store: Store, session: str, text: str) -> bool:
        """Whether a sentence is its own business; see `Assistant.takes`."""
        talk = self._talks.of(person, store, session)
        if talk.state.frames:
            return True
        now, spoken = datetime.fromtimestamp(self._clock()).astimezone(), talk.state.language
        found = self._understanding.read(text[:MAX_TEXT], now, spoken or None, person)
        return bool(found.requests)

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
        with _alone(talk):
            frames = talk.state.frames
            if not frames or frames[-1].waits != "yes" or frames[-1].action != action or not action:
                raise NotFound("waiting action", action)
            stepped = step(self._plan, talk.state, Chosen(action, yes, self._clock(), role))
            reply = Reply(person, store, session, role, talk, talk.state.language)
            yield from self._answer(reply, stepped, [])

    def undo(
        self, person: str, store: Store, session: str, action: str, *, role: Standing = "guest"
    ) -> Iterator[Event]:
        """Take back what was done under this id. NotFound where nothing of it can be."""
        talk = self._talks.of(person, store, session)
        with _alone(talk):
            found = done_before(store.history.turns(session), action)
            language = talk.state.language or self._plan.spec.languages[0]
            reply = Reply(person, store, session, role, talk, language)
            told = undoing(self._caller, reply, found, self._plan.spec.fallbacks)
            yield from self._kept(reply, told)

    def more(
        self, person: str, store: Store, session: str, *, role: Standing = "guest"
    ) -> Iterator[Event]:
        """Go on with the last answer, which never came to its end."""
        talk = self._talks.of(person, store, session)
        with _alone(talk):
            *before, last = unfinished(store.history.turns(session))
            if self._writer is None:
                raise BadInput("there is no model here: what was said cannot be gone on with")
            talk.go_back(before, self._plan)
            talk.stand_at(last, self._plan)
            reply = Reply(person, store, session, role, talk, talk.state.language)
            reply.goes_on(last)
            reply.told = Told(talk.memory)
            yield from self._kept(reply, self._opened(reply, reply.told, self._writer))

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

    def suggestions(self, role: Standing, language: str) -> Sequence[str]:
        """Sentences that a person may say and that do something here."""
        languages = self._plan.spec.languages
        spoken = language if language in languages else languages[0]
        return self._examples(spoken, role, datetime.fromtimestamp(self._clock()).astimezone())

    def _examples(self, language: str, role: Standing, now: datetime) -> Sequence[str]:
        names = self._names or (lambda tool, parameter: self._tools[tool].entities(parameter))
        return Examples(self._plan, self._understanding, names).of(role, language, now)

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

    def _opened(self, reply: Reply, told: Told, writer: Writer) -> Iterator[Event]:
        """The rest of an open answer, kept piece by piece."""
        manner = manner_of(reply.store, reply.session)
        voice = Voice(reply.person, reply.language, manner, begun=reply.begun)
        yield from map(reply.keep, opened(self._plan.spec, voice, told, writer))

    def _fallback(self, situation: str, reply: Reply) -> str:
        return self._plan.spec.fallbacks[situation][reply.language][0]

    # -- making the answer

    def _answer(self, reply: Reply, stepped: Stepped, first: Sequence[Event]) -> Iterator[Event]:
        reply.talk.state = stepped.state

        def events() -> Iterator[Event]:
            yield from first
            yield from self._orders(reply, deque(stepped.orders))
            if reply.unheard:
                yield reply.keep(reply.said(self._fallback("no_answer_yet", reply), "spec"))

        yield from self._kept(reply, events())

    def _kept(self, reply: Reply, events: Iterator[Event]) -> Iterator[Event]:
        """The events; a reply that was closed or failed keeps what it said and did."""
        cut: Cut | None = "failed"
        try:
            yield from events
            cut = "length" if reply.told is not None and reply.told.length else None
        except GeneratorExit:
            cut = "stopped"
            raise
        finally:
            turn = reply.message(cut)
            if reply.told is None and is_deed(turn):
                reply.talk.remember(reply.talk.memory.without_unanswered())
            elif reply.spoken:
                memory = reply.told.memory if reply.told is not None else reply.talk.memory
                reply.talk.remember(memory.with_more("assistant", reply.spoken))
            reply.store.history.append_turn(reply.session, turn, instead=reply.instead)
        yield Finished(cut or "stop", reply.told.usage if reply.told else None)

    def _orders(self, reply: Reply, orders: deque[Order]) -> Iterator[Event]:
        for _ in range(MAX_ORDERS):
            if not orders:
                return
            order = orders.popleft()
            if isinstance(order, Say):
                offered = self._offered(order, reply.language)
                yield reply.keep(reply.said(order.text + offered, "spec"))
            elif isinstance(order, Wait):
                yield reply.keep(Confirm(order.call.action))
            elif isinstance(order, Do):
                acted = self._caller.call(
                    order.call, reply.person, reply.role, reply.talk.sentences,
                    undone=order.undone,
                )  # fmt: skip
                yield reply.keep(acted)
                happened: Happening = Answered(
                    acted.action.id, acted.outcome, reply.role, self._clock()
                )
                stepped = step(self._plan, reply.talk.state, happened)
                reply.talk.state = stepped.state
                orders.extendleft(reversed(stepped.orders))
            elif isinstance(order, PutOff):
                for event in self._keep_for_later(reply, order):
                    yield reply.keep(event)
            else:
                yield from self._consult(reply, order)

    def _keep_for_later(self, reply: Reply, order: PutOff) -> Iterator[Event]:
        kept = self._caller.keep(order, reply.person, reply.role, reply.talk.sentences)
        if isinstance(kept, Planned):
            yield kept
            yield from [reply.said(order.told, "spec")] if order.told else ()
        else:
            words = self._fallback("failed", reply)
            yield reply.said(fill(words, {"error": kept}, reply.language), "spec")

    def _consult(self, reply: Reply, order: Consult) -> Iterator[Event]:
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
            words = order.instead or self._fallback(situation, reply)
            yield reply.keep(reply.said(words, "spec"))
        except EngineError as error:
            told_why = fill(self._fallback("failed", reply), {"error": str(error)}, reply.language)
            yield reply.keep(reply.said(told_why, "spec"))

    def _source(self, reply: Reply, source: str, order: Consult, told: Told) -> Iterator[Event]:
        spec, text = self._plan.spec, order.text
        if source == "knowledge" and self._retrievers is not None:
            passages = self._retrievers(reply.person, reply.store).search(text, limit=5)
            yield from grounded(
                spec, text, reply.language, passages, writer=self._writer, owner=reply.person,
                stated=order.instead is not None,
            )  # fmt: skip
        elif source == "model" and self._writer is not None:
            voice = Voice(
                reply.person, reply.language, manner_of(reply.store, reply.session), vary=reply.vary
            )
            yield from opened(spec, voice, told, self._writer)
        elif source == "model":
            yield Remarked(self._fallback("no_model", reply))
