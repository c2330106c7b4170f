"""What the gateway says in `connect` of the codecs that Enhanced RTMP names."""

from __future__ import annotations

import av
import pytest

from media_bridge.codecs.video_decoder import _NAMES
from media_bridge.video_tag import FOUR_CCS, VideoTag
from rtmp.aio import RtmpClient
from rtmp.capabilities import Capabilities, CapsEx, FourCcInfo
from tests.interop.peers.ports import HOST
from tests.siprtmp_b2bua.running_gateway import gateway


async def test_a_caller_hears_which_codecs_are_decoded() -> None:
    async with gateway() as running:
        url = f"rtmp://{HOST}:{running.port}/sip/bob@{HOST}"
        client = await RtmpClient.connect(url, "bob", "", "Bob")
        capabilities = client.server_capabilities
        assert set(capabilities.four_ccs) == {"avc1", "hvc1", "vp08", "vp09", "av01"}
        assert capabilities.video == dict.fromkeys(capabilities.four_ccs, FourCcInfo.CAN_DECODE)
        assert capabilities.audio == {}
        assert capabilities.caps_ex is CapsEx.NONE
        client.close()
        await client.closed
        viewer = await running.connect()
        assert viewer.server_capabilities != Capabilities()
        viewer.close()
        await viewer.closed


@pytest.mark.parametrize("four_cc", FOUR_CCS)
def test_each_codec_that_is_named_can_be_decoded(four_cc: str) -> None:
    tag = VideoTag.parse(b"\x90" + four_cc.encode())
    assert av.Codec(_NAMES[tag.codec], "r").is_decoder
