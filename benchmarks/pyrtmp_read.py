"""Reads chunks with pyrtmp, another RTMP library in Python, where it is installed: it is no dependency."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Sequence

HOW_TO_INSTALL = "pyrtmp is not installed; in an environment that may change: python -m pip install pyrtmp"


def pyrtmp_reader() -> Callable[[Sequence[bytes], int], int]:
    """Return what counts the messages in blocks of bytes. Raise ImportError if pyrtmp is not installed."""
    library = importlib.import_module("pyrtmp")
    sessions = importlib.import_module("pyrtmp.session_manager")

    async def read_all(blocks: Sequence[bytes], chunk_size: int) -> int:
        stream = asyncio.StreamReader()
        for block in blocks:
            stream.feed_data(block)
        stream.feed_eof()
        session = sessions.SessionManager(stream, None, reader_chunk_size=chunk_size)
        count = 0
        try:
            async for _ in session.read_chunks_from_stream():
                count += 1
        except library.StreamClosedException:
            return count
        return count

    return lambda blocks, chunk_size: asyncio.run(read_all(blocks, chunk_size))
