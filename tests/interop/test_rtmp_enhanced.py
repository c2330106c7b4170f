"""Enhanced RTMP: what a newer FFmpeg (PyAV's) publishes in it reaches players early and late, bit for bit."""

from pathlib import Path
from typing import NamedTuple

import pytest

from rtmp.capabilities import Capabilities, CapsEx, FourCcInfo
from rtmp.enhanced_flv import EnhancedAudio, EnhancedVideo
from rtmp.media_kind import media_kind
from rtmp.messages import MessageType
from tests.interop.conftest import Peers
from tests.interop.flv_tags import Tag, media_of, outline, read_tags
from tests.interop.live_relay import LiveRelay, OwnPlayer, relay
from tests.interop.peers.pyav import PyavEncoder, PyavPacket, PyavPlayer, PyavPublisher

__all__ = ["relay"]

HOLD_AFTER = 12
"""Pictures; every eighth is a key picture."""


class Codecs(NamedTuple):
    """Encoders, what they make as FFmpeg names it, and which FourCCs the messages carry."""

    video: str
    audio: tuple[str, ...]
    names: list[str]
    four_ccs: set[str]


CODECS = {
    "HEVC and AAC": Codecs("libx265", ("aac",), ["hevc", "aac"], {"hvc1"}),
    "AV1 and Opus": Codecs("libsvtav1", ("libopus",), ["av1", "opus"], {"av01", "Opus"}),
    "VP9 and FLAC": Codecs("libvpx-vp9", ("flac",), ["vp9", "flac"], {"vp09", "fLaC"}),
    "two tracks of audio": Codecs("libx264", ("aac", "libopus"), ["h264", "aac", "opus"], {"Opus"}),
}


@pytest.mark.parametrize("codecs", CODECS.values(), ids=CODECS.keys())
async def test_enhanced_messages_are_relayed(
    peers: Peers, relay: LiveRelay, tmp_path: Path, codecs: Codecs
) -> None:
    source, url = tmp_path / "source.flv", relay.url()
    await (await peers.start(PyavEncoder(source, codecs.video, codecs.audio))).finish()
    reference = await peers.start(PyavPlayer(source))
    await reference.finish()
    published = media_of(read_tags(source))

    own = await relay.play()
    early = await peers.start(PyavPlayer(url, codecs.four_ccs))
    await relay.wait_players(2)
    publisher = await peers.start(PyavPublisher(source, url, hold_after=HOLD_AFTER))
    await publisher.wait_held()
    late = await peers.start(PyavPlayer(url, codecs.four_ccs))
    await relay.wait_players(3)
    own_late = await relay.play()
    await publisher.go_on()

    assert await publisher.finish() == "held\n"
    await own.wait_unpublished()
    assert outline(own.tags) == outline(published)
    assert enhanced_codecs(own.tags) == codecs.four_ccs
    await own_late.wait_unpublished()
    for player in (early, late):
        assert await player.finish() == ""
        assert [stream.codec for stream in player.streams()] == codecs.names
        assert sorted(player.streams()) == sorted(reference.streams())
    assert early.packets() == reference.packets()
    check_late_packets(late.packets(), reference.packets())
    check_late_messages(own_late.tags, published)
    check_capabilities(relay, own, codecs.four_ccs)


def check_late_packets(packets: list[PyavPacket], everything: list[PyavPacket]) -> None:
    """What a late player got is the rest of the stream from a key picture on."""
    assert packets == everything[-len(packets) :]
    assert 0 < len(packets) < len(everything)
    assert packets[0].stream == 0
    assert packets[0].is_key


def check_late_messages(tags: list[Tag], published: list[Tag]) -> None:
    """A late player got the headers of all tracks first, moved to the time of what follows them."""
    headers = [tag.payload for tag in published if media_kind(tag.type_id, tag.payload).is_header]
    first, rest = tags[: len(headers)], tags[len(headers) :]
    assert [tag.payload for tag in first] == headers
    assert {tag.timestamp_ms for tag in first} == {rest[0].timestamp_ms}
    assert outline(rest) == outline(published[-len(rest) :])


def check_capabilities(relay: LiveRelay, own: OwnPlayer, four_ccs: set[str]) -> None:
    """Both players named the codecs they were told to; the relay answers that it forwards every one."""
    said = [Capabilities.from_command_object(connect.command_object) for connect in relay.connects]
    assert [set(capabilities.four_ccs) for capabilities in said].count(four_ccs) == 2
    answered = Capabilities.from_command_object(own.client.connect_info)
    assert all(FourCcInfo.CAN_FORWARD in answered.video_info(four_cc) for four_cc in four_ccs)
    assert all(FourCcInfo.CAN_FORWARD in answered.audio_info(four_cc) for four_cc in four_ccs)
    assert CapsEx.MULTITRACK in answered.caps_ex


def enhanced_codecs(tags: list[Tag]) -> set[str]:
    """The FourCCs of all messages that have one."""
    found: set[str] = set()
    for tag in tags:
        if tag.type_id == MessageType.AUDIO and tag.payload[0] >> 4 == 9:
            found |= {track.codec for track in EnhancedAudio.parse(tag.payload).tracks}
        elif tag.type_id == MessageType.VIDEO and tag.payload[0] & 0x80:
            found |= {track.codec for track in EnhancedVideo.parse(tag.payload).tracks}
    return found
