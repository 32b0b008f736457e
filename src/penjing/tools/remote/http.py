"""A server over HTTP: the SDK's transport on a client that is bounded as `web.py` is.

The address that was checked is the one that is called; no proxy, no redirect, no endless answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from penjing.tools.failed import ToolError
from penjing.tools.remote.bounds import Budget
from penjing.tools.web import addresses_of, parse_origin, tls_context

if TYPE_CHECKING:
    import httpx2


@asynccontextmanager
async def streamable(
    url: str, headers: Mapping[str, str], ca: Path | None, seconds: float, budget: Budget
) -> AsyncIterator[Any]:
    """The streams of a server, as the SDK has them."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    client = httpx2.AsyncClient(
        transport=_bounded(url, ca, seconds, budget),
        headers=dict(headers),
        timeout=httpx2.Timeout(seconds, read=300.0),
        follow_redirects=False,
        trust_env=False,
    )
    async with client, streamable_http_client(url, http_client=client) as streams:
        yield streams


def _bounded(
    url: str, ca: Path | None, seconds: float, budget: Budget
) -> httpx2.AsyncBaseTransport:
    import anyio
    import httpx2

    origin = parse_origin(url)
    verify = tls_context(ca) if origin.scheme == "https" else True
    inner = httpx2.AsyncHTTPTransport(verify=verify, trust_env=False)

    class CountedStream(httpx2.AsyncByteStream):
        """An answer that ends when it is too long."""

        def __init__(self, stream: httpx2.AsyncByteStream) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in self._stream:
                if not budget.take(len(piece), piece.count(b"\n\n")):
                    raise httpx2.StreamError("it answers without end")
                yield piece

        async def aclose(self) -> None:
            await self._stream.aclose()

    class BoundedTransport(httpx2.AsyncBaseTransport):
        """Calls the address that was checked, and no other server."""

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            asked = (request.url.scheme, request.url.host, request.url.port)
            usual = {"http": 80, "https": 443}[origin.scheme]
            if asked[:2] != (origin.scheme, origin.host) or (asked[2] or usual) != origin.port:
                raise httpx2.ConnectError("that is another server")
            try:
                numbers = await anyio.to_thread.run_sync(
                    addresses_of, origin.host, origin.port, seconds
                )
            except ToolError as error:
                raise httpx2.ConnectError(str(error)) from error
            extensions = {**request.extensions, "sni_hostname": origin.host}
            pinned = httpx2.Request(
                request.method,
                request.url.copy_with(host=numbers[0]),
                headers=request.headers,
                stream=request.stream,
                extensions=extensions,
            )
            response = await inner.handle_async_request(pinned)
            return httpx2.Response(
                response.status_code,
                headers=response.headers,
                stream=CountedStream(cast("httpx2.AsyncByteStream", response.stream)),
                extensions=response.extensions,
            )

        async def aclose(self) -> None:
            await inner.aclose()

    return BoundedTransport()
