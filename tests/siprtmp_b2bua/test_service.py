"""What signals do to a gateway, and what the log says of it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

import pytest

from siprtmp_b2bua import service
from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.control.status import GatewayStatus
from siprtmp_b2bua.service import NO_CONTROL, Reloaded, ServiceRunner


class FakeService:
    """Stops when it is let, and drains at once."""

    rtmp_port = 1935

    def __init__(self) -> None:
        self.started, self.stopping, self.may_stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.counted = asyncio.Event()
        self.drains = 0

    async def start(self) -> None:
        self.started.set()

    async def stop(self) -> None:
        self.stopping.set()
        await self.may_stop.wait()

    async def drain(self) -> None:
        self.drains += 1

    async def status(self) -> GatewayStatus:
        raise AssertionError("nobody asks")

    async def counts(self) -> dict[str, int]:
        self.counted.set()
        return {}

    def reload(self, config: GatewayConfig) -> Reloaded:
        raise AssertionError(f"nobody asks for {config}")


def run(gateway: FakeService) -> asyncio.Task[None]:
    """Run it as a service."""
    config = GatewayConfig(control=NO_CONTROL)
    return asyncio.create_task(ServiceRunner(gateway, config, lambda: config).run())


async def test_sigterm_while_it_stops_promises_no_drain(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "_SECOND_SIGTERM_S", 0.0)
    gateway = FakeService()
    running = run(gateway)
    with caplog.at_level(logging.INFO):
        async with asyncio.timeout(10):
            await gateway.started.wait()
            os.kill(os.getpid(), signal.SIGTERM)
            await gateway.stopping.wait()
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGUSR1)  # signals come in turn: once this one has, the other had
            await gateway.counted.wait()
            gateway.may_stop.set()
            await running
    assert "stopping" in caplog.text
    assert "no more calls are taken" not in caplog.text
    assert gateway.drains == 0


async def test_a_second_sigterm_at_once_drains(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "_SECOND_SIGTERM_S", 3600.0)
    gateway = FakeService()
    gateway.may_stop.set()
    running = run(gateway)
    with caplog.at_level(logging.INFO):
        async with asyncio.timeout(10):
            await gateway.started.wait()
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
            await running
    assert "no more calls are taken" in caplog.text
    assert gateway.drains == 1
