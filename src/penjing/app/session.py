"""One person talks with an assistant in this process: what a terminal shows and a program reads.

Nothing is kept but in the store that is given; what was set rings here, or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, get_args

from penjing.app.assistants import close_shutter, load_spec, model_writer, opened
from penjing.app.rings import came_of, rings, written_in
from penjing.core.agenda import Kind
from penjing.core.dialogue import (
    Acted,
    Action,
    Cited,
    Confirm,
    Event,
    Passage,
    Planned,
    Recognition,
    Remarked,
    Said,
    Standing,
    Understood,
)
from penjing.core.progress import Progress, Silent

if TYPE_CHECKING:
    from penjing.app.knowledge import KnowledgeBase
    from penjing.assistant.turn import SpecAssistant
    from penjing.core.protocols import LanguageModel, Store, Tool
    from penjing.tools.entries import Due
    from penjing.tools.schedule import Schedule

_PERSON = "owner"


def open_assistant(
    spec: str | Path,
    *,
    store: Store | None = None,
    tools: Sequence[Tool] = (),
    knowledge: KnowledgeBase | None = None,
    model: LanguageModel | None = None,
    role: Standing = "owner",
    on_ring: Callable[[str], None] | None = None,
    offline: bool = False,
    context: int = 4096,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Assistant:
    """The assistant of a spec (a YAML file), ready to talk. BadInput with the spec's first mistake.

    `tools` take the place of the spec's own of their names, and may have names that are no tool of
    ours; they are closed with it. `knowledge` is searched beside the spec's own documents. Without
    a `model` the spec's, or the default, is loaded when it is first needed, and downloaded unless
    `offline`: then nothing in this process reaches any host but those that the spec's tools name.
    `on_ring` hears, in words, what rings and what came of what was put off.
    """
    from penjing.assistant.writer import ModelWriter
    from penjing.tools.given import in_this_process
    from penjing.vault.memory import MemoryStore

    read, heard = load_spec(str(spec)), progress or Silent()
    if offline:
        close_shutter(read, heard)
    late = model_writer(read.model, heard, context=context, threads=threads, offline=offline)
    writer = late if model is None else ModelWriter(model)
    bell = Bell(read.languages[0], on_ring or (lambda _: None))
    given = in_this_process(Path(read.folder), bell.tell)
    more = None if knowledge is None else knowledge.retriever
    with ExitStack() as opening:
        ready = opened(read, writer, heard, given, own=tools, documents=more)
        bell.assistant = assistant = opening.enter_context(ready)
        kept: Store = store or MemoryStore()
        return Assistant(assistant, kept, given.schedule, bell, role=role, opened=opening.pop_all())


@dataclass(frozen=True)
class Reply:
    """What came of one sentence."""

    events: tuple[Event, ...]
    """All of it, in the order it happened."""

    @property
    def text(self) -> str:
        """What was answered."""
        return "".join(event.text for event in self.events if isinstance(event, Said))

    @property
    def understood(self) -> tuple[Recognition, ...]:
        """What the sentence was taken to mean, a request each."""
        return tuple(event.recognition for event in self.events if isinstance(event, Understood))

    @property
    def acted(self) -> tuple[Acted, ...]:
        """Calls of tools that were tried, each with its outcome."""
        return tuple(event for event in self.events if isinstance(event, Acted))

    @property
    def planned(self) -> tuple[Planned, ...]:
        """Calls that are kept for later."""
        return tuple(event for event in self.events if isinstance(event, Planned))

    @property
    def waiting(self) -> tuple[Action, ...]:
        """Calls that are made once they are confirmed (`Assistant.confirm`)."""
        return tuple(event.action for event in self.events if isinstance(event, Confirm))

    @property
    def cited(self) -> tuple[Passage, ...]:
        """Passages that the answer quotes; `[1]` in it is the first."""
        return tuple(event.passage for event in self.events if isinstance(event, Cited))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What to know about the answer and is no part of it."""
        return tuple(event.text for event in self.events if isinstance(event, Remarked))


class Assistant:
    """A conversation with the assistant of a spec. A context manager; `close` lets go of tools."""

    def __init__(
        self,
        assistant: SpecAssistant,
        store: Store,
        schedule: Schedule,
        bell: Bell,
        *,
        role: Standing,
        opened: ExitStack,
    ) -> None:
        self._assistant, self._schedule, self._bell = assistant, schedule, bell
        self._role, self._opened = role, opened
        self.store = store
        """Where the conversation is kept."""
        self._session = store.history.begin().id

    @property
    def name(self) -> str:
        """As the spec calls it."""
        return self._assistant.name

    def stream(self, text: str) -> Iterator[Event]:
        """Answer one sentence, event by event. Closing the iterator stops the answer."""
        self._bell.heard(text)
        yield from self._assistant.reply(_PERSON, self.store, self._session, text, role=self._role)

    def say(self, text: str) -> Reply:
        """Answer one sentence."""
        return Reply(tuple(self.stream(text)))

    def confirm(self, action: Action, *, yes: bool = True) -> Reply:
        """Do, or drop, an action that waits. NotFound where it does not wait."""
        events = self._assistant.confirm(
            _PERSON, self.store, self._session, action.id, yes=yes, role=self._role
        )
        return Reply(tuple(events))

    @property
    def set_for_later(self) -> int:
        """How many alarms, timers, reminders and calls are to come; they end with this process."""
        entries = [one for kind in get_args(Kind) for one in self._schedule.entries(_PERSON, kind)]
        return sum(one.at > time.time() for one in entries)

    def close(self) -> None:
        """Let go of tools and model. Calling it twice is harmless."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Bell:
    """Says what rings, in the language that was last written; has done what is due."""

    def __init__(self, language: str, say: Callable[[str], None]) -> None:
        self._language, self._say = language, say
        self.assistant: SpecAssistant | None = None
        """Who does what is due."""

    def heard(self, line: str) -> None:
        """The person wrote this."""
        self._language = written_in(line)

    def tell(self, due: Due) -> bool:
        """Satisfies `Tell`."""
        self._say(self._done(due) if due.kind == "call" else rings(due, self._language))
        return True

    def _done(self, due: Due) -> str:
        """What came of a planned call, which is made now where it is not too late."""
        if self.assistant is None or due.missed:
            return came_of(due, None, self._language)
        made = self.assistant.carry_out(due.person, due.data, role="owner")
        return came_of(due, made.outcome if isinstance(made, Acted) else made, self._language)
