"""Digits to the peer: RFC 4733 where it was agreed on, SIP INFO where not."""

import re

import pytest

from examples.rtmp_phone import RtmpPhone
from tests.interop.conftest import Peers
from tests.interop.gateway_fixtures import gateway
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.rtp_capture import RtpCapture
from tests.interop.peers.sipp import Sipp

__all__ = ["gateway"]
pytestmark = pytest.mark.interop("sipp")


async def test_all_digits_as_telephone_events(gateway: Gateway, peers: Peers) -> None:
    async with RtpCapture(echo=True) as capture:
        callee = await peers.start(Sipp("uas_answer", rtp_port=capture.port))
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "pcmu", "dtmf")
        await phone.send_dtmf("0123456789*#ABCD")
        offered = re.search(r"a=rtpmap:(\d+) telephone-event/8000", callee.messages())
        assert offered is not None
        await capture.wait_digits("0123456789*#ABCD", int(offered[1]))
        assert capture.malformed == []
        assert capture.sequence_gaps() == 0
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()


async def test_info_where_telephone_event_was_not_agreed_on(gateway: Gateway, peers: Peers) -> None:
    callee = await peers.start(Sipp("uas_info_dtmf", keys={"digit": "5"}))
    phone = await RtmpPhone.connect(gateway.url())
    await phone.invite(callee.sip_uri(), "pcmu")
    await phone.send_dtmf("5")
    await callee.wait_message("INFO ", 5)
    await phone.bye()
    (await callee.wait()).check()
    await phone.close()
