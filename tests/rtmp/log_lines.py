"""Waits for lines of the library's log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class LogLines(logging.Handler):
    """The records of warnings, or from another level on, in order."""

    def __init__(self, level: int = logging.WARNING) -> None:
        super().__init__(level)
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
async def log_lines(level: int = logging.WARNING) -> AsyncIterator[LogLines]:
    """Collect all warnings, of any logger; those that the test did not take must not be there."""
    lines = LogLines(level)
    root = logging.getLogger()
    root.addHandler(lines)
    try:
        yield lines
    finally:
        root.removeHandler(lines)
    assert lines.records.empty(), lines.records.get_nowait()
