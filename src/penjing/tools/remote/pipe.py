"""A server as a child process, spoken to over its standard streams, within bounds.

Where the SDK's own transport waits for the end of a line as long as it takes, this one hangs up.
The child gets a clean environment, no terminal, and a process group that ends with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from penjing.tools.remote.bounds import LONGEST_LINE, Budget

if TYPE_CHECKING:
    from anyio.abc import ByteReceiveStream, ByteSendStream, Process

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
_MOST_BROKEN = 20  # lines that are no message: banners of careless servers
_GRACE = 1.0


@asynccontextmanager
async def pipe(
    command: Sequence[str], env: Mapping[str, str], folder: Path, budget: Budget
) -> AsyncIterator[Any]:
    """The streams of a running server, as the SDK has them."""
    import anyio
    from mcp.shared.message import SessionMessage

    clean = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    process = await anyio.open_process(
        list(command),
        env={**clean, **env},
        cwd=folder,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    heard_in, heard = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    said, said_out = anyio.create_memory_object_stream[SessionMessage](0)

    async def hear() -> None:
        async with heard_in:
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
                async for message in _messages(process, budget):
                    await heard_in.send(SessionMessage(message))

    async def say() -> None:
        async with said_out:
            try:
                async for message in said_out:
                    line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await cast("ByteSendStream", process.stdin).send(line.encode() + b"\n")
            except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
                await heard_in.aclose()  # or a request would wait for ever

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hear)
        tasks.start_soon(say)
        try:
            yield heard, said
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)
                for stream in (heard, said, heard_in, said_out):
                    await stream.aclose()
            tasks.cancel_scope.cancel()


async def _messages(process: Process, budget: Budget) -> AsyncIterator[Any]:
    """What it says, until it says too much or what is no message."""
    import mcp_types as types

    buffer, broken = bytearray(), 0
    async for piece in cast("ByteReceiveStream", process.stdout):
        buffer += piece
        if not budget.take(len(piece), piece.count(b"\n")):
            return
        *lines, rest = bytes(buffer).split(b"\n")
        buffer = bytearray(rest)
        for line in lines:
            try:
                yield types.jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError:
                broken += 1
        if broken > _MOST_BROKEN or len(buffer) > LONGEST_LINE:
            budget.spent = True
            return


async def _end(process: Process) -> None:
    """Ask it to end, then end it and all it started."""
    import anyio

    if process.stdin is not None:
        with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            await process.stdin.aclose()
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
        with anyio.move_on_after(_GRACE):
            while process.returncode is None:
                await anyio.sleep(0.01)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # children that outlived it
    await process.aclose()
