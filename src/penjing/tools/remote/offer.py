"""Penjing's own tools, offered as an MCP server on standard input and output.

Tools that a person must confirm are left out unless asked for: whoever speaks MCP to us asks its
own person, or nobody. Nothing but the protocol may be written to standard output.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from penjing import __version__
from penjing.core.dialogue import Outcome
from penjing.core.extras import needed
from penjing.core.protocols import Tool


def serve(tools: Sequence[Tool], person: str) -> None:
    """Answer until standard input ends. Raises MissingExtra."""
    with needed("offering tools by MCP", "tools"):
        import anyio
        from mcp.server.stdio import stdio_server
    server = server_of(tools, person)

    async def run() -> None:
        async with stdio_server() as (heard, said):
            await server.run(heard, said, server.create_initialization_options())

    anyio.run(run)


def server_of(tools: Sequence[Tool], person: str) -> Any:
    """The SDK's server of these tools, called for one person."""
    import anyio
    import mcp_types as types
    from mcp.server.lowlevel import Server

    known = {tool.name: tool for tool in tools}

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=tool.name,
                    description=tool.description,
                    input_schema=dict(tool.parameters),
                    annotations=types.ToolAnnotations(destructive_hint=tool.careful),
                )
                for tool in known.values()
            ]
        )

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = known.get(params.name)
        if tool is None:
            outcome = Outcome(False, {"reason": "unknown_name"}, "there is no such tool")
        else:
            arguments = params.arguments or {}
            outcome = await anyio.to_thread.run_sync(tool.call, arguments, person)
        data = json.loads(json.dumps(outcome.data, ensure_ascii=False, default=str))
        said = json.dumps(data, ensure_ascii=False) if outcome.ok else outcome.error
        return types.CallToolResult(
            content=[types.TextContent(text=said)],
            structured_content=data,
            is_error=not outcome.ok,
        )

    return Server("penjing", version=__version__, on_list_tools=list_tools, on_call_tool=call_tool)
