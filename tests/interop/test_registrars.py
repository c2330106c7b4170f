"""Connecting with a password: what the registrar says decides, and the client hears why."""

import asyncio

import pytest

from examples.rtmp_phone import RtmpPhone
from rtmp.aio import RtmpClient
from rtmp.errors import ConnectionLost, ConnectRejected
from tests.interop.conftest import Peers
from tests.interop.gateway_fixtures import ALICE, gateway
from tests.interop.peers.asterisk import Asterisk
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.kamailio import Kamailio
from tests.interop.peers.ports import free_port
from tests.interop.peers.sipp import Sipp

__all__ = ["gateway"]

PASSWORD = "alice-secret"


async def connect(
    gateway: Gateway, registrar_port: int, password: str = PASSWORD, **options: str
) -> RtmpPhone:
    """Connect as alice of a registrar on this machine."""
    instance = options.get("instance", "")
    aor = f"{ALICE}@127.0.0.1:{registrar_port}{instance and '/'}{instance}"
    return await RtmpPhone.connect(gateway.url(aor), ALICE, password, "Alice Liddell")


@pytest.mark.interop("kamailio")
async def test_kamailio_takes_the_right_password_and_no_other(gateway: Gateway, peers: Peers) -> None:
    kamailio = await peers.start(Kamailio())
    with pytest.raises(ConnectRejected) as caught:
        await connect(gateway, kamailio.port, "wrong")
    assert caught.value.code == "NetConnection.Connect.Rejected"
    assert "401" in caught.value.description or "403" in caught.value.description
    phone = await connect(gateway, kamailio.port)
    (contact,) = await kamailio.contacts(ALICE)
    assert f"127.0.0.1:{gateway.sip_port}" in contact
    await phone.close()
    await kamailio.wait_unregistered(ALICE)


async def test_asterisk_takes_the_right_password_and_no_other(gateway: Gateway, peers: Peers) -> None:
    asterisk = await peers.start(Asterisk())
    with pytest.raises(ConnectRejected, match=r"401|403"):
        await connect(gateway, asterisk.address[1], "wrong")
    phone = await connect(gateway, asterisk.address[1])
    await asterisk.wait_registered(ALICE)
    await phone.close()
    await asterisk.wait_unregistered(ALICE)


@pytest.mark.interop("sipp")
async def test_forbidden(gateway: Gateway, peers: Peers) -> None:
    registrar = await peers.start(Sipp("uas_register_403"))
    with pytest.raises(ConnectRejected, match="403 Forbidden"):
        await connect(gateway, registrar.port)


@pytest.mark.interop("sipp")
async def test_a_registrar_that_never_answers(gateway: Gateway, peers: Peers) -> None:
    registrar = await peers.start(Sipp("uas_register_silent"))
    with pytest.raises(ConnectRejected, match="408 Request Timeout"):
        await connect(gateway, registrar.port)


async def test_no_registrar_there(gateway: Gateway) -> None:
    with pytest.raises(ConnectRejected, match=r"408|503|502"):
        await connect(gateway, free_port())


async def test_the_password_appears_nowhere(gateway: Gateway, peers: Peers) -> None:
    kamailio = await peers.start(Kamailio())
    phone = await connect(gateway, kamailio.port)
    await phone.close()
    with pytest.raises(ConnectRejected):
        await connect(gateway, kamailio.port, "not-the-secret")
    assert PASSWORD not in gateway.log()
    assert "not-the-secret" not in gateway.log()


async def test_a_new_client_replaces_the_old_one(gateway: Gateway, peers: Peers) -> None:
    kamailio = await peers.start(Kamailio())
    old = await connect(gateway, kamailio.port)
    new = await connect(gateway, kamailio.port)
    with pytest.raises(ConnectionLost, match="connected from elsewhere"):
        await old.next_event(5)
    assert not new.client.is_closed
    await new.close()


async def test_instances_share_an_address(gateway: Gateway, peers: Peers) -> None:
    kamailio = await peers.start(Kamailio())
    desk = await connect(gateway, kamailio.port, instance="desk")
    mobile = await connect(gateway, kamailio.port, instance="mobile")
    assert len(await kamailio.contacts(ALICE)) == 2
    assert not desk.client.is_closed
    await desk.close()
    await mobile.close()


async def test_the_eighth_line_is_refused_and_the_others_live(gateway: Gateway, peers: Peers) -> None:
    kamailio = await peers.start(Kamailio())
    phones = [await connect(gateway, kamailio.port, instance=str(number)) for number in range(7)]
    with pytest.raises(ConnectRejected, match="503 Service Unavailable: busy: all lines"):
        await connect(gateway, kamailio.port, instance="eighth")
    await phones.pop().close()
    await gateway.wait_logged("unregistration success|rtmp-7")
    phones.append(await until_connected(gateway, kamailio.port))
    for phone in phones:
        await phone.close()


async def until_connected(gateway: Gateway, port: int) -> RtmpPhone:
    """Connect as soon as the line that was just given up is free: unregistering takes a moment."""
    async with asyncio.timeout(5):
        while True:
            try:
                return await connect(gateway, port, instance="ninth")
            except ConnectRejected:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("path", "description"),
    [
        ("vod/alice@127.0.0.1", r"no such application.*/sip/USER@DOMAIN.*/live/NAME"),
        ("sip", "no such application"),
        ("sip/alice", "user@domain"),
        ("sips/alice@127.0.0.1", "TLS"),
        ("sip/alice@127.0.0.1 x", "user@domain"),
    ],
)
async def test_urls_that_name_no_line(gateway: Gateway, path: str, description: str) -> None:
    url = gateway.url().replace("sip/anonymous@invalid", path)
    with pytest.raises(ConnectRejected, match=description):
        await RtmpClient.connect(url, "alice", "secret")
