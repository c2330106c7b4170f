"""The first test of the original siprtmp: two RTMP clients call each other through a SIP server."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from examples.phone_events import Byed, Cancelled, Holded, Invited, Ringing
from examples.rtmp_phone import CallRefused, RtmpPhone
from tests.interop.conftest import Peers
from tests.interop.gateway_fixtures import gateway
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.kamailio import USERS, Kamailio
from tests.interop.signals import Listener, assert_tone_heard, send_tone, tone_share

__all__ = ["gateway"]
pytestmark = pytest.mark.interop("kamailio")


@pytest.fixture
async def kamailio(peers: Peers) -> Kamailio:
    """The SIP server."""
    return await peers.start(Kamailio())


@pytest.fixture
async def alice(gateway: Gateway, kamailio: Kamailio) -> AsyncIterator[RtmpPhone]:
    """A client registered as alice."""
    phone = await connect(gateway, kamailio, "alice")
    yield phone
    await phone.close()


@pytest.fixture
async def bob(gateway: Gateway, kamailio: Kamailio) -> AsyncIterator[RtmpPhone]:
    """A client registered as bob."""
    phone = await connect(gateway, kamailio, "bob")
    yield phone
    await phone.close()


async def connect(gateway: Gateway, kamailio: Kamailio, user: str) -> RtmpPhone:
    """Connect and register."""
    url = gateway.url(f"{user}@127.0.0.1:{kamailio.port}")
    return await RtmpPhone.connect(url, user, USERS[user], user.title())


@pytest.mark.undisturbed
@pytest.mark.parametrize("codec", ["wideband", "narrowband", "pcmu", "pcma"])
async def test_both_hear_each_other(alice: RtmpPhone, bob: RtmpPhone, kamailio: Kamailio, codec: str) -> None:
    call = asyncio.ensure_future(alice.invite(kamailio.sip_uri("bob"), codec, "dtmf"))
    invited = await bob.wait_for(Invited, 5)
    assert "alice@" in invited.caller and '"Alice"' in invited.caller
    assert "bob@" in invited.called
    assert (await alice.wait_for(Ringing, 5)).status == "180 Ringing"
    await bob.accept(codec, "dtmf")
    accepted = await call
    assert accepted.audio == ("speex" if codec.endswith("band") else codec)
    await asyncio.gather(
        assert_tone_heard(alice, bob, seconds=1.0, frequency_hz=600),
        assert_tone_heard(bob, alice, seconds=1.0, frequency_hz=1000),
    )
    await bob.bye()
    await alice.wait_for(Byed, 5)


@pytest.mark.undisturbed
async def test_a_silent_client_hears_from_the_first_frame_on(alice: RtmpPhone, bob: RtmpPhone) -> None:
    # Of a steady tone, Speex codes little more than that it goes on: one frame missed at its beginning and
    # the decoder never gets it right, but louder and louder.
    call = asyncio.ensure_future(alice.invite("bob", "wideband"))
    await bob.wait_for(Invited, 5)
    await bob.accept("wideband")
    await call
    listener = Listener(bob)
    await send_tone(alice, 1.5)
    shares = [share for frame in listener.frames if (share := tone_share(frame)) > 0]
    assert len(shares) > 60
    assert min(shares[5:-5]) > 0.9


async def test_a_bare_name_is_of_the_own_domain(alice: RtmpPhone, bob: RtmpPhone) -> None:
    call = asyncio.ensure_future(alice.invite("bob"))
    await bob.wait_for(Invited, 5)
    await bob.accept()
    await call
    await alice.bye()
    await bob.wait_for(Byed, 5)


async def test_the_caller_cancels(alice: RtmpPhone, bob: RtmpPhone) -> None:
    call = asyncio.ensure_future(alice.invite("bob"))
    await bob.wait_for(Invited, 5)
    await alice.wait_for(Ringing, 5)
    await alice.bye()
    cancelled = await bob.wait_for(Cancelled, 5)
    assert "alice@" in cancelled.caller
    call.cancel()


async def test_the_callee_rejects(alice: RtmpPhone, bob: RtmpPhone) -> None:
    call = asyncio.ensure_future(alice.invite("bob"))
    await bob.wait_for(Invited, 5)
    await bob.reject()
    with pytest.raises(CallRefused, match="486 Busy Here"):
        await call


async def test_calling_someone_who_is_not_there(alice: RtmpPhone, kamailio: Kamailio) -> None:
    with pytest.raises(CallRefused, match=r"^480"):
        await alice.invite(kamailio.sip_uri("carol"))
    with pytest.raises(CallRefused, match=r"^404"):
        await alice.invite(kamailio.sip_uri("nobody"))


async def test_hold_and_back(alice: RtmpPhone, bob: RtmpPhone) -> None:
    call = asyncio.ensure_future(alice.invite("bob", "pcmu"))
    await bob.wait_for(Invited, 5)
    await bob.accept("pcmu")
    await call
    await alice.hold(True)
    assert (await bob.wait_for(Holded, 5)).held is True
    await alice.hold(False)
    assert (await bob.wait_for(Holded, 5)).held is False
    await assert_tone_heard(alice, bob)
    await alice.bye()
    await bob.wait_for(Byed, 5)


async def test_a_forked_call_rings_at_two_gateways_and_one_answer_ends_it(
    gateway: Gateway, kamailio: Kamailio, alice: RtmpPhone, peers: Peers
) -> None:
    other = await peers.start(Gateway())
    base = f"bob@127.0.0.1:{kamailio.port}"
    desk = await RtmpPhone.connect(gateway.url(f"{base}/desk"), "bob", USERS["bob"])
    mobile = await RtmpPhone.connect(other.url(f"{base}/mobile"), "bob", USERS["bob"])
    call = asyncio.ensure_future(alice.invite("bob"))
    await desk.wait_for(Invited, 5)
    await mobile.wait_for(Invited, 5)
    await mobile.accept()
    await call
    await desk.wait_for(Cancelled, 5)
    await alice.bye()
    await mobile.wait_for(Byed, 5)
    await desk.close()
    await mobile.close()
