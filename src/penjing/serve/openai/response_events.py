"""A response as it grows: the document that is answered, and the events that tell of each step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from penjing.core.errors import PenjingError
from penjing.core.messages import Usage
from penjing.serve.openai import logprobs as spelled
from penjing.serve.openai.citations import file_citation
from penjing.serve.openai.shapes import new_id
from penjing.serve.openai.writing import Call, End, Piece, Source, Words
from penjing.serve.refusals import UnknownModel, openai_error
from penjing.serve.streaming import event

_INCOMPLETE = {"reason": "max_output_tokens"}


class Draft:
    """One response. `take` it through all pieces; each gives the events that tell of it."""

    def __init__(self, about: dict[str, Any]) -> None:
        self._document = about
        self._number = 0
        self._text = ""
        self._tokens: list[dict[str, Any]] = []
        self._message: dict[str, Any] = {}
        self._sources: list[Source] = []

    def document(self) -> dict[str, Any]:
        """As far as it is."""
        return self._document

    def begun(self) -> list[bytes]:
        """Before anything is written."""
        return [self._whole("response.created"), self._whole("response.in_progress")]

    def take(self, piece: Piece) -> list[bytes]:
        """One more piece."""
        if isinstance(piece, Words):
            if piece.thought:
                return []
            return [*self._opened(), *self._grown(piece)]
        if isinstance(piece, Call):
            return list(self._called(piece))
        if isinstance(piece, Source):
            return [*self._opened(), *self._cited(piece)]
        return list(self._ended(piece))

    def failed(self, error: PenjingError) -> list[bytes]:
        """The end that nobody wanted."""
        problem = openai_error(error)[1]["error"]
        self._document["status"] = "failed"
        self._document["error"] = {"code": "server_error", "message": problem["message"]}
        return [self._whole("response.failed")]

    def _opened(self) -> Iterator[bytes]:
        if self._message:
            return
        self._message = {
            "id": new_id("msg_"), "type": "message", "role": "assistant",
            "status": "in_progress", "content": [],
        }  # fmt: skip
        self._document["output"].append(self._message)
        yield self._tell("response.output_item.added", output_index=0, item=dict(self._message))
        self._message["content"] = [self._part()]
        yield self._in_part("response.content_part.added", part=self._part())

    def _grown(self, words: Words) -> Iterator[bytes]:
        tokens = spelled.chat(words.logprobs)
        self._text += words.text
        self._tokens += tokens
        yield self._in_part("response.output_text.delta", delta=words.text, logprobs=tokens)

    def _cited(self, source: Source) -> Iterator[bytes]:
        self._sources.append(source)
        yield self._in_part(
            "response.output_text.annotation.added",
            annotation_index=len(self._sources) - 1,
            annotation=file_citation(source, self._text),
        )

    def _called(self, call: Call) -> Iterator[bytes]:
        item = {
            "id": new_id("fc_"), "type": "function_call", "call_id": call.id, "name": call.name,
            "arguments": "", "status": "in_progress",
        }  # fmt: skip
        at = {"output_index": 0, "item_id": item["id"]}
        yield self._tell("response.output_item.added", output_index=0, item=dict(item))
        item |= {"arguments": call.arguments, "status": "completed"}
        self._document["output"].append(item)
        yield self._tell("response.function_call_arguments.delta", delta=call.arguments, **at)
        yield self._tell(
            "response.function_call_arguments.done", arguments=call.arguments, name=call.name, **at
        )
        yield self._tell("response.output_item.done", output_index=0, item=item)

    def _ended(self, end: End) -> Iterator[bytes]:
        whole = end.reason != "length"
        if end.reason == "stop":
            yield from self._opened()  # an answer without a word is still a message
        if self._message:
            self._message |= {
                "content": [self._part()], "status": "completed" if whole else "incomplete"
            }  # fmt: skip
            yield self._in_part("response.output_text.done", text=self._text, logprobs=self._tokens)
            yield self._in_part("response.content_part.done", part=self._part())
            yield self._tell("response.output_item.done", output_index=0, item=self._message)
        self._document |= {
            "status": "completed" if whole else "incomplete",
            "incomplete_details": None if whole else _INCOMPLETE,
            "completed_at": int(time.time()) if whole else None,
            "usage": _usage(end.usage) if end.usage is not None else None,
        }
        yield self._whole("response.completed" if whole else "response.incomplete")

    def _part(self) -> dict[str, Any]:
        cited = [file_citation(one, self._text) for one in self._sources]
        part = {"type": "output_text", "text": self._text, "annotations": cited}
        return {**part, "logprobs": list(self._tokens)}

    def _in_part(self, kind: str, **more: Any) -> bytes:
        at = {"item_id": self._message["id"], "output_index": 0, "content_index": 0}
        return self._tell(kind, **at, **more)

    def _whole(self, kind: str) -> bytes:
        return self._tell(kind, response=self._document)

    def _tell(self, kind: str, **more: Any) -> bytes:
        self._number += 1
        return event({"type": kind, "sequence_number": self._number - 1, **more}, kind)


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def no_such(response: str) -> UnknownModel:
    """Asked for one that was answered before: nothing is kept."""
    shown = "".join(char if char.isprintable() else "?" for char in response[:64])
    return UnknownModel(f"response '{shown}' was not kept: nothing is", None, "not_found")
