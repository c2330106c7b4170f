from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.enhanced_flv import (
    AudioPacketType,
    EnhancedAudio,
    EnhancedVideo,
    MultitrackType,
    Track,
    VideoPacketType,
)
from rtmp.flv import FrameType
from rtmp.messages import MessageType
from rtmp.stream_start import StreamStart, is_audio_header, is_keyframe, is_video_header

KEY, INTER = FrameType.KEY, FrameType.INTER


def video(packet_type: VideoPacketType, frame_type: FrameType = KEY, **options: int) -> bytes:
    multitrack = MultitrackType.ONE_TRACK if "track_id" in options else None
    track = Track("hvc1", b"data", options.get("track_id", 0))
    return EnhancedVideo(
        frame_type, packet_type, (track,), multitrack, options.get("offset_ns", 0)
    ).serialize()


def audio(packet_type: AudioPacketType, **options: int) -> bytes:
    multitrack = MultitrackType.ONE_TRACK if "track_id" in options else None
    track = Track("Opus", b"data", options.get("track_id", 0))
    return EnhancedAudio(packet_type, (track,), multitrack, options.get("offset_ns", 0)).serialize()


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\xaf\x00\x12\x10", True),
        (b"\xaf\x01data", False),
        (b"\xaf", False),
        (b"\xb2\x00", False),
        (b"", False),
        (audio(AudioPacketType.SEQUENCE_START), True),
        (audio(AudioPacketType.MULTICHANNEL_CONFIG), True),
        (audio(AudioPacketType.SEQUENCE_START, track_id=3), True),
        (audio(AudioPacketType.SEQUENCE_START, offset_ns=5), True),
        (audio(AudioPacketType.CODED_FRAMES), False),
        (audio(AudioPacketType.CODED_FRAMES, track_id=3), False),
        (audio(AudioPacketType.CODED_FRAMES, offset_ns=5), False),
        (b"\x97\xff", False),
    ],
)
def test_audio_headers(payload: bytes, expected: bool) -> None:
    assert is_audio_header(payload) is expected
    assert is_audio_header(memoryview(payload)) is expected


@pytest.mark.parametrize(
    ("payload", "header", "keyframe"),
    [
        (b"\x17\x00\x00\x00\x00avcC", True, False),
        (b"\x1c\x00\x00\x00\x00hvcC", True, False),
        (b"\x17\x01\x00\x00\x00", False, True),
        (b"\x27\x01\x00\x00\x00", False, False),
        (b"\x17\x02\x00\x00\x00", False, False),
        (b"\x12\x00", False, True),  # Sorenson's H.263 has no headers
        (b"\x22\x00", False, False),
        (b"\x17", False, False),
        (b"", False, False),
        (video(VideoPacketType.SEQUENCE_START), True, False),
        (video(VideoPacketType.SEQUENCE_START, track_id=1), True, False),
        (video(VideoPacketType.MPEG2_TS_SEQUENCE_START), True, False),
        (video(VideoPacketType.METADATA), True, False),
        (video(VideoPacketType.CODED_FRAMES), False, True),
        (video(VideoPacketType.CODED_FRAMES_X), False, True),
        (video(VideoPacketType.CODED_FRAMES_X, INTER), False, False),
        (video(VideoPacketType.CODED_FRAMES, track_id=1), False, True),
        (video(VideoPacketType.CODED_FRAMES, offset_ns=9), False, True),
        (video(VideoPacketType.SEQUENCE_START, offset_ns=9), True, False),
        (video(VideoPacketType.SEQUENCE_END), False, False),
        (b"\x97\xff", False, False),
    ],
)
def test_video_headers_and_keyframes(payload: bytes, header: bool, keyframe: bool) -> None:
    assert (is_video_header(payload), is_keyframe(payload)) == (header, keyframe)


def test_the_newest_header_of_each_kind_and_track_is_kept() -> None:
    start = StreamStart()
    buffer = bytearray(b"\xaf\x00old")
    assert start.note_audio(buffer)
    buffer[:] = b"\xaf\x01xxx"
    assert not start.note_audio(buffer)
    assert not start.note_video(b"\x17\x01\x00\x00\x00")
    avc, tracks = b"\x17\x00\x00\x00\x00", [video(VideoPacketType.SEQUENCE_START, track_id=n) for n in (1, 2)]
    for payload in (avc, *tracks, avc + b"new", *tracks):
        assert start.note_video(payload)
    assert list(start.headers) == [
        (MessageType.AUDIO, b"\xaf\x00old"),
        (MessageType.VIDEO, avc + b"new"),
        *((MessageType.VIDEO, track) for track in tracks),
    ]
    start.note_audio(b"\xaf\x00new")
    assert next(start.headers) == (MessageType.AUDIO, b"\xaf\x00new")


def test_headers_are_bounded() -> None:
    start = StreamStart()
    for number in range(200):
        start.note_video(video(VideoPacketType.SEQUENCE_START, track_id=number))
    assert len(list(start.headers)) == 32


@given(st.binary(max_size=12))
def test_any_bytes_are_judged(payload: bytes) -> None:
    start = StreamStart()
    assert start.note_audio(payload) is is_audio_header(payload)
    assert start.note_video(payload) is is_video_header(payload)
    assert not (is_keyframe(payload) and is_video_header(payload))
