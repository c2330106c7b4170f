from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.errors import LocalProtocolError, RemoteProtocolError
from rtmp.flv import (
    AacPacketType,
    AudioTagHeader,
    AvcPacketType,
    FrameType,
    SoundFormat,
    VideoCodec,
    VideoTagHeader,
)

AUDIO = [
    ("b2", AudioTagHeader(SoundFormat.SPEEX, 5512, 16, 1)),
    ("b6", AudioTagHeader(SoundFormat.SPEEX, 11025, 16, 1)),
    ("af01", AudioTagHeader(SoundFormat.AAC, 44100, 16, 2, AacPacketType.RAW)),
    ("af00", AudioTagHeader(SoundFormat.AAC, 44100, 16, 2, AacPacketType.SEQUENCE_HEADER)),
    ("72", AudioTagHeader(SoundFormat.PCMA, 5512, 16, 1)),
    ("80", AudioTagHeader(SoundFormat.PCMU, 5512, 8, 1)),
]
VIDEO = [
    ("1700000000", VideoTagHeader(FrameType.KEY, VideoCodec.AVC, AvcPacketType.SEQUENCE_HEADER)),
    ("2701ffffd8", VideoTagHeader(FrameType.INTER, VideoCodec.AVC, AvcPacketType.NAL_UNITS, -40)),
    ("22", VideoTagHeader(FrameType.INTER, VideoCodec.SORENSON_H263)),
]


@pytest.mark.parametrize(("data", "header"), AUDIO)
def test_audio_vectors(data: str, header: AudioTagHeader) -> None:
    content = bytes.fromhex(data)
    assert AudioTagHeader.parse(memoryview(content + b"rest")) == header
    assert header.serialize() == content
    assert header.size == len(content)


@pytest.mark.parametrize(("data", "header"), VIDEO)
def test_video_vectors(data: str, header: VideoTagHeader) -> None:
    content = bytes.fromhex(data)
    assert VideoTagHeader.parse(memoryview(content + b"rest")) == header
    assert header.serialize() == content
    assert header.size == len(content)


@given(st.binary(min_size=5, max_size=5))
def test_parsed_headers_serialize_to_the_same_bytes(data: bytes) -> None:
    for kind in (AudioTagHeader, VideoTagHeader):
        try:
            header = kind.parse(data)
        except RemoteProtocolError:
            continue
        assert header.serialize() == data[: header.size]


@pytest.mark.parametrize("data", ["", "af", "af05", "c2", "d2"])
def test_refused_audio(data: str) -> None:
    with pytest.raises(RemoteProtocolError):
        AudioTagHeader.parse(bytes.fromhex(data))


@pytest.mark.parametrize("data", ["", "17", "17010000", "1703000000", "07", "1f"])
def test_refused_video(data: str) -> None:
    with pytest.raises(RemoteProtocolError):
        VideoTagHeader.parse(bytes.fromhex(data))


def test_what_flv_cannot_say() -> None:
    with pytest.raises(LocalProtocolError, match="sound rate 16000"):
        AudioTagHeader(SoundFormat.SPEEX, 16000).serialize()
    with pytest.raises(LocalProtocolError, match="composition time"):
        VideoTagHeader(FrameType.KEY, VideoCodec.AVC, AvcPacketType.NAL_UNITS, 1 << 23).serialize()
