"""Video messages of Enhanced RTMP with modifiers and tracks: what a call takes of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.errors import CodecDataError
from media_bridge.video_tag import VideoTag
from rtmp.enhanced_flv import MAX_OFFSET_NS, EnhancedVideo, MultitrackType, Track, VideoPacketType
from rtmp.flv import FrameType
from siprtmp_b2bua.default_track import configures_default_track, default_track
from tests.interop.enhanced_tags import WRAPPINGS

PLAIN = EnhancedVideo(FrameType.KEY, VideoPacketType.CODED_FRAMES, (Track("avc1", b"picture", 0, 80),))
HEADER = EnhancedVideo(FrameType.KEY, VideoPacketType.SEQUENCE_START, (Track("avc1", b"avcC"),))
SECOND = Track("hvc1", b"another picture", 3, 40)


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
@pytest.mark.parametrize("message", [PLAIN, HEADER])
def test_is_as_if_it_were_alone(wrap: object, message: EnhancedVideo) -> None:
    wrapped = wrap(message)  # type: ignore[operator]
    assert default_track(wrapped) == message.serialize()
    assert configures_default_track(wrapped) is (message is HEADER)


@given(
    offset_ns=st.integers(0, MAX_OFFSET_NS),
    multitrack=st.sampled_from([None, *MultitrackType]),
    frame_type=st.sampled_from([FrameType.KEY, FrameType.INTER, FrameType.DISPOSABLE_INTER]),
    packet_type=st.sampled_from([VideoPacketType.CODED_FRAMES, VideoPacketType.CODED_FRAMES_X]),
    body=st.binary(max_size=40),
)
def test_any_picture(
    offset_ns: int,
    multitrack: MultitrackType | None,
    frame_type: FrameType,
    packet_type: VideoPacketType,
    body: bytes,
) -> None:
    plain = EnhancedVideo(frame_type, packet_type, (Track("av01", body),))
    wrapped = replace(plain, offset_ns=offset_ns, multitrack=multitrack).serialize()
    assert default_track(wrapped) == plain.serialize()


def test_other_tracks_are_none_of_a_calls() -> None:
    for kind in (MultitrackType.ONE_TRACK, MultitrackType.MANY_TRACKS):
        tag = replace(HEADER, tracks=(SECOND,), multitrack=kind).serialize()
        assert default_track(tag) is None
        assert not configures_default_track(tag)


@pytest.mark.parametrize("tag", [b"", b"\x27\x01\0\0\0", b"\x17\x06", b"\x90avc1", b"\x56\x07"])
def test_all_else_stays_as_it_is(tag: bytes) -> None:
    assert default_track(tag) is tag


def test_what_cannot_be_read_is_for_the_decoder_to_refuse() -> None:
    whole = WRAPPINGS["modifier, many tracks"](PLAIN)
    for size in range(1, len(whole)):
        tag = whole[:size]
        if default_track(tag) is tag:
            with pytest.raises(CodecDataError):
                VideoTag.parse(tag)
            assert not configures_default_track(tag)


def test_a_command_with_a_modifier() -> None:
    message = EnhancedVideo(FrameType.COMMAND, VideoPacketType.SEQUENCE_START, (), offset_ns=5, command=1)
    assert default_track(message.serialize()) == replace(message, offset_ns=0).serialize()
