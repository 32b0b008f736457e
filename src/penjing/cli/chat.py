"""`penjing chat`: talk to a model on this machine. Nothing leaves it, nothing is written to disk.

One answer (`--once`), one answer per line of a pipe, or a conversation at a terminal, which is in
`repl.py`; with an assistant's spec, `assistant_chat.py`. What is typed stays in memory: `/save` is
the only way to a file, and says that it is readable.

Only what starts the first answer is imported before it.
"""

from __future__ import annotations

import contextlib
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction, Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.cli import options
from penjing.cli.conversation import Conversation, Fitted, clean, fit, said
from penjing.cli.opening import open_model as _open
from penjing.cli.output import Output, to_json
from penjing.core import limits
from penjing.core.age import process_age
from penjing.core.errors import BadInput, Cancelled
from penjing.core.files import read_text
from penjing.core.introduction import DEFAULT_SYSTEM, Introduction
from penjing.core.messages import Chunk, FinishReason, GenerationSettings, Usage

if TYPE_CHECKING:
    from penjing.core.progress import Progress
    from penjing.core.protocols import LanguageModel

EXAMPLES: Mapping[str, str] = {
    "chat": """
        penjing chat
        penjing chat --once "What is the capital of France?"
        penjing chat examples/smart-home/assistant.yaml --once "turn on the kitchen light" --json
    """,
}

Opener = Callable[[Namespace, "Progress"], "LanguageModel"]
"""Finds and loads the model that the arguments ask for."""

_MAX_PROMPT = 64 * 2**20
_HEADROOM = 2 * 2**30
"""Bytes beside the model and its context, which are there before the first answer."""
_MOST_SCHEMA = 2**20
_DEFAULT = GenerationSettings()


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the command's own arguments."""
    add = parser.add_argument
    add(
        "model",
        nargs="?",
        help="a model's name, a .gguf file, a bundle or a spec (default: a small model)",
    )
    add("--once", metavar="TEXT", help="answer this and exit; - reads it from standard input")
    add(
        "--system",
        metavar="TEXT",
        help=f"who the model is to be; - for its template's own (default: '{DEFAULT_SYSTEM}')",
    )
    add(
        "--context",
        metavar="N",
        type=options.whole(16),
        default=4096,
        help="tokens it can remember",
    )
    add("--threads", metavar="N", type=options.threads, help="default: all cores")
    add(
        "--temperature",
        metavar="T",
        type=_temperature,
        default=_DEFAULT.temperature,
        help=f"0 always says the likeliest (default: {_DEFAULT.temperature})",
    )
    add("--seed", metavar="N", type=options.whole(0), help="same seed, same answer")
    add(
        "--max-tokens",
        metavar="N",
        type=options.whole(1),
        default=_DEFAULT.max_tokens,
        help=f"length of an answer (default: {_DEFAULT.max_tokens})",
    )
    add(
        "--think",
        action=BooleanOptionalAction,
        help="whether a model that can think before it answers does (default: as it was made)",
    )
    reach = parser.add_mutually_exclusive_group()
    reach.add_argument(
        "--offline",
        action="store_true",
        default=True,
        help="let nothing out of this process (default; a model not here yet is pulled before)",
    )
    reach.add_argument(
        "--online", dest="offline", action="store_false", help="leave the network as it is"
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument(
        "--grammar", metavar="FILE", type=Path, help="a GBNF grammar the answer must follow"
    )
    shape.add_argument(
        "--json-schema", metavar="FILE", type=Path, help="a JSON schema the answer must satisfy"
    )


def run(args: Namespace, *, opener: Opener | None = None) -> int:
    """Run the command. Tests give an `opener` that needs no model."""
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "replace")):
        with contextlib.suppress(AttributeError):  # bytes or a locale that spell no text
            stream.reconfigure(errors=errors)  # type: ignore[union-attr]
    if args.once is None and args.json and _is_terminal():
        raise BadInput("--json needs a question: give --once TEXT, or pipe one line per question")
    question = None if args.once is None else _question(args.once)
    if str(args.model).endswith((".yaml", ".yml")):
        from penjing.cli import assistant_chat

        return assistant_chat.run(args, question)
    settings = _settings(args)
    began = time.monotonic()
    model = (opener or _open)(args, Output(args.json, quiet=args.quiet).progress())
    try:
        with limits.bounded(_HEADROOM):
            system = _system(args.system, model)
            load_seconds = time.monotonic() - began
            talk = Talk(model, settings, Conversation(system), load_seconds=load_seconds)
            return _talk(talk, question, json=args.json)
    finally:
        model.close()


