"""Calls through workers: what becomes of them, and of their peers, when a worker dies."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator

import pytest

from examples.rtmp_phone import RtmpPhone
from tests.interop.conftest import Peers
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.sipp import Sipp
from tests.interop.signals import assert_tone_heard

pytestmark = pytest.mark.interop("sipp")


@pytest.fixture
async def gateway(peers: Peers) -> AsyncIterator[Gateway]:
    """One worker at a time: the tests have no more ports for one gateway."""
    yield await peers.start(Gateway("-d", "--workers", "auto", "--max-workers", "1"))


async def kill_worker(gateway: Gateway, number: signal.Signals = signal.SIGKILL) -> None:
    started = re.search(r"worker 1 \(pid (\d+)\) has started", gateway.log())
    assert started is not None
    os.kill(int(started[1]), number)
    await gateway.wait_logged(r"worker 1 \(pid \d+\) has died")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
async def test_the_peers_of_a_dead_worker_get_a_bye_and_its_successor_takes_calls(
    gateway: Gateway, number: signal.Signals
) -> None:
    async with Sipp("uas_answer", rtp_echo=True) as callee, Sipp("uas_answer", rtp_echo=True) as next_callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "ulaw", "dtmf")
        await assert_tone_heard(phone)
        await kill_worker(gateway, number)
        async with asyncio.timeout(10):
            await phone.client.closed
        (await callee.wait()).check()  # it has had a BYE
        await gateway.wait_logged("sent a BYE to the peers of worker 1; 1 of 1 answered")
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(next_callee.sip_uri(), "ulaw", "dtmf")
        await assert_tone_heard(phone)
        await phone.bye()
        (await next_callee.wait()).check()
        await phone.close()


async def test_a_call_that_has_ended_gets_no_bye(gateway: Gateway) -> None:
    async with Sipp("uas_answer", rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "ulaw", "dtmf")
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()
    await kill_worker(gateway)
    await gateway.wait_logged(r"worker 1 \(pid \d+\) has started.*")
    assert "sent a BYE" not in gateway.log()
