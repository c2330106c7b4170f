"""A gateway that runs is asked and told things, with calls in it: one process, and several."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from examples.rtmp_phone import RtmpPhone
from rtmp.errors import ConnectRejected
from siprtmp_b2bua.control.status import GatewayStatus
from tests.interop.conftest import Peers
from tests.interop.peers.gateway import REPOSITORY, Gateway
from tests.interop.peers.sipp import Sipp
from tests.interop.signals import send_tone

pytestmark = pytest.mark.interop("sipp")


@pytest.fixture(params=["1", "auto"], ids=["one-process", "workers"])
async def gateway(peers: Peers, request: pytest.FixtureRequest) -> AsyncIterator[Gateway]:
    yield await peers.start(Gateway("-d", "--workers", request.param, "--max-workers", "1"))


async def command(gateway: Gateway, *words: str) -> str:
    """Run `siprtmp WORDS` for a gateway; it has to succeed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "siprtmp_b2bua", *words, "-p", str(gateway.rtmp_port),
        cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_status_tells_of_a_call(gateway: Gateway) -> None:
    async with Sipp("uas_answer", rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "ulaw", "dtmf")
        await send_tone(phone, 1.0)
        status = GatewayStatus.model_validate_json(await command(gateway, "status", "--json"))
        worker = status.workers[0]
        (call,) = worker.calls
        assert (worker.clients, worker.lines, worker.sip_port) == (1, 4, gateway.sip_port)
        assert (call.state, call.sip_audio, call.rtmp_audio) == ("active", "PCMU/8000", "speex")
        assert call.chain is not None
        assert call.chain.startswith("rtmp speex")
        assert call.loss_percent == 0
        assert call.duration_s is not None
        assert 1 <= call.duration_s < 30
        assert "PCMU/8000" in await command(gateway, "status")
        await phone.bye()
        await phone.close()


async def test_drain_lets_calls_end_and_takes_no_others(gateway: Gateway) -> None:
    async with Sipp("uas_answer", rtp_echo=True) as callee:
        idle = await RtmpPhone.connect(gateway.url())
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "ulaw", "dtmf")
        assert "no more calls" in await command(gateway, "drain")
        await idle.client.closed
        with pytest.raises(ConnectRejected, match="about to end"):
            await RtmpPhone.connect(gateway.url())
        assert "takes no more calls" in await command(gateway, "status")
        await send_tone(phone, 0.5)
        await phone.bye()
        await phone.client.closed
        async with asyncio.timeout(10):
            assert await gateway.process.wait() == 0
