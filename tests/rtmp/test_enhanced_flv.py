"""Enhanced RTMP's audio and video messages."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.enhanced_flv import (
    MAX_OFFSET_NS,
    AudioPacketType,
    EnhancedAudio,
    EnhancedVideo,
    MultitrackType,
    Track,
    VideoPacketType,
)
from rtmp.errors import LocalProtocolError, RemoteProtocolError
from rtmp.flv import FrameType

KEY, MANY = FrameType.KEY, MultitrackType.MANY_TRACKS
VIDEO: list[tuple[str, EnhancedVideo]] = [
    ("90 68766331 0102", EnhancedVideo(KEY, VideoPacketType.SEQUENCE_START, (Track("hvc1", b"\1\2"),))),
    (
        "a1 61766331 fffffe 07",
        EnhancedVideo(FrameType.INTER, VideoPacketType.CODED_FRAMES, (Track("avc1", b"\7", 0, -2),)),
    ),
    ("91 61763031 07", EnhancedVideo(KEY, VideoPacketType.CODED_FRAMES, (Track("av01", b"\7"),))),
    ("93 68766331 07", EnhancedVideo(KEY, VideoPacketType.CODED_FRAMES_X, (Track("hvc1", b"\7"),))),
    ("84 76703039 02", EnhancedVideo(None, VideoPacketType.METADATA, (Track("vp09", b"\2"),))),
    ("d1 01", EnhancedVideo(FrameType.COMMAND, VideoPacketType.CODED_FRAMES, (), command=1)),
    (
        "97 02 0f423f 03 68766331 07",
        EnhancedVideo(KEY, VideoPacketType.CODED_FRAMES_X, (Track("hvc1", b"\7"),), offset_ns=999_999),
    ),
    (
        "96 01 61766331 05 000007",
        EnhancedVideo(
            KEY, VideoPacketType.CODED_FRAMES, (Track("avc1", b"", 5, 7),), MultitrackType.ONE_TRACK
        ),
    ),
]
AUDIO: list[tuple[str, EnhancedAudio]] = [
    ("91 4f707573 0102", EnhancedAudio(AudioPacketType.CODED_FRAMES, (Track("Opus", b"\1\2"),))),
    ("92 6d703461", EnhancedAudio(AudioPacketType.SEQUENCE_END, (Track("mp4a"),))),
    (
        "90 4f707573 4f70757348656164 01 02 3801 80bb0000 0000 00",
        EnhancedAudio(
            AudioPacketType.SEQUENCE_START,
            (Track("Opus", b"OpusHead" + bytes.fromhex("01 02 3801 80bb0000 0000 00")),),
        ),
    ),
    (
        "90 664c6143 664c6143 80000022 1000 1000 00000e 000010 0ac442f0 00000000" + 16 * "5a",
        EnhancedAudio(
            AudioPacketType.SEQUENCE_START,
            (
                Track(
                    "fLaC",
                    b"fLaC" + bytes.fromhex("80000022 1000 1000 00000e 000010 0ac442f0 00000000" + 16 * "5a"),
                ),
            ),
        ),
    ),
    ("91 664c6143 fff8", EnhancedAudio(AudioPacketType.CODED_FRAMES, (Track("fLaC", b"\xff\xf8"),))),
    ("90 61632d33 1020", EnhancedAudio(AudioPacketType.SEQUENCE_START, (Track("ac-3", b"\x10\x20"),))),
    ("91 61632d33 0b77", EnhancedAudio(AudioPacketType.CODED_FRAMES, (Track("ac-3", b"\x0b\x77"),))),
    ("91 65632d33 0b77", EnhancedAudio(AudioPacketType.CODED_FRAMES, (Track("ec-3", b"\x0b\x77"),))),
    (
        "95 11 4f707573 00 000001 aa 01 000000",
        EnhancedAudio(AudioPacketType.CODED_FRAMES, (Track("Opus", b"\xaa"), Track("Opus", b"", 1)), MANY),
    ),
    (
        "95 20 4f707573 00 000001 aa 664c6143 01 000000",
        EnhancedAudio(
            AudioPacketType.SEQUENCE_START,
            (Track("Opus", b"\xaa"), Track("fLaC", b"", 1)),
            MultitrackType.MANY_TRACKS_MANY_CODECS,
        ),
    ),
]


@pytest.mark.parametrize(("data", "message"), VIDEO)
def test_video(data: str, message: EnhancedVideo) -> None:
    content = bytes.fromhex(data)
    assert EnhancedVideo.parse(content) == message
    assert message.serialize() == content


@pytest.mark.parametrize(("data", "message"), AUDIO)
def test_audio(data: str, message: EnhancedAudio) -> None:
    content = bytes.fromhex(data)
    assert EnhancedAudio.parse(content) == message
    assert message.serialize() == content


def test_modifiers_that_are_not_known_are_passed_over() -> None:
    chain = bytes.fromhex("97 ff 01ff" + 512 * "00" + "f7 02 0003e8 03 68766331 07")
    expected = EnhancedVideo(KEY, VideoPacketType.CODED_FRAMES_X, (Track("hvc1", b"\7"),), offset_ns=1000)
    assert EnhancedVideo.parse(chain) == expected


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("", "cut"),
        ("17", "no enhanced video"),
        ("90 687663", "cut"),
        ("97", "cut"),
        ("97 02 0000", "cut"),
        ("f1 68766331", "reserved FrameType 7"),
        ("96 31 68766331 00", "reserved MultitrackType 3"),
        ("96 06 68766331 00", "reserved VideoPacketType 6"),
        ("96 13 68766331 00 000002 07", "cut"),
        ("91 61766331 0000", "cut"),
    ],
)
def test_video_that_is_refused(data: str, error: str) -> None:
    with pytest.raises(RemoteProtocolError, match=error):
        EnhancedVideo.parse(bytes.fromhex(data))


@pytest.mark.parametrize(("data", "error"), [("af 00", "sound format 10"), ("93 00000000", "reserved")])
def test_audio_that_is_refused(data: str, error: str) -> None:
    with pytest.raises(RemoteProtocolError, match=error):
        EnhancedAudio.parse(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"tracks": ()}, "0 tracks"),
        ({"tracks": (Track("Opus"), Track("Opus"))}, "2 tracks"),
        ({"tracks": (Track("Opus"), Track("fLaC")), "multitrack": MANY}, "several codecs"),
        ({"tracks": (Track("Opu"),)}, "no FourCC"),
        ({"tracks": (Track("Opus", track_id=256),)}, "track 256"),
        ({"tracks": (Track("Opus", composition_time_ms=-(1 << 23) - 1),)}, "composition time"),
        ({"tracks": (Track("Opus"),), "offset_ns": 1_000_000}, "offset"),
    ],
)
def test_what_cannot_be_sent(fields: dict[str, Any], error: str) -> None:
    with pytest.raises(LocalProtocolError, match=error):
        EnhancedAudio(AudioPacketType.CODED_FRAMES, **fields).serialize()


@pytest.mark.parametrize("time_ms", [-(1 << 23), (1 << 23) - 1])
def test_the_extremes_of_a_composition_time(time_ms: int) -> None:
    track = Track("hvc1", b"a", composition_time_ms=time_ms)
    message = EnhancedVideo(FrameType.KEY, VideoPacketType.CODED_FRAMES, (track,))
    assert EnhancedVideo.parse(message.serialize()) == message


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    for kind in (EnhancedAudio, EnhancedVideo):
        try:
            message = kind.parse(data)
        except RemoteProtocolError:
            continue
        if message.tracks and message.offset_ns <= MAX_OFFSET_NS:
            assert kind.parse(message.serialize()) == message


def test_tracks_and_modifiers_are_bounded() -> None:
    """4 MiB of a message could be a million tracks, or modifiers."""
    head = bytes.fromhex("96 10 68766331")
    assert len(EnhancedVideo.parse(head + b"\x01\0\0\0" * 256).tracks) == 256
    modifiers = [b"\x97" + b"\0?\x07" * (count - 1) + b"\0?\x01Opus" for count in (63, 64)]
    assert EnhancedVideo.parse(modifiers[0]).tracks[0].codec == "Opus"
    for payload in (head + b"\x01\0\0\0" * 257, modifiers[1]):
        with pytest.raises(RemoteProtocolError, match=r"256 tracks|64 modifiers"):
            EnhancedVideo.parse(payload)
