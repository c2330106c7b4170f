"""H.264 of a call without RTP's sockets: the parameter sets that session descriptions name."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest

from benchmarks.video_ends import Client
from media_bridge.h264.avc_tag import AvcTag, sequence_header_body
from media_bridge.h264.packetizer import Packetizer
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.packet import RtpPacket
from siprtmp_b2bua.client_port import ClientPort
from siprtmp_b2bua.config import MediaConfig
from siprtmp_b2bua.h264_media import H264Media
from tests.interop.video_clip import HIGH, Clip, make_clip, nal_units
from tests.siprtmp_b2bua.test_video_decision import PEER

SMALL = make_clip(10, width=64, height=48, gop=5)
OTHER = make_clip(10, width=128, height=96, gop=5, options=HIGH | {"bf": "0"})


class NoRtp:
    """Takes what goes to the peer."""

    def send(self, payloads: Sequence[bytes], timestamp: int, *, marked: bool) -> None:
        raise AssertionError("nothing is published here")

    def map_timestamp(self, timestamp: int, at_s: float) -> None:
        raise AssertionError("nothing is published here")

    def request_key_picture(self) -> bool:
        return True

    def note_key_picture(self) -> None:
        pass


class Line:
    """A call's video, and a peer that says its parameter sets in its descriptions alone."""

    def __init__(self) -> None:
        self.client = Client()
        client: ClientPort = self.client  # type: ignore[assignment]
        self.media = H264Media("call-1", MediaConfig(), client, NoRtp(), lambda: None)
        self._numbers, self._times = count(), count(0, 3600)

    def agree(self, sprop: str) -> None:
        self.media.agree(replace(PEER, sprop_parameter_sets=sprop))

    def receive(self, clip: Clip, *, in_band: bool = False) -> None:
        sets = clip.configuration.parameter_sets if in_band else ()
        for _, body in clip.pictures:
            tag = AvcTag.parse(body)
            assert tag is not None
            timestamp = next(self._times)
            payloads = Packetizer().payloads(tag.access_unit(0, 4), sets)
            for place, payload in enumerate(payloads, 1):
                marker = place == len(payloads)
                packet = RtpPacket(96, marker, next(self._numbers), timestamp, 1, payload)
                self.media.take(OrderedPacket(packet))

    @property
    def headers(self) -> list[bytes]:
        return [tag for *_, tag in self.client.tags if tag[1] == 0]

    @property
    def pictures(self) -> list[tuple[bytes, ...]]:
        return [nal_units(tag) for *_, tag in self.client.tags if tag[1] == 1]


def sprop(clip: Clip) -> str:
    return clip.configuration.to_sprop()


def header(clip: Clip) -> bytes:
    return sequence_header_body(clip.configuration)


def seen(*clips: Clip) -> list[tuple[bytes, ...]]:
    return [nal_units(body) for clip in clips for _, body in clip.pictures]


@pytest.mark.parametrize("before", ["", "Z0IACtoHgUQ="], ids=["nothing", "an SPS alone"])
async def test_parameter_sets_of_a_later_description(before: str) -> None:
    """An early answer, or an offer without them, and then an answer or a re-INVITE that names them."""
    line = Line()
    line.agree(before)
    line.receive(SMALL)
    assert not line.pictures
    assert line.media.summary().dropped == "2 no_parameter_sets, 8 waiting"
    line.agree(sprop(SMALL))
    line.receive(SMALL)
    assert line.pictures == seen(SMALL)
    assert line.headers == [header(SMALL)]


async def test_other_parameter_sets_in_the_middle_of_the_stream() -> None:
    line = Line()
    line.agree(sprop(SMALL))
    line.receive(SMALL)
    line.media.agree(None)
    line.agree(sprop(OTHER))
    line.receive(OTHER)
    assert line.pictures == seen(SMALL, OTHER)
    assert line.headers == [header(SMALL), header(OTHER)]


async def test_what_is_said_again_is_older_than_what_came_in_band() -> None:
    line = Line()
    line.agree(sprop(SMALL))
    line.receive(OTHER, in_band=True)
    for again in (sprop(SMALL), "", sprop(SMALL)):
        line.agree(again)
        line.receive(OTHER)
    assert line.pictures == seen(*[OTHER] * 4)
    assert line.headers == [header(OTHER)]


async def test_what_cannot_be_read_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    line = Line()
    line.agree(sprop(SMALL))
    for bad in ("!", "AAAA", "Z0L/,aM4=", sprop(SMALL)):
        line.agree(bad)
    line.receive(SMALL)
    assert line.pictures == seen(SMALL)
    assert line.headers == [header(SMALL)]
    assert len([each for each in caplog.records if "passed over" in each.message]) == 3