def _talk(talk: Talk, question: str | None, *, json: bool) -> int:
    if question is not None:
        return _once(talk, question, json=json)
    if _is_terminal():
        from penjing.cli.repl import Repl

        return Repl(talk).run()
    return _piped(talk, json=json)


def _system(given: str | None, model: LanguageModel) -> str | None:
    """The system prompt; None leaves it to the model's template."""
    if given is not None:
        return None if given == "-" else said(given)
    return DEFAULT_SYSTEM if Introduction(model.count_tokens).is_taken() else None


@dataclass(frozen=True)
class Answer:
    """One answer and how it came."""

    text: str
    """As the model wrote it."""
    thoughts: str
    """What it thought before; no part of the conversation."""
    finish_reason: FinishReason
    """Why it ended."""
    usage: Usage | None
    """Counts and times; None when it was stopped."""
    fitted: Fitted
    """What was sent, and what had to be dropped."""
    first_seconds: float | None
    """From the question to the first piece of text; None when there was none."""
    first_age: float | None
    """Age of this process at that moment."""
    seconds: float
    """From the question to the end."""


class Talk:
    """A conversation with one model: asks, streams the answer, remembers both."""

    def __init__(
        self,
        model: LanguageModel,
        settings: GenerationSettings,
        conversation: Conversation,
        *,
        load_seconds: float = 0.0,
    ) -> None:
        self.model = model
        self.settings = settings
        self.conversation = conversation
        self.load_seconds = load_seconds
        self.last: Answer | None = None

    def fit(self, question: str) -> Fitted:
        """What would be sent. BadInput when the question alone is too long."""
        context = self.model.context_length
        return fit(
            self.conversation.asked(question),
            self.model.count_tokens,
            context=context,
            reserve=min(self.settings.max_tokens, context // 2),
            slack=context // 8,
        )

    def ask(
        self, question: str, show: Callable[[str], None], note: Callable[[str], None]
    ) -> Answer:
        """Stream an answer to `show`, safe for a terminal. Ctrl-C ends it and keeps what was said.

        When nothing was said yet, the question is forgotten too. `note` hears what was dropped.
        """
        began = time.monotonic()
        fitted = self.fit(question)
        if notice := fitted.notice(self.model.context_length):
            note(notice)
        parts: list[str] = []
        thoughts: list[str] = []
        reason: FinishReason = "cancelled"
        usage = first = age = None
        stream: Iterator[Chunk] = iter(())
        try:
            stream = self.model.generate(fitted.conversation.prompt(), self.settings)
            for chunk in stream:
                thoughts.append(chunk.thought)
                if chunk.text:
                    if first is None:
                        first, age = time.monotonic() - began, process_age()
                    parts.append(chunk.text)
                    show(clean(chunk.text))
                if chunk.finish_reason:
                    reason, usage = chunk.finish_reason, chunk.usage
        except KeyboardInterrupt:
            reason = "cancelled"
        finally:
            getattr(stream, "close", lambda: None)()
        text = "".join(parts)
        if text or reason != "cancelled":
            self.conversation = fitted.conversation.answered(text)
        thought, took = "".join(thoughts), time.monotonic() - began
        self.last = Answer(text, thought, reason, usage, fitted, first, age, took)
        return self.last

    def again(self, attempt: int) -> GenerationSettings:
        """Settings for another try: a fixed seed moves on, or it would say the same."""
        seed = self.settings.seed
        return replace(self.settings, seed=None if seed is None else seed + attempt)


# -- one question, or one per line ------------------------------------------------------------


def _once(talk: Talk, question: str, *, json: bool) -> int:
    answer = talk.ask(question, _ignore if json else say, tell)
    if json:
        print(to_json({"model": talk.model.name, **_document(talk, question, answer)}), flush=True)
    else:
        _end(answer)
    return Cancelled.exit_code if answer.finish_reason == "cancelled" else 0


def _piped(talk: Talk, *, json: bool) -> int:
    turns = []
    stopped = False
    for line in sys.stdin or ():
        question = said(line).strip()
        if not question:
            continue
        answer = talk.ask(question, _ignore if json else say, tell)
        turns.append(_document(talk, question, answer))
        if not json:
            _end(answer)
        if stopped := answer.finish_reason == "cancelled":
            break
    if not turns:
        raise BadInput("nothing was asked: pipe one line per question, or give --once TEXT")
    if json:
        print(to_json({"model": talk.model.name, "turns": turns}), flush=True)
    return Cancelled.exit_code if stopped else 0


def _document(talk: Talk, question: str, answer: Answer) -> dict[str, Any]:
    usage = answer.usage
    return {
        "system": talk.conversation.system,
        "prompt": question,
        "answer": answer.text,
        "thoughts": answer.thoughts or None,
        "finish_reason": answer.finish_reason,
        "usage": usage
        and {
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "completion_tokens": usage.completion_tokens,
        },
        "timings": {
            "ttft_seconds": answer.first_age,
            "load_seconds": talk.load_seconds,
            "first_text_seconds": answer.first_seconds,
            "prefill_seconds": usage and usage.prefill_seconds,
            "decode_seconds": usage and usage.decode_seconds,
            "answer_seconds": answer.seconds,
            **rates(usage),
        },
        "dropped": {
            "messages": len(answer.fitted.dropped),
            "tokens": answer.fitted.dropped_tokens,
        },
    }


def rates(usage: Usage | None) -> dict[str, float | None]:
    """Tokens per second; None where too little was done to tell."""
    read = wrote = None
    if usage and usage.prefill_seconds > 0:
        read = (usage.prompt_tokens - usage.cached_tokens) / usage.prefill_seconds
    if usage and usage.decode_seconds > 0:
        wrote = usage.completion_tokens / usage.decode_seconds
    return {"prefill_tokens_per_second": read, "decode_tokens_per_second": wrote}


def say(text: str) -> None:
    """A piece of an answer, at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def tell(text: str) -> None:
    """A line that is not the answer."""
    if sys.stderr is not None:
        print(f"[{clean(text)}]", file=sys.stderr, flush=True)


def _ignore(text: str) -> None:
    pass


def _end(answer: Answer) -> None:
    say("\n")
    if ending := why_it_ended(answer):
        tell(ending)


def why_it_ended(answer: Answer) -> str | None:
    """What a person is told about an answer that is not whole."""
    if answer.finish_reason == "cancelled":
        return "stopped"
    if answer.finish_reason == "length" and answer.thoughts and not answer.text:
        return "cut while it was still thinking: allow more --max-tokens, or give --no-think"
    if answer.finish_reason == "length":
        return "cut: the answer reached --max-tokens or the end of the context"
    return None


# -- what the arguments mean ------------------------------------------------------------------


def _settings(args: Namespace) -> GenerationSettings:
    schema = None
    if args.json_schema is not None:
        from penjing.core.plain_json import read_json

        schema = read_json(args.json_schema, limit=_MOST_SCHEMA)
        if not isinstance(schema, dict):
            raise BadInput(f"{args.json_schema} is not a JSON schema: write an object")
    return GenerationSettings(
        max_tokens=args.max_tokens,
        temperature=args.temperature,
        seed=args.seed,
        grammar=None if args.grammar is None else read_text(args.grammar),
        json_schema=schema,
        thinking=args.think,
    )


def _question(once: str) -> str:
    if once == "-":
        if sys.stdin is None:
            raise BadInput("standard input is closed: give --once TEXT")
        once = sys.stdin.read(_MAX_PROMPT + 1)
        if len(once) > _MAX_PROMPT:
            raise BadInput("standard input is far too long for any model: shorten it")
    question = said(once).strip()
    if not question:
        raise BadInput("nothing was asked: give --once some words")
    return question


def _is_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _temperature(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= float(text) <= 10:
            return float(text)
    raise ArgumentTypeError(f"'{text}' is not a number from 0 to 10")
