"""Accounts of the configuration: registered all the time, and used by clients without a password."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from examples.phone_events import Byed, Invited
from examples.rtmp_phone import RtmpPhone
from rtmp.errors import ConnectRejected
from tests.interop.conftest import Peers
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.kamailio import Kamailio
from tests.interop.peers.ports import HOST
from tests.interop.peers.sipp import Sipp

pytestmark = pytest.mark.interop("kamailio", "sipp")


@pytest.fixture
async def kamailio(peers: Peers) -> Kamailio:
    """The SIP server."""
    return await peers.start(Kamailio())


@pytest.fixture
async def gateway(peers: Peers, kamailio: Kamailio, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with an account of its own."""
    running = await peers.start(configured(kamailio, tmp_path, "alice-secret"))
    yield running
    running.check_clean()


def configured(kamailio: Kamailio, directory: Path, password: str) -> Gateway:
    """Make a gateway with alice's account."""
    file = directory / "siprtmp.toml"
    file.write_text(f'[[accounts]]\naor = "alice@{HOST}:{kamailio.port}"\npassword = "{password}"\n')
    return Gateway("-d", "--config", str(file), settings={"SIP__REGISTER_TIMEOUT_S": "2"})


async def test_it_is_registered_before_and_after_any_client(gateway: Gateway, kamailio: Kamailio) -> None:
    contacts = await kamailio.wait_registered("alice")
    phone = await RtmpPhone.connect(gateway.url(f"alice@{HOST}:{kamailio.port}"))
    assert await kamailio.contacts("alice") == contacts
    await phone.close()
    assert await kamailio.contacts("alice") == contacts


async def test_calls_reach_the_client_or_hear_that_nobody_is_there(
    gateway: Gateway, kamailio: Kamailio, peers: Peers
) -> None:
    await kamailio.wait_registered("alice")
    nobody = await peers.start(
        Sipp("uac_expect_reject", remote=gateway.sip_address, service="alice", keys={"code": 480})
    )
    (await nobody.wait()).check()
    phone = await RtmpPhone.connect(gateway.url(f"alice@{HOST}:{kamailio.port}"))
    caller = await peers.start(Sipp("uac_invite_ringing", remote=gateway.sip_address, service="alice"))
    await phone.wait_for(Invited, 5)
    await phone.accept()
    await phone.wait_for(Byed, 5)
    (await caller.wait()).check()
    await phone.close()


async def test_its_calls_are_authenticated(gateway: Gateway, kamailio: Kamailio) -> None:
    await kamailio.wait_registered("alice")
    url = gateway.url(f"alice@{HOST}:{kamailio.port}/one")
    one = await RtmpPhone.connect(url)
    two = await RtmpPhone.connect(url.replace("/one", "/two"))
    for phone in (one, two):
        with pytest.raises(Exception, match="480"):
            await phone.invite("carol")  # a challenge that was not answered would be 407
        await phone.close()


async def test_the_registrar_refuses(kamailio: Kamailio, peers: Peers, tmp_path: Path) -> None:
    gateway = await peers.start(configured(kamailio, tmp_path, "wrong"))
    await gateway.wait_logged("alice@.* is not registered: 40[13]")
    with pytest.raises(ConnectRejected, match=r"40[13]"):
        await RtmpPhone.connect(gateway.url(f"alice@{HOST}:{kamailio.port}"))
    gateway.check_clean()
