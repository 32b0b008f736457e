"""The assistant of a spec for many people, with hot reload: replaced while the server runs.

Tools keep what must survive in each person's own settings and ring in their own sessions. A spec
that was changed is read again on SIGHUP: sound, it answers from the next turn on; broken, one line
says so and the old one goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.app.assistants import Together, addresses_of, load_spec, section, shelf_of, told
from penjing.core.dialogue import Acted, Event, Outcome, Standing
from penjing.core.errors import BadInput, NotFound, NotPermitted, PenjingError

if TYPE_CHECKING:
    from penjing.assistant.generate.shelf import Shelf
    from penjing.assistant.spec.values import Spec
    from penjing.assistant.turn import Retrievers, SpecAssistant
    from penjing.core.agenda import Agenda
    from penjing.core.assistants import PressRequest, ShownThing
    from penjing.core.protocols import Retriever, Scheduler, Store
    from penjing.knowledge.desk import KnowledgeDesk
    from penjing.serve.present import Present
    from penjing.serve.services import People, Rings
    from penjing.tools.given import Clock
    from penjing.tools.schedule import Schedule

log = logging.getLogger("penjing.serve")
_ANNOUNCED = 3.0
"""Seconds that a house has to announce its devices before the log tells of names not taken."""


@dataclass(frozen=True)
class Around:
    """What a server has, and an assistant needs."""

    scheduler: Scheduler
    """Who writes."""
    people: People
    """Who may use which tool."""
    present: Present
    """Whose store is open."""
    desk: KnowledgeDesk | None = None
    """People's own documents; None without an embedder."""
    offline: bool = True
    """The shutter is closed: no spec can name new places to reach."""
    cache: Path | None = None
    """A folder for what is learned from a spec."""
    clock: Clock = time.time
    """What time it is."""
    agenda: Agenda | None = None
    """What is due for everybody; None: it lies with each person's settings."""


class ServedAssistant:
    """Satisfies `Assistant`: whichever is current. The one before it is closed after its turns."""

    def __init__(self, path: str, spec: Spec, around: Around, schedule: Schedule) -> None:
        self._path, self._spec, self._around, self._schedule = path, spec, around, schedule
        self._reached = {*addresses_of(spec)}
        self._lock = threading.Lock()
        self._reloading = threading.Lock()
        self._now = self._made(spec)
        self.rings: Rings | None = None
        """What rings, for open pages."""
        self._telling = self._tell_soon()
        self._suggested: dict[tuple[SpecAssistant, Standing, str], Sequence[str]] = {}

    @property
    def name(self) -> str:
        """As its spec calls it."""
        return self._now.assistant.name

    def suggestions(self, role: Standing, language: str) -> Sequence[str]:
        """See `Assistant.suggestions`; each is looked for once: that takes a second."""
        with self._held() as assistant:
            key = (assistant, role, language)
            if key not in self._suggested:
                found = assistant.suggestions(role, language)
                self._suggested = {**self._of(assistant), key: found}
            return self._suggested[key]

    def _of(self, assistant: SpecAssistant) -> dict[Any, Sequence[str]]:
        return {key: one for key, one in self._suggested.items() if key[0] is assistant}

    def uses(self) -> Mapping[str, Sequence[str]]:
        """See `Assistant.uses`."""
        return self._now.assistant.uses()

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
        """See `Assistant.reply`."""
        how: dict[str, Any] = {"role": role, "instead": instead, "vary": vary}
        with self._held() as assistant:
            yield from assistant.reply(person, store, session, text, **how)

    def takes(self, person: str, store: Store, session: str, text: str) -> bool:
        """See `Assistant.takes`."""
        with self._held() as assistant:
            return assistant.takes(person, store, session, text)

    def more(
        self, person: str, store: Store, session: str, *, role: Standing = "guest"
    ) -> Iterator[Event]:
        """See `Assistant.more`."""
        with self._held() as assistant:
            yield from assistant.more(person, store, session, role=role)

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
        """See `Assistant.confirm`."""
        with self._held() as assistant:
            yield from assistant.confirm(person, store, session, action, yes=yes, role=role)

    def undo(
        self, person: str, store: Store, session: str, action: str, *, role: Standing = "guest"
    ) -> Iterator[Event]:
        """See `Assistant.undo`."""
        with self._held() as assistant:
            yield from assistant.undo(person, store, session, action, role=role)

    def shown(self, person: str, role: Standing) -> Sequence[ShownThing]:
        """See `Assistant.shown`."""
        with self._held() as assistant:
            return assistant.panel.shown(person, role)

    def press(self, person: str, role: Standing, pressed: PressRequest) -> Outcome:
        """See `Assistant.press`."""
        with self._held() as assistant:
            return assistant.panel.press(person, role, pressed)

    def carry_out(self, person: str, kept: Mapping[str, Any]) -> Acted | Outcome:
        """Make a call that was kept and is due, for what the person is by now."""
        role = next((one.role for one in self._around.people.all() if one.id == person), None)
        if role is None:
            return Outcome(False, {"reason": "refused"}, "there is no such person any more")
        with self._held() as assistant:
            return assistant.carry_out(person, kept, role=role)

    def tell_next(self, person: str, line: str) -> None:
        """Told with the next reply to them."""
        self._now.assistant.tell_next(person, line)

    def forget(self, person: str) -> None:
        """A person left: nothing of theirs stays in memory."""
        self._now.assistant.forget(person)

    def reload(self) -> None:
        """Read the spec again. What is wrong with it is one line in the log, and nothing else."""
        with self._reloading:
            try:
                spec = load_spec(self._path)
                self._require_possible(spec)
                made = self._made(spec)
            except PenjingError as error:
                log.error("the spec was not read again, the old one goes on: %s", error)
                return
            with self._lock:
                before, self._now, self._spec = self._now, made, spec
            self._let_go(before)
            self._telling.cancel()
            self._telling = self._tell_soon()
            log.info("the spec was read again")

    def text(self, person: str, document: str, start: int, end: int) -> str | None:
        """A piece of one of its own documents; None for any other. Raises NotPermitted."""
        shelf = self._now.shelf
        if shelf is None or document not in shelf.texts:
            return None
        source, text = shelf.texts[document]
        self._around.people.require(person, "source", source)
        return text[start:end]

    def close(self) -> None:
        """Let go of tools. Calling it twice is harmless."""
        self._telling.cancel()
        self._now.assistant.close()

    def _tell_soon(self) -> threading.Timer:
        """The log is told of names that are not taken, before anybody is."""

        def tell() -> None:
            with self._held() as assistant:
                for line in told(assistant.strangers()):
                    log.warning("%s", line)

        timer = threading.Timer(_ANNOUNCED, tell)
        timer.daemon = True
        timer.start()
        return timer

    def _made(self, spec: Spec) -> _Held:
        shelf = shelf_of(spec)
        return _Held(_made(spec, self._around, self._schedule, shelf), shelf)

    def _require_possible(self, spec: Spec) -> None:
        """Raise BadInput for what a running server cannot change."""
        if spec.model != self._spec.model:
            raise BadInput(f"{spec.file} names another model: start penjing serve again")
        new = sorted({*addresses_of(spec)} - self._reached)
        if self._around.offline and new:
            host, port = new[0]
            raise BadInput(
                f"{spec.file} names {host}:{port}, and nothing new can be reached by now: "
                "start penjing serve again"
            )

    @contextmanager
    def _held(self) -> Iterator[SpecAssistant]:
        with self._lock:
            held = self._now
            held.users += 1
        try:
            yield held.assistant
        finally:
            self._let_go(held)

    def _let_go(self, held: _Held) -> None:
        with self._lock:
            held.users -= 1
            over = held.users == 0
        if over:
            held.assistant.close()


