"""The second test of the original siprtmp: an RTMP client and a SIP system, Asterisk, call each other."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from examples.phone_events import Byed, Cancelled, Invited, Ringing
from examples.rtmp_phone import CallRefused, RtmpPhone
from tests.interop.conftest import Peers
from tests.interop.gateway_fixtures import gateway
from tests.interop.peers.asterisk import Asterisk
from tests.interop.peers.gateway import Gateway
from tests.interop.signals import assert_tone_heard

__all__ = ["gateway"]


@pytest.fixture
async def asterisk(peers: Peers) -> Asterisk:
    """The PBX."""
    return await peers.start(Asterisk())


@pytest.fixture
async def alice(gateway: Gateway, asterisk: Asterisk) -> AsyncIterator[RtmpPhone]:
    """A client registered as alice; afterwards no channel of hers is left in the PBX."""
    url = gateway.url(f"alice@127.0.0.1:{asterisk.address[1]}")
    phone = await RtmpPhone.connect(url, "alice", "alice-secret", "Alice")
    yield phone
    await phone.close()
    await asterisk.wait_channels(0)


async def test_calls_of_every_kind(alice: RtmpPhone, asterisk: Asterisk) -> None:
    """One start of the PBX serves them all: it takes longer than the calls."""
    for codec in ("wideband", "narrowband", "pcmu", "pcma", "ulaw"):
        await echo(alice, asterisk, codec)
    await refusals(alice, asterisk)
    await dtmf(alice, asterisk)
    await the_pbx_hangs_up(alice, asterisk)
    await cancel(alice, asterisk)
    await called_and_hung_up(alice, asterisk)
    await called_and_rejecting(alice, asterisk)
    await caller_gives_up(alice, asterisk)


async def echo(alice: RtmpPhone, asterisk: Asterisk, codec: str) -> None:
    """Hear what was said."""
    await alice.invite(asterisk.sip_uri("echo"), codec, "dtmf")
    await assert_tone_heard(alice, seconds=1.0)
    await alice.bye()
    await asterisk.wait_channels(0)


async def refusals(alice: RtmpPhone, asterisk: Asterisk) -> None:
    """Hear why not."""
    for extension, status in (("busy", "486"), ("forbidden", "403"), ("congestion", "503")):
        with pytest.raises(CallRefused, match=f"^{status}"):
            await alice.invite(asterisk.sip_uri(extension))


async def dtmf(alice: RtmpPhone, asterisk: Asterisk) -> None:
    """Digits arrive, each once, in order."""
    await alice.invite(asterisk.sip_uri("dtmf"), "pcmu", "dtmf")
    await alice.send_dtmf("159*0#")
    await asterisk.wait_dtmf("159*0#")
    await alice.bye()


async def the_pbx_hangs_up(alice: RtmpPhone, asterisk: Asterisk) -> None:
    """Hear the end of the call."""
    await alice.invite(asterisk.sip_uri("hangup-after"))
    await alice.wait_for(Byed, 5)


async def cancel(alice: RtmpPhone, asterisk: Asterisk) -> None:
    """Give up while it rings."""
    call = asyncio.ensure_future(alice.invite(asterisk.sip_uri("ring")))
    await alice.wait_for(Ringing, 5)
    await alice.bye()
    await asterisk.wait_channels(0)
    call.cancel()


async def called_and_hung_up(alice: RtmpPhone, asterisk: Asterisk) -> None:
    """Be called, talk to the echo, be hung up."""
    origination = asyncio.ensure_future(asterisk.originate("alice", "Echo"))
    await alice.wait_for(Invited, 5)
    await alice.accept("ulaw", "wideband")
    await assert_tone_heard(alice, seconds=1.0)
    await origination
    await asterisk.hang_up_all()
    await alice.wait_for(Byed, 5)


async def called_and_rejecting(alice: RtmpPhone, asterisk: Asterisk) -> None:
    """Be called and refuse."""
    origination = asyncio.ensure_future(asterisk.originate("alice", "Echo"))
    await alice.wait_for(Invited, 5)
    await alice.reject()
    await origination
    await asterisk.wait_channels(0)


async def caller_gives_up(alice: RtmpPhone, asterisk: Asterisk) -> None:
    """Be called until the PBX gives up."""
    origination = asyncio.ensure_future(asterisk.originate("alice", "Echo"))
    await alice.wait_for(Invited, 5)
    await asterisk.hang_up_all()
    await alice.wait_for(Cancelled, 5)
    await origination
