"""Fixtures of the tests that call through the gateway."""

from collections.abc import AsyncIterator

import pytest

from examples.rtmp_phone import RtmpPhone
from tests.interop.conftest import Peers
from tests.interop.peers.asterisk import Asterisk
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.sipp import Sipp

ALICE = "alice"


@pytest.fixture
async def gateway(peers: Peers) -> AsyncIterator[Gateway]:
    """A gateway that must outlive the test with a clean log."""
    running = await peers.start(Gateway("-d", settings={"SIP__REGISTER_TIMEOUT_S": "2"}))
    yield running
    running.check_clean()


@pytest.fixture
async def registrar(peers: Peers) -> Sipp:
    """A registrar that takes any client, and expects it to unregister."""
    return await peers.start(Sipp("uas_register_ok", timeout_s=60))


async def client_of(gateway: Gateway, pbx: Asterisk, user: str) -> RtmpPhone:
    """Register a client."""
    url = gateway.url(f"{user}@127.0.0.1:{pbx.address[1]}")
    return await RtmpPhone.connect(url, user, f"{user}-secret")
