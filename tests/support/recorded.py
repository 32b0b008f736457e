"""A server that answers what was written down, and remembers what it was asked.

The recordings follow each service's documentation; the services themselves are not asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from servers import Quiet, serving

RECORDED = Path(__file__).parent.parent / "tools" / "recorded"


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Recorded:
    """What is answered, and what was asked."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    """By "METHOD /path": a document, or (status, headers, bytes)."""
    asked: list[Asked] = field(default_factory=list)


def recording(name: str) -> Any:
    """A document that was written down."""
    return json.loads((RECORDED / f"{name}.json").read_text("utf-8"))


@contextmanager
def recorded(answers: Mapping[str, Any]) -> Iterator[Recorded]:
    """A server on this machine that gives these answers, and 404 to anything else."""
    state = Recorded(answers=dict(answers))

    class Handler(Quiet):
        def answer(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            query = {key: values[-1] for key, values in parse_qs(url.query).items()}
            asked = Asked(self.command, url.path, query, dict(self.headers), body)
            state.asked.append(asked)
            found = state.answers.get(f"{self.command} {url.path}", (404, {}, b"not here"))
            if not isinstance(found, tuple):
                found = (200, {"Content-Type": "application/json"}, json.dumps(found).encode())
            status, headers, data = found
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = answer  # noqa: N815
        do_POST = answer  # noqa: N815

    with serving(Handler) as port:
        state.url = f"http://127.0.0.1:{port}"
        yield state
