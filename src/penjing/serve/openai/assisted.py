"""The assistant behind programs' APIs: what it replies as pieces of an answer.

A request is the next sentence of a conversation (`conversations.py`). The assistant answers what it
understands; of the rest the client's own functions come first, where it offered some, and then the
assistant's documents and model. Whatever is done is done by the assistant, through its own gate, as
what the person behind the token may: nothing here calls a tool.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from penjing.core.dialogue import Cited, Confirm, Finished, Remarked, Said
from penjing.core.errors import EngineError
from penjing.core.manner import Manner, keep_manner
from penjing.core.messages import GenerationSettings, Role, Usage
from penjing.serve import limits
from penjing.serve.conversations import Conversation, Found
from penjing.serve.desk import Desk
from penjing.serve.openai.conversation import Heard
from penjing.serve.openai.shapes import added, new_id, now
from penjing.serve.openai.tools import Toolbox
from penjing.serve.openai.writing import End, Job, Piece, Source, Words, Writing
from penjing.serve.refusals import BadParameter
from penjing.serve.replies import Turn
from penjing.serve.who import Who

_NOTHING = Usage(0, 0, 0, 0.0, 0.0)


@dataclass(frozen=True)
class AnswerRequest:
    """The next sentence of a conversation with the assistant."""

    heard: Heard
    """All of it."""
    settings: GenerationSettings
    """As the client wants its own functions asked for; of them temperature, top_k and min_p are for
    what the assistant's model answers freely."""
    toolbox: Toolbox | None = None
    """The client's functions."""
    manner: Manner = field(default_factory=Manner)
    """What the client says before everything else, and how it wants free answers drawn."""


def manner_in(heard: Heard, settings: GenerationSettings, *, drawn: bool) -> Manner:
    """What the client's system messages and numbers make of free answers."""
    told = "\n\n".join(one.text for one in heard.messages if one.role == "system" and one.text)
    manner = Manner(told[: limits.SYSTEM])
    if not drawn:
        return manner
    return replace(
        manner, temperature=settings.temperature, top_k=settings.top_k, min_p=settings.min_p
    )


def require_words(schema: Mapping[str, Any] | None, choices: int) -> None:
    """Raise BadParameter for what only the bare model does."""
    if schema is not None:
        raise BadParameter("the assistant answers in words: ask the model for a form", "format")
    if choices > 1:
        raise BadParameter("the assistant answers once: leave n out", "n")


_UNHEARD = (
    *("max_tokens", "max_completion_tokens", "max_output_tokens", "stop", "seed", "top_p"),
    *("frequency_penalty", "presence_penalty", "repeat_penalty", "repetition_penalty"),
    *("logit_bias", "logprobs", "top_logprobs"),
)


def unheard(body: object) -> tuple[str, ...]:
    """The parameters of a request that the assistant's replies do not heed."""
    return tuple(name for name in _UNHEARD if getattr(body, name, None) is not None)


