"""A gateway of several processes, and all that it logs."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rtmp.aio import RtmpClient
from tests.siprtmp_b2bua.running_gateway import RunningGateway, start_gateway

STARTED = r"worker (\d+) \(pid (\d+)\) has started"


class RunningWorkers:
    """A gateway with workers."""

    def __init__(self, running: RunningGateway) -> None:
        self.running = running
        self.lines: list[str] = []
        self._changed = asyncio.Event()
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.running.process.stderr is not None
        async for line in self.running.process.stderr:
            self.lines.append(line.decode())
            self._changed.set()

    async def until(self, pattern: str, count: int = 1, timeout_s: float = 20) -> list[re.Match[str]]:
        """Wait until so many lines of the log match, and return the matches."""
        async with asyncio.timeout(timeout_s):
            while len(found := [m for line in self.lines if (m := re.search(pattern, line))]) < count:
                self._changed.clear()
                await self._changed.wait()
        return found

    async def call_workers(self, count: int) -> dict[int, int]:
        """Wait until so many workers for calls have started; return their processes by number."""
        started = await self.until(rf"crew: {STARTED}", count)
        return {int(match[1]): int(match[2]) for match in started}

    async def connect(self, app: str = "sip/anonymous@invalid") -> RtmpClient:
        """Connect by RTMP."""
        return await self.running.connect(app)


@asynccontextmanager
async def workers(*arguments: str, most: int = 3, **environment: str) -> AsyncIterator[RunningWorkers]:
    """Run a gateway with up to so many workers. However it ends, none of them may be left then."""
    running = await start_gateway(
        "--workers", "auto", "--max-workers", str(most), "-d", *arguments, **environment
    )
    gang = RunningWorkers(running)
    try:
        await gang.until(f"RTMP on .*:{running.port}")
        yield gang
        if running.process.returncode is None:
            running.process.terminate()
        async with asyncio.timeout(30):
            assert await running.process.wait() in (0, -signal.SIGKILL)
            await gang.reading  # until no process has the log open
    finally:
        if running.process.returncode is None:
            running.process.kill()
            await running.process.wait()
    assert not any("Traceback" in line for line in gang.lines), "".join(gang.lines)
