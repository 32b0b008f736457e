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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.app.conversation import Conversation, said
from penjing.app.opening import ModelSettings, open_model
from penjing.app.talk import Answer, Talk, rates, why_it_ended
from penjing.cli import options, passphrases
from penjing.cli.output import Output, say, tell, to_json
from penjing.core import limits
from penjing.core.errors import BadInput, Cancelled
from penjing.core.files import read_text
from penjing.core.introduction import DEFAULT_SYSTEM, Introduction
from penjing.core.messages import GenerationSettings

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

Opener = Callable[[ModelSettings, "Progress"], "LanguageModel"]
"""Finds and loads a model."""

_MAX_PROMPT = 64 * 2**20
_HEADROOM = 2 * 2**30
"""Bytes beside the model and its context, which are there before the first answer."""
_MOST_SCHEMA = 2**20
_MOST_KEYS = 2
_DEFAULT = GenerationSettings()


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the command's own arguments."""
    add = parser.add_argument
    add(
        "model",
        nargs="?",
        help="a model's name, a .gguf file, a bundle (sealed or not) or a spec (default: small)",
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
    passphrases.register(parser, "--model-passphrase-file")
    add(
        "--mark-key",
        metavar="FILE",
        type=options.path,
        action="append",
        default=[],
        help="mark what is written by this key (penjing mark key); may be given twice",
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
    output = Output(args.json, quiet=args.quiet)
    words = passphrases.model_words(args.model_passphrase_file)
    asked = ModelSettings(args.model, args.context, args.threads, args.offline, words)
    if str(args.model).endswith((".yaml", ".yml")):
        from penjing.cli import assistant_chat

        _refuse_for_a_model(args)
        return assistant_chat.run(asked, question, output)
    settings = _settings(args)
    began = time.monotonic()
    model = (opener or open_model)(asked, output.progress())
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


def _ignore(text: str) -> None:
    pass


def _end(answer: Answer) -> None:
    say("\n")
    if ending := why_it_ended(answer):
        tell(ending)


# -- what the arguments mean ------------------------------------------------------------------


def _refuse_for_a_model(args: Namespace) -> None:
    for option in ("system", "grammar", "json_schema"):
        if getattr(args, option) is not None:
            raise BadInput(f"--{option.replace('_', '-')} is for a model: a spec says it itself")


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
        mark=_mark(args.mark_key, args.temperature),
    )


def _mark(keys: list[Path], temperature: float) -> tuple[str, ...]:
    if not keys:
        return ()
    if temperature <= 0:
        raise BadInput("--mark-key marks what is drawn: add --temperature 0.8 or so")
    if len(keys) > _MOST_KEYS:
        raise BadInput(f"--mark-key may be given {_MOST_KEYS} times: leave the others")
    from penjing.app.text_marks import read_keys

    return read_keys(tuple(keys))


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
