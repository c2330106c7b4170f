"""Video messages: codec, kind, and where the data begins."""

import pytest

from media_bridge.errors import CodecDataError
from media_bridge.h264.avc_tag import AvcTag, AvcTagKind
from media_bridge.video_tag import VideoCodec, VideoTag, VideoTagKind, is_configuration
from rtmp.enhanced_flv import EnhancedVideo, Track, VideoPacketType
from rtmp.flv import FrameType

NO_DATA = b"\0\0\0"


@pytest.mark.parametrize(
    ("body", "codec", "kind", "is_key", "composition_time_ms", "data"),
    [
        (b"\x12ab", VideoCodec.SORENSON_H263, VideoTagKind.PICTURE, True, 0, b"ab"),
        (b"\x32ab", VideoCodec.SORENSON_H263, VideoTagKind.PICTURE, False, 0, b"ab"),
        (b"\x24\x00ab", VideoCodec.VP6, VideoTagKind.PICTURE, False, 0, b"\x00ab"),
        (b"\x17\x00" + NO_DATA + b"ab", VideoCodec.AVC, VideoTagKind.CONFIGURATION, True, 0, b"ab"),
        (b"\x27\x01\xff\xff\xfeab", VideoCodec.AVC, VideoTagKind.PICTURE, False, -2, b"ab"),
        (b"\x17\x02" + NO_DATA, VideoCodec.AVC, VideoTagKind.OTHER, True, 0, b""),
        (b"\x57\x00", VideoCodec.AVC, VideoTagKind.OTHER, False, 0, b"\x00"),
        (b"\x1c\x01\0\0\x05ab", VideoCodec.HEVC, VideoTagKind.PICTURE, True, 5, b"ab"),
    ],
)
def test_codecs_by_number(
    body: bytes, codec: VideoCodec, kind: VideoTagKind, is_key: bool, composition_time_ms: int, data: bytes
) -> None:
    tag = VideoTag.parse(body)
    assert (tag.codec, tag.kind, tag.is_key) == (codec, kind, is_key)
    assert (tag.composition_time_ms, bytes(tag.data)) == (composition_time_ms, data)
    assert is_configuration(body) is (kind is VideoTagKind.CONFIGURATION)


@pytest.mark.parametrize(
    ("fourcc", "codec"),
    [
        ("avc1", VideoCodec.AVC),
        ("hvc1", VideoCodec.HEVC),
        ("vp08", VideoCodec.VP8),
        ("vp09", VideoCodec.VP9),
        ("av01", VideoCodec.AV1),
    ],
)
@pytest.mark.parametrize("packet_type", VideoPacketType)
def test_codecs_by_fourcc(fourcc: str, codec: VideoCodec, packet_type: VideoPacketType) -> None:
    is_timed = packet_type is VideoPacketType.CODED_FRAMES and fourcc in ("avc1", "hvc1")
    track = Track(fourcc, b"abcd", composition_time_ms=-7 if is_timed else 0)
    body = EnhancedVideo(FrameType.KEY, packet_type, (track,)).serialize()
    tag = VideoTag.parse(body)
    kinds = {0: VideoTagKind.CONFIGURATION, 1: VideoTagKind.PICTURE, 3: VideoTagKind.PICTURE}
    assert (tag.codec, tag.kind) == (codec, kinds.get(packet_type, VideoTagKind.OTHER))
    assert is_configuration(body) is (tag.kind is VideoTagKind.CONFIGURATION)
    if tag.kind is not VideoTagKind.OTHER:
        assert (tag.is_key, tag.composition_time_ms, bytes(tag.data)) == (
            True,
            track.composition_time_ms,
            b"abcd",
        )


def test_enhanced_h264_is_written_as_flash_writes_it() -> None:
    track = Track("avc1", b"abcd", composition_time_ms=40)
    body = EnhancedVideo(FrameType.INTER, VideoPacketType.CODED_FRAMES, (track,)).serialize()
    tag = AvcTag.parse(VideoTag.parse(body).to_avc_body())
    assert tag is not None
    assert (tag.kind, tag.composition_time_ms, bytes(tag.data)) == (AvcTagKind.PICTURE, 40, b"abcd")


@pytest.mark.parametrize("body", [b"", b"\x18", b"\x17\x01\0", b"\x90", b"\x90abcd", b"\x91hvc1\0\0"])
def test_what_is_no_video_message(body: bytes) -> None:
    with pytest.raises(CodecDataError):
        VideoTag.parse(body)
