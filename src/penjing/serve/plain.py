"""The plain model as an `Assistant`: no tools, just the conversation, and the person's documents.

A question that they answer is answered by their own sentences, with where these stand; everything
else is the model's. Both turns are kept: the person's before the model is asked, the model's when
it is over, however it ends. What no longer fits the context is left out, and said.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from penjing.assistant.answer import quoted
from penjing.assistant.generate.uncited import Uncited, unframed
from penjing.assistant.notes import cited_note, joined, unfinished
from penjing.assistant.understand.asking import asks_something
from penjing.core.dialogue import CUT, Cited, Cut, Event, Finished, Said, Standing
from penjing.core.errors import NotFound, TooLong
from penjing.core.fitting import first_that_fits
from penjing.core.history import Turn
from penjing.core.introduction import Introduction
from penjing.core.manner import Manner, manner_of
from penjing.core.messages import Chunk, FinishReason, GenerationSettings, Message, Note, Text
from penjing.core.protocols import Scheduler, Store
from penjing.core.serving import Request
from penjing.serve.services import Documents

LEFT_OUT = "left_out"
"""The note of an answer that did not see the whole conversation."""
_QUESTION = 500
"""Characters: what is longer is no question to documents, but a text to do something with."""
_PASSAGES = 5


class Plain:
    """Satisfies `Assistant`."""

    def __init__(
        self,
        scheduler: Scheduler,
        settings: GenerationSettings | None = None,
        documents: Documents | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._documents = documents
        self._settings = settings or GenerationSettings()
        self._introduction = Introduction(scheduler.count_tokens)

    @property
    def name(self) -> str:
        """The model's."""
        return self._scheduler.name

    def suggestions(self, role: Standing, language: str) -> Sequence[str]:  # noqa: ARG002
        """None: it does nothing but talk."""
        return ()

    def uses(self) -> Mapping[str, Sequence[str]]:
        """Nothing."""
        return {}

    def reply(
        self,
        person: str,
        store: Store,
        session: str,
        text: str,
        *,
        role: Standing = "guest",  # noqa: ARG002
        instead: int | None = None,
        vary: bool = False,
    ) -> Iterator[Event]:
        """Answer; see `Assistant.reply`."""
        asked = Message.of("user", text)
        if found := self._found(store, text):
            store.history.append_turn(session, asked, instead=instead)
            store.history.append_turn(session, Message("assistant", tuple(joined([*_kept(found)]))))
            yield from found
            yield Finished("stop")
            return
        before = [one for one in store.history.turns(session) if _is_before(one, instead)]
        manner = manner_of(store, session)
        messages, left_out = self._fitted(manner, [*_said(before), asked])
        first = [Said(_notice(left_out, _language(store, text)), "spec")] if left_out else []
        request = Request(person, messages, manner.over(self._settings, vary=vary))
        notes = (Note(LEFT_OUT, {"messages": left_out}),) if left_out else ()

        def begin() -> None:
            store.history.append_turn(session, asked, instead=instead)

        def keep(said: str, cut: Sequence[Note]) -> None:
            parts = (Text(said), *notes, *cut)
            store.history.append_turn(session, Message("assistant", parts))

        yield from self._written(request, begin, keep, first)

    def takes(self, person: str, store: Store, session: str, text: str) -> bool:  # noqa: ARG002
        """Nothing: it does nothing but talk."""
        return False

    def more(
        self,
        person: str,
        store: Store,
        session: str,
        *,
        role: Standing = "guest",  # noqa: ARG002
    ) -> Iterator[Event]:
        """Go on; see `Assistant.more`."""
        *before, last = unfinished(store.history.turns(session))
        manner, begun = manner_of(store, session), last.message.text
        said = [*_said(before, answered=False), Message.of("assistant", begun)]
        messages, _ = self._fitted(manner, said)
        settings = replace(manner.over(self._settings), thinking=False)
        request = Request(person, messages[:-1], settings, begun=begun)
        notes = [part for part in last.message.parts if isinstance(part, Note) and part.name != CUT]

        def keep(more: str, cut: Sequence[Note]) -> None:
            message = Message("assistant", (Text(begun + more), *notes, *cut))
            store.history.append_turn(session, message, instead=last.number)

        yield from self._written(request, lambda: None, keep)

    def _found(self, store: Store, text: str) -> list[Event]:
        """What the person's documents answer; nothing where they do not, or are not asked."""
        if self._documents is None or len(text) > _QUESTION or not asks_something(text):
            return []
        passages = self._documents(store).search(text, limit=_PASSAGES)
        return list(quoted(text, _language(store, text), passages))

    def _written(
        self,
        request: Request,
        begin: Callable[[], None],
        keep: Callable[[str, Sequence[Note]], None],
        first: Sequence[Event] = (),
    ) -> Iterator[Event]:
        """What the model answers; `keep` gets what was said of it, however it ends."""
        arrived: queue.SimpleQueue[Chunk | Exception] = queue.SimpleQueue()
        ticket = self._scheduler.submit(request, arrived.put)  # refused before anything is kept
        said: list[str] = []
        cut: Cut | None = "failed"
        try:
            begin()
            yield from first
            uncited = Uncited()
            for chunk in _chunks(arrived):
                if words := uncited.take(chunk.text, last=chunk.finish_reason is not None):
                    said.append(words)
                    yield Said(words)
            cut = _cut(chunk.finish_reason)
        except GeneratorExit:
            cut = "stopped"
            raise
        finally:
            ticket.cancel()
            if said:
                keep("".join(said), () if cut is None else (Note(CUT, {"why": cut}),))
        yield Finished(chunk.finish_reason or "stop", chunk.usage)

    def confirm(
        self,
        person: str,  # noqa: ARG002
        store: Store,  # noqa: ARG002
        session: str,  # noqa: ARG002
        action: str,
        *,
        yes: bool,  # noqa: ARG002
        role: Standing = "guest",  # noqa: ARG002
    ) -> Iterator[Event]:
        """Nothing ever waits here."""
        raise NotFound("action", action)

    def undo(
        self,
        person: str,  # noqa: ARG002
        store: Store,  # noqa: ARG002
        session: str,  # noqa: ARG002
        action: str,
        *,
        role: Standing = "guest",  # noqa: ARG002
    ) -> Iterator[Event]:
        """Nothing is ever done here."""
        raise NotFound("action that can be undone", action)

    def close(self) -> None:
        """The scheduler is somebody else's."""

    def _fitted(
        self, manner: Manner, messages: Sequence[Message]
    ) -> tuple[tuple[Message, ...], int]:
        """What the model is sent, and how many of the oldest messages it is not."""
        context = self._scheduler.context_length
        room = context - min(self._settings.max_tokens, context // 2)
        starts = [i for i, message in enumerate(messages) if message.role == "user"]

        def sent(start: int) -> tuple[Message, ...]:
            told = [Message.of("system", manner.system)] if manner.system else []
            return self._introduction.before([*told, *messages[start:]])

        def size(start: int) -> int:
            return self._scheduler.count_tokens(sent(start))

        if size(0) <= room:
            return sent(0), 0
        start = first_that_fits(starts[1:], size, room, context // 8)
        if start is None:
            raise TooLong(f"this is too long for the model's {context} tokens: shorten it")
        return sent(start), start


def _kept(events: Sequence[Event]) -> Iterator[Text | Note]:
    for one in events:
        if isinstance(one, Said):
            yield Text(one.text)
        elif isinstance(one, Cited):
            yield cited_note(one)


def _chunks(arrived: queue.SimpleQueue[Chunk | Exception]) -> Iterator[Chunk]:
    """Up to the last one. Raises what arrives in its place."""
    while True:
        item = arrived.get()
        if isinstance(item, Exception):
            raise item
        yield item
        if item.finish_reason is not None:
            return


def _is_before(turn: Turn, instead: int | None) -> bool:
    return instead is None or turn.number < instead


def _cut(reason: FinishReason | None) -> Cut | None:
    return {"length": "length", "cancelled": "stopped"}.get(reason or "")  # type: ignore[return-value]


def _said(turns: Sequence[Turn], *, answered: bool = True) -> list[Message]:
    """The words of a session, users and assistants in turn: neighbours of one role are joined."""
    said: list[Message] = []
    for turn in turns:
        text, role = turn.message.text, turn.message.role
        words = Message.of(role, unframed(text) if role == "assistant" else text)
        if words.role not in ("user", "assistant") or not words.text:
            continue
        if not said and words.role == "assistant":  # its question is too old, and deleted
            continue
        if said and said[-1].role == words.role:
            said[-1] = Message.of(words.role, f"{said[-1].text}\n{words.text}")
        else:
            said.append(words)
    if answered and said and said[-1].role == "user":  # it was never answered
        said.pop()
    return said


def _language(store: Store, text: str) -> str:
    chosen = store.settings.get("language")
    if chosen in ("en", "zh"):
        return chosen
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en"


def _notice(count: int, language: str) -> str:
    if language == "zh":
        return f"（对话过长，最早的 {count} 条消息已略去。）\n\n"
    return f"(The {count} oldest messages no longer fit and were left out.)\n\n"
