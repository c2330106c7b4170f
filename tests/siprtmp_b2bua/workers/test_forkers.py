"""The process that workers are forked from, as the supervisor starts it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.workers.channel import socket_pair
from siprtmp_b2bua.workers.fork_request import Exited, Fork, Forked
from siprtmp_b2bua.workers.forkers import ForkerProcess
from siprtmp_b2bua.workers.kind import WorkerKind


async def test_a_file_that_lies_in_the_directory_is_no_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uvloop.py").write_text("raise SystemExit(1)\n")
    monkeypatch.chdir(tmp_path)
    told: asyncio.Queue[Forked | Exited | str] = asyncio.Queue()
    forker = ForkerProcess(told.put_nowait, told.put_nowait, lambda: told.put_nowait("lost"))
    await forker.start()
    ours, theirs = socket_pair()
    with ours:
        forker.fork(Fork(1, 1, WorkerKind.LIVE, GatewayConfig(), 0), theirs)
        async with asyncio.timeout(30):
            forked = await told.get()
    assert isinstance(forked, Forked)
    async with asyncio.timeout(30):
        assert await told.get() == Exited(forked.pid, 0)
    await forker.stop()
