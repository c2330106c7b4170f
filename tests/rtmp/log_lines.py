"""Waits for lines of the library's log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class LogLines(logging.Handler):
    """The records of warnings, in order."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: asyncio.Queue[logging.LogRecord] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.put_nowait(record)

    async def next(self) -> str:
        """The next line, which must be one without a traceback."""
        async with asyncio.timeout(5):
            record = await self.records.get()
        assert record.exc_info is None
        assert record.name == "rtmp"
        assert "\n" not in record.getMessage()
        return record.getMessage()


@asynccontextmanager
async def log_lines() -> AsyncIterator[LogLines]:
    """Collect all warnings, of any logger; those that the test did not take must not be there."""
    lines = LogLines()
    root = logging.getLogger()
    root.addHandler(lines)
    try:
        yield lines
    finally:
        root.removeHandler(lines)
    assert lines.records.empty(), lines.records.get_nowait()
