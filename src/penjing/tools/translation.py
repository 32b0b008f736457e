"""Translation, by the surest means there is: a dictionary, a server, and last the model itself.

A dictionary knows whole phrases and no grammar; a small model guesses, and the answer says so
(`sure`). What is translated goes to a server only when the spec names one.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput, EngineError
from penjing.core.files import read_text
from penjing.core.messages import Chunk, GenerationSettings, Message
from penjing.core.protocols import Scheduler, Tool
from penjing.core.serving import Request
from penjing.tools.checked import ToolAdapter, parameters, text
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.keep import read_secret
from penjing.tools.names import plain
from penjing.tools.web import Limits, Web, parse_origin

DESCRIPTION = "Translates words or a sentence into another language."
_CODE = r"^[a-z]{2,3}(-[A-Za-z]{2,8})?$"
PARAMETERS = parameters(
    ["text", "to"],
    **{
        "text": text("what to translate", 2000),
        "to": text("language code such as en, zh or de", 12, _CODE),
        "from": text("language code; found out when left out", 12, _CODE),
    },
)

_LANGUAGES = {
    "en": "English", "zh": "Chinese", "de": "German", "fr": "French", "es": "Spanish",
    "it": "Italian", "pt": "Portuguese", "ja": "Japanese", "ko": "Korean", "ru": "Russian",
}  # fmt: skip
_MODEL_SECONDS = 60.0
_MODEL_TOKENS = 256


@dataclass(frozen=True)
class Settings:
    """The `translation:` of a spec."""

    dictionary: Path | None = None
    """Tab-separated text; the first line is language codes, each other line one phrase in each."""
    server: str | None = None
    """A server that speaks as LibreTranslate does."""
    key_file: Path | None = None
    """The server's key."""
    model: bool = False
    """Whether the assistant's own model may guess."""
    ca: Path | None = None
    """Certificates to trust instead of the system's."""

    def __post_init__(self) -> None:
        if self.server:
            parse_origin(self.server)
        if not (self.dictionary or self.server or self.model):
            raise BadInput("translation needs a dictionary, a server, or model: true")

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return [parse_origin(self.server).address] if self.server else []


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [ToolAdapter("translation", DESCRIPTION, PARAMETERS, Translation(settings, given))]


class Translation:
    """Tries each means."""

    def __init__(self, settings: Settings, given: Given) -> None:
        self._lines = _dictionary(settings.dictionary) if settings.dictionary else {}
        self._server = (
            Web(settings.server, ca=settings.ca, limits=Limits(20.0)) if (settings.server) else None
        )
        self._key = read_secret(settings.key_file) if settings.key_file else None
        self._writer = given.writer if settings.model else None

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        words, to, origin = arguments["text"], arguments["to"], arguments.get("from")
        found = self._looked_up(words, to, origin)
        if found is not None:
            return {"text": found, "to": to, "from": origin or "", "by": "dictionary", "sure": True}
        last = ToolError("not_supported", f"nothing here translates that into {to}")
        if self._server is not None:
            try:
                said, origin = self._ask(self._server, words, to, origin)
                return {"text": said, "to": to, "from": origin, "by": "server", "sure": True}
            except ToolError as error:
                last = error
        if self._writer is not None:
            said = _guess(self._writer, words, to, person)
            return {"text": said, "to": to, "from": origin or "", "by": "model", "sure": False}
        raise last

    def _looked_up(self, words: str, to: str, origin: str | None) -> str | None:
        for line in self._lines.get(plain(words.rstrip(".。!！?？")), ()):
            from_there = [code for code, phrase in line.items() if plain(phrase) == plain(words)]
            if to in line and to not in from_there and (origin is None or origin in line):
                return line[to]
        return None

    def _ask(self, web: Web, words: str, to: str, origin: str | None) -> tuple[str, str]:
        body = {"q": words, "source": origin or "auto", "target": to, "format": "text"}
        answer = web.post("/translate", body | ({"api_key": self._key} if self._key else {}))
        said = answer.get("translatedText") if isinstance(answer, dict) else None
        if not isinstance(said, str) or not said.strip() or len(said) > 20_000:
            raise ToolError("wrong_answer", "the translation server answers what is no translation")
        detected = answer.get("detectedLanguage")
        code = detected.get("language") if isinstance(detected, dict) else None
        return said, origin or (code if isinstance(code, str) else "")

    def entities(self, parameter: str) -> Sequence[str]:
        """None: what to translate is a person's own."""
        return ()

    def close(self) -> None:
        """Nothing is held."""


def _dictionary(path: Path) -> dict[str, list[dict[str, str]]]:
    """Every phrase, in plain form, and the lines it stands in. Raises BadInput."""
    head, *lines = read_text(path, limit=8 * 2**20).splitlines()
    codes = head.split("\t")
    found: dict[str, list[dict[str, str]]] = {}
    for number, line in enumerate(lines, 2):
        phrases = line.split("\t")
        if line.strip() and len(phrases) != len(codes):
            raise BadInput(f"{path} line {number} has not {len(codes)} columns: use tabs")
        whole = {code: phrase for code, phrase in zip(codes, phrases, strict=False) if phrase}
        for phrase in set(map(plain, whole.values())):
            found.setdefault(phrase, []).append(whole)
    return found


def _guess(writer: Scheduler, words: str, to: str, person: str) -> str:
    """What the model makes of it. Raises ToolError."""
    language = _LANGUAGES.get(to, to)
    order = f"Translate what the user says into {language}. Answer with the translation alone."
    messages = (Message.of("system", order), Message.of("user", words))
    chunks: queue.Queue[Chunk | Exception] = queue.Queue()
    try:
        request = Request(
            person, messages, GenerationSettings(max_tokens=_MODEL_TOKENS, thinking=False)
        )
        ticket = writer.submit(request, chunks.put)
    except (EngineError, BadInput) as error:
        raise ToolError("refused", str(error)) from error
    end, said = time.monotonic() + _MODEL_SECONDS, ""
    while True:
        try:
            chunk = chunks.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty as error:
            ticket.cancel()
            raise ToolError("timeout", "the model took too long to translate") from error
        if isinstance(chunk, Exception):
            raise ToolError("refused", f"the model could not translate: {chunk}") from chunk
        said += chunk.text
        if chunk.finish_reason is not None:
            if not said.strip():
                raise ToolError("wrong_answer", "the model had no translation")
            return said.strip()
