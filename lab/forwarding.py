"""What every load balancer of the lab does with a connection: pass it on to a server, in both directions."""

from __future__ import annotations

import asyncio
import contextlib

from lab.network import reset


async def relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    behind: asyncio.StreamReader,
    onward: asyncio.StreamWriter,
) -> None:
    """Join a client's connection with one to a server until either ends. A reset on one side is one on the other."""
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(reader, onward))
            both.create_task(_copy(behind, writer))
    except* (ConnectionError, TimeoutError):
        reset(writer.transport)
    finally:
        onward.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