@dataclass
class _Held:
    assistant: SpecAssistant
    shelf: Shelf | None
    """The spec's own documents."""
    users: int = 1
    """Turns, and one as long as it is current."""


@contextmanager
def served(path: str, spec: Spec, around: Around) -> Iterator[ServedAssistant]:
    """The assistant of a spec and the clock that rings, until the end of the block."""
    from penjing.app.serving.clock import Pages, Teller
    from penjing.tools.due import steady
    from penjing.tools.schedule import Schedule

    present = around.present
    teller = Teller(present, spec.languages[0])
    schedule = Schedule(
        lambda person: present.store(person).settings,
        teller.tell,
        around.clock,
        around.agenda,
        steady() if around.clock is time.time else None,
    )
    try:
        teller.doer = one = ServedAssistant(path, spec, around, schedule)
        one.rings = Pages(schedule, teller)
        try:

            def leaves(person: str) -> None:
                schedule.leave(person)
                teller.missed.pop(person, None)
                one.forget(person)

            present.on_came = lambda person: teller.make_up(schedule, person)
            present.on_leaves = leaves
            schedule.start()
            yield one
        finally:
            one.close()
    finally:
        schedule.close()


def _made(spec: Spec, around: Around, schedule: Schedule, shelf: Shelf | None) -> SpecAssistant:
    """Raises PenjingError, and then nothing of it is left."""
    from penjing.assistant.build import build
    from penjing.assistant.check import require_sound
    from penjing.assistant.writer import ScheduledWriter
    from penjing.tools.given import Given
    from penjing.tools.later import planner
    from penjing.tools.registry import make_tools

    def kept(person: str) -> Any:
        return around.present.store(person).settings

    given = Given(Path(spec.folder), kept, schedule, writer=around.scheduler, clock=around.clock)
    tools = make_tools(section(spec), given)
    try:
        require_sound(spec, tools, around.cache)
        return build(
            spec,
            tools,
            writer=ScheduledWriter(around.scheduler),
            retrievers=_retrievers(spec, around, shelf),
            cache=around.cache,
            clock=around.clock,
            planner=planner(section(spec), given),
            forbids=lambda person, tool: forbidden(around.people, person, "tool", tool),
        )
    except BaseException:
        for tool in tools:
            tool.close()
        raise


def forbidden(people: People, person: str, kind: str, name: str) -> str | None:
    """Why a person may not use something, as the accounts have it now; None where they may."""
    try:
        people.require(person, kind, name)
    except (NotPermitted, NotFound) as error:
        return str(error)
    return None


def _retrievers(spec: Spec, around: Around, shelf: Shelf | None) -> Retrievers | None:
    """A person's own documents, and those of the spec's that they may use."""
    desk, people = around.desk, around.people
    if shelf is None:
        return None if desk is None else lambda _person, store: desk.retriever(store)

    def of(person: str, store: Store) -> Retriever:
        sources = spec.knowledge.sources
        theirs = [one for one in sources if not forbidden(people, person, "source", one)]
        own = shelf.only(theirs)
        return own if desk is None else Together((desk.retriever(store), own))

    return of


if TYPE_CHECKING:
    from penjing.core.assistants import Assistant

    _FITS: type[Assistant] = ServedAssistant
    _FIT_TOO: type[Retriever] = Together