class AssistedRun:
    """One request being answered, as `Run` is. `close` it in any case."""

    def __init__(self, desk: Desk, who: Who, wanted: AnswerRequest, prefix: str) -> None:
        self._desk, self._who, self._wanted = desk, who, wanted
        self._release: Callable[[], None] = lambda: None
        self._writing: Writing | None = None
        self._turn: Turn | None = None
        self._found: Found | None = None
        self._own = False
        self.id = new_id(prefix)
        """What the answer is called."""
        self.created = now()
        """When."""

    @classmethod
    async def begin(
        cls, desk: Desk, who: Who, wanted: AnswerRequest, prefix: str = "chatcmpl-"
    ) -> AssistedRun:
        """Find where it goes on. Raises Throttled, BadInput, NotPermitted, Conflict or Busy."""
        run = cls(desk, who, wanted, prefix)
        run._release = desk.quota.take(who.person)
        try:
            await run._begin()
        except BaseException:
            run.close()
            raise
        return run

    def close(self) -> None:
        """Stop what still runs. Calling it twice is harmless."""
        if self._writing is not None:
            self._writing.close()
        if self._turn is not None:
            self._turn.stop()
        release, self._release = self._release, lambda: None
        release()

    async def pieces(self) -> AsyncIterator[tuple[int, Piece]]:
        """What is said, the End last."""
        said, usage = "", None
        if self._writing is not None:
            called = await self._writing.called()
            usage = self._writing.usage
            if called:
                for piece in called:
                    yield 0, piece
                return
            if self._wanted.heard.results:  # the words that follow a client's own function
                async for piece in self._writing.words():
                    said += piece.text if isinstance(piece, Words) else ""
                    if isinstance(piece, End):
                        self._kept(said, answered_by_model=True)
                    yield 0, piece
                return
            await self._reply()
        async for reply in self._replied():
            if isinstance(reply, Words):
                said += reply.text
            elif isinstance(reply, End):
                self._kept(said)
                yield 0, replace(reply, usage=added(usage, reply.usage))
                return
            yield 0, reply

    async def _begin(self) -> None:
        heard, desk = self._wanted.heard, self._desk
        if not heard.results and (not heard.said or heard.said[-1][0] != "user"):
            raise BadParameter("the last message is a person's, or a result: say something",
                               "messages")  # fmt: skip
        self._own = await desk.threads.run(self._prepare)
        box = self._wanted.toolbox
        asks = box is not None and (box.must or not self._own)
        if asks or heard.results:
            job = Job(self._who.person, heard.messages, self._wanted.settings, box)
            self._writing = await Writing.begin(desk.answers, job)
            return
        await self._reply()

    def _prepare(self) -> bool:
        """Find the conversation; whether the sentence is the assistant's own business. Blocks."""
        desk, who, heard = self._desk, self._who, self._wanted.heard
        if desk.services.assistant is not None:
            desk.services.people.require(who.person, "assistant", desk.assistant.name)
        if desk.services.documents is not None:
            desk.services.documents(who.store)  # one search for all conversations of this store
        said = heard.said if heard.results else heard.said[:-1]
        if heard.results:  # the question was not kept: it was for the client's function
            said = tuple(said[: _last_question(said)])
        self._found = desk.conversations.of(who.person, said)
        conversation = self._found.conversation
        store = conversation.store(who.store)
        keep_manner(store, conversation.session, self._wanted.manner)
        if heard.results or self._wanted.toolbox is None or self._found.instead is not None:
            return not heard.results
        text = heard.said[-1][1]
        return desk.assistant.takes(who.person, store, conversation.session, text)

    async def _reply(self) -> None:
        """Let the assistant reply."""
        desk, who, found = self._desk, self._who, self._found
        assert found is not None  # noqa: S101
        conversation, text = found.conversation, self._wanted.heard.said[-1][1]
        store, release = conversation.store(who.store), who.hold()

        def reply() -> Any:
            return desk.assistant.reply(
                who.person, store, conversation.session, text,
                role=who.standing, instead=found.instead,
            )  # fmt: skip

        try:
            self._turn = desk.replies.begin(who.person, conversation.session, reply, release)
        except BaseException:
            release()
            raise

    async def _replied(self) -> AsyncIterator[Piece]:
        """The assistant's events as pieces. The End comes when the turn is over, and not before:
        whoever hears it may say the next thing.
        """
        assert self._turn is not None  # noqa: S101
        end, said, asked = End("stop", _NOTHING), False, ""
        async for event in self._turn.events():
            if isinstance(event, Said):
                said = said or bool(event.text.strip())
                yield Words(event.text)
            elif isinstance(event, Remarked):
                yield Words(f"\n\n({event.text})" if said else f"({event.text})\n\n")
            elif isinstance(event, Cited):
                yield Source(event.number, event.passage)
            elif isinstance(event, Confirm):
                asked = event.action.describes
            elif isinstance(event, Finished):
                if event.reason == "cancelled":
                    raise EngineError("the answer was stopped: ask again")
                end = End(event.reason, event.usage or _NOTHING)
        if asked and not said:  # the question itself
            yield Words(f"{asked}?")
        yield end

    def _kept(self, said: str, *, answered_by_model: bool = False) -> None:
        """The conversation is found again when it goes on."""
        assert self._found is not None  # noqa: S101
        heard, conversation = self._wanted.heard, self._found.conversation
        if answered_by_model:
            question = heard.said[_last_question(heard.said) :]
            for role, text in (*question, ("assistant", said)):
                _tell(conversation, role, text)
        words: tuple[tuple[Role, str], ...] = (*heard.said, ("assistant", said))
        self._desk.conversations.keep(self._who.person, words, conversation)


def _tell(conversation: Conversation, role: Role, text: str) -> None:
    if text:
        conversation.tell(role, text)


def _last_question(said: tuple[tuple[Role, str], ...]) -> int:
    """Where the last thing stands that the person said."""
    return max((at for at, (role, _) in enumerate(said) if role == "user"), default=0)
