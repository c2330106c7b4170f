"""A gateway that is stopped or started halfway; each in a process of its own: pjsua2 allows one endpoint."""

from __future__ import annotations

import asyncio

import pytest

from siprtmp_b2bua.shutdown import shut_down
from tests.media_bridge.bridge_process import run_script


class StubTelephone:
    """Closes its lines at once, or with an error, or never."""

    def __init__(self, closing: asyncio.Future[None]) -> None:
        self.closing = closing
        self.is_stopped = False

    def disconnect_all(self, reason: str) -> None:
        """Nobody is connected."""

    async def close_lines(self) -> None:
        await self.closing

    async def stop(self) -> None:
        self.is_stopped = True


async def nothing() -> None:
    """Close no connections."""


async def test_pjsip_ends_when_the_shutting_down_is_cancelled() -> None:
    telephone = StubTelephone(asyncio.get_running_loop().create_future())
    ending = asyncio.ensure_future(shut_down(telephone, None, nothing(), 60))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert telephone.is_stopped


async def test_pjsip_ends_when_something_goes_wrong() -> None:
    telephone = StubTelephone(asyncio.get_running_loop().create_future())
    telephone.closing.set_exception(RuntimeError("a line stays"))
    with pytest.raises(RuntimeError, match="a line stays"):
        await shut_down(telephone, None, nothing(), 60)  # type: ignore[arg-type]
    assert telephone.is_stopped


def run_gateway(body: str) -> None:
    """Run the coroutine `main(gateway)` of `body`; then nothing may be left, and another gateway runs."""
    out = run_script(
        """
import asyncio, contextlib, threading
from siprtmp_b2bua.app import Gateway
from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.telephone import Telephone

HOST = "127.0.0.1"
CONFIG = GatewayConfig.load(
    flags={"rtmp": {"host": HOST, "port": 0}, "sip": {"int_ip": HOST, "port": 0}}
)

async def cancelled(task):
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
        raise AssertionError("it was not cancelled")

async def run():
    gateway = Gateway(CONFIG)
    await main(gateway)
    assert "pjsip" not in [thread.name for thread in threading.enumerate()]
    assert gateway.rtmps_port is None and gateway.line_count == 0
    other = Gateway(CONFIG)
    await other.start()
    await other.stop()
    print("the other has run")
"""
        + body
        + "\nasyncio.run(run())\n"
    )
    assert "the other has run" in out


def test_a_gateway_whose_stop_is_cancelled_leaves_nothing() -> None:
    run_gateway("""
async def main(gateway):
    await gateway.start()
    stopping = asyncio.ensure_future(gateway.stop())
    await asyncio.sleep(0)
    await cancelled(stopping)
""")


def test_a_stop_that_was_cancelled_to_the_end_can_be_repeated() -> None:
    run_gateway("""
async def main(gateway):
    await gateway.start()
    stop, stopping = Telephone.stop, asyncio.Event()

    async def stop_never(telephone):
        stopping.set()
        await asyncio.Event().wait()

    Telephone.stop = stop_never
    task = asyncio.ensure_future(gateway.stop())
    await stopping.wait()
    await cancelled(task)
    Telephone.stop = stop
    await gateway.stop()
    await gateway.stop()
""")


def test_a_gateway_whose_start_is_cancelled_while_pjsip_starts_leaves_nothing() -> None:
    run_gateway("""
async def main(gateway):
    starting = asyncio.ensure_future(gateway.start())
    await asyncio.sleep(0)
    await cancelled(starting)
""")


def test_a_gateway_whose_start_is_cancelled_while_it_registers_leaves_nothing() -> None:
    run_gateway("""
async def main(gateway):
    registering = asyncio.Event()

    async def register(telephone, aors):
        registering.set()
        await asyncio.Event().wait()

    keep_registered, Telephone.keep_registered = Telephone.keep_registered, register
    starting = asyncio.ensure_future(gateway.start())
    await registering.wait()
    await cancelled(starting)
    Telephone.keep_registered = keep_registered
""")
