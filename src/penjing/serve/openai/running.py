"""A request to the engine from begin to end: quota taken, choices begun, both let go once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from penjing.core.errors import PenjingError
from penjing.serve.answers import Closer
from penjing.serve.desk import Desk
from penjing.serve.openai.shapes import new_id, now
from penjing.serve.openai.writing import Job, Piece, Writings
from penjing.serve.refusals import openai_error
from penjing.serve.streaming import event


class Run:
    """One request being answered. `close` it in any case."""

    def __init__(self, writings: Writings, release: Closer, prefix: str) -> None:
        self._writings = writings
        self._release = release
        self.id = new_id(prefix)
        """What the answer is called."""
        self.created = now()
        """When."""

    def pieces(self) -> AsyncIterator[tuple[int, Piece]]:
        """What is written, with the number of its choice."""
        return self._writings.pieces()

    def close(self) -> None:
        """Stop what still runs. Calling it twice is harmless."""
        self._writings.close()
        self._release()


async def begin(desk: Desk, person: str, jobs: Sequence[Job], prefix: str = "chatcmpl-") -> Run:
    """Hand all jobs to the engine, or none. Raises Throttled, BadInput or Busy."""
    release = desk.quota.take(person)
    try:
        return Run(await Writings.begin(desk.answers, jobs), release, prefix)
    except BaseException:
        release()
        raise


def stream_error(error: PenjingError) -> bytes:
    """What a stream says that cannot go on: clients raise it as they would raise a status."""
    return event(openai_error(error)[1])
