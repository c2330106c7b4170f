"""Video tags as clients of Enhanced RTMP publish them: codecs by FourCC, with modifiers and tracks."""

from collections.abc import Callable
from dataclasses import replace

from media_bridge.video_tag import VideoTag, VideoTagKind
from rtmp.enhanced_flv import EnhancedVideo, MultitrackType, Track, VideoPacketType
from rtmp.flv import FrameType
from tests.interop.video_clip import Clip

_OTHER = Track("hvc1", b"a picture of another camera", 2)


def _with_another(message: EnhancedVideo, kind: MultitrackType, codec: str) -> bytes:
    other = replace(_OTHER, codec=codec)
    return replace(message, tracks=(other, *message.tracks), multitrack=kind).serialize()


WRAPPINGS: dict[str, Callable[[EnhancedVideo], bytes]] = {
    "plain": EnhancedVideo.serialize,
    "modifier": lambda message: replace(message, offset_ns=500_000).serialize(),
    "one track": lambda message: replace(message, multitrack=MultitrackType.ONE_TRACK).serialize(),
    "many tracks": lambda message: _with_another(message, MultitrackType.MANY_TRACKS, "avc1"),
    "many codecs": lambda message: _with_another(message, MultitrackType.MANY_TRACKS_MANY_CODECS, "hvc1"),
    "modifier, many tracks": lambda message: _with_another(
        replace(message, offset_ns=1), MultitrackType.MANY_TRACKS, "avc1"
    ),
}
"""A message of one track, and each way to say the same."""


def enhanced(body: bytes) -> EnhancedVideo:
    """Return a message of H.264 with the codec as a FourCC."""
    tag = VideoTag.parse(body)
    is_header = tag.kind is VideoTagKind.CONFIGURATION
    return EnhancedVideo(
        FrameType.KEY if tag.is_key else FrameType.INTER,
        VideoPacketType.SEQUENCE_START if is_header else VideoPacketType.CODED_FRAMES,
        (Track("avc1", bytes(tag.data), 0, tag.composition_time_ms),),
    )


def enhanced_clip(clip: Clip, wrap: Callable[[EnhancedVideo], bytes]) -> Clip:
    """Return a clip as a client of Enhanced RTMP publishes it."""
    pictures = tuple((time_ms, wrap(enhanced(body))) for time_ms, body in clip.pictures)
    return Clip(wrap(enhanced(clip.header)), pictures)
