"""Addresses: the one that is advertised, and the proxy that all requests go through."""

import asyncio

import pytest

from examples.phone_events import Byed, Invited
from examples.rtmp_phone import RtmpPhone
from tests.interop.conftest import Peers
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.kamailio import USERS, Kamailio
from tests.interop.peers.sipp import Sipp
from tests.interop.signals import assert_tone_heard

EXTERNAL_IP = "203.0.113.9"


@pytest.mark.interop("sipp")
async def test_the_external_address_is_in_sip_and_sdp(peers: Peers) -> None:
    gateway = await peers.start(Gateway("-e", EXTERNAL_IP))
    callee = await peers.start(Sipp("uas_answer"))
    phone = await RtmpPhone.connect(gateway.url())
    call = asyncio.ensure_future(phone.invite(callee.sip_uri(), "pcmu"))
    invite = await callee.wait_message("m=audio", 5)
    assert f"c=IN IP4 {EXTERNAL_IP}" in invite
    assert f"Contact: <sip:siprtmp@{EXTERNAL_IP}:{gateway.sip_port}" in invite
    assert f"Via: SIP/2.0/UDP {EXTERNAL_IP}:{gateway.sip_port}" in invite
    await phone.close()
    call.cancel()
    gateway.check_clean()


@pytest.mark.interop("kamailio")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_an_outbound_proxy_serves_a_domain_that_dns_does_not_know(peers: Peers, transport: str) -> None:
    kamailio = await peers.start(Kamailio())
    gateway = await peers.start(
        Gateway("-d", "--outbound-proxy", f"sip:127.0.0.1:{kamailio.port};transport={transport}")
    )
    phones = [
        await RtmpPhone.connect(gateway.url(f"{user}@{kamailio.domain}"), user, USERS[user])
        for user in ("alice", "bob")
    ]
    alice, bob = phones
    call = asyncio.ensure_future(alice.invite("bob", "wideband"))
    await bob.wait_for(Invited, 5)
    await bob.accept("wideband")
    await call
    await assert_tone_heard(alice, bob)
    await alice.bye()
    await bob.wait_for(Byed, 5)
    for phone in phones:
        await phone.close()
    gateway.check_clean()
