"""The gateway as a process on free ports, with its log, ended by SIGTERM."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rtmp.aio import RtmpClient
from tests.interop.peers.ports import HOST, free_port
from tests.siprtmp_b2bua.test_cli import REPOSITORY


class RunningGateway:
    """A gateway and its log."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def logged(self, words: str) -> str:
        """Read the log up to a line with these words, and return that line."""
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            while words not in (line := (await self.process.stderr.readline()).decode()):
                assert line, f"the gateway ended without saying {words!r}"
            return line

    async def connect(self, app: str = "live", credentials: str = "") -> RtmpClient:
        """Connect by RTMP."""
        async with asyncio.timeout(10):
            return await RtmpClient.connect(f"rtmp://{credentials}{HOST}:{self.port}/{app}")


async def start_gateway(*arguments: str, **environment: str) -> RunningGateway:
    """Run a gateway on free ports; who starts it sees to its end."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "siprtmp_b2bua", "-i", HOST, "-l", HOST, "-p", str(port),
        "--sip-port", str(free_port()), *arguments,
        cwd=REPOSITORY, stderr=asyncio.subprocess.PIPE, env={**os.environ, **environment},
    )  # fmt: skip
    return RunningGateway(process, port)


@asynccontextmanager
async def gateway(*arguments: str, **environment: str) -> AsyncIterator[RunningGateway]:
    """Run a gateway, which must end with status 0 and without a traceback."""
    running = await start_gateway(*arguments, **environment)
    process = running.process
    try:
        await running.logged(f"RTMP on {HOST}:{running.port}")
        yield running
        process.terminate()
        async with asyncio.timeout(20):
            _, rest = await process.communicate()
        assert process.returncode == 0
        assert b"Traceback" not in rest
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
