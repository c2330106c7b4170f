"""What a message is to a relay, told by its first bytes: a decoder's configuration, a key picture, ...

Reads the tag headers of FLV (10.1, annex E.4) and those of Enhanced RTMP, no further than it must: it runs
for every message of every stream. It never fails: what it does not know is passed on as any other message.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from rtmp.enhanced_flv import AudioPacketType, EnhancedAudio, EnhancedVideo, VideoPacketType
from rtmp.errors import RemoteProtocolError
from rtmp.flv import AacPacketType, AvcPacketType, FrameType, SoundFormat, VideoCodec
from rtmp.messages import MessageType, Payload


class MediaKind(Enum):
    """The part that a message plays in its stream, if it is a special one."""

    KEY_PICTURE = auto()
    """A picture at which a decoder can begin."""
    PICTURE = auto()
    VIDEO_HEADER = auto()
    """The configuration of the video decoder."""
    AUDIO_HEADER = auto()
    """The configuration of the audio decoder."""
    METADATA = auto()
    NO_METADATA = auto()
    """The metadata so far are void."""


_ON_METADATA: Final = b"\x02\x00\x0aonMetaData"
_CLEAR: Final = b"\x02\x00\x0f@clearDataFrame"
_ENHANCED: Final = 0x80
_PACKET_TYPE: Final = 0x0F
_AAC: Final = SoundFormat.AAC << 4
_ENHANCED_SOUND: Final = SoundFormat.ENHANCED << 4
_AUDIO_HEADERS: Final = (AudioPacketType.SEQUENCE_START, AudioPacketType.MULTICHANNEL_CONFIG)
_VIDEO_HEADERS: Final = (VideoPacketType.SEQUENCE_START, VideoPacketType.MPEG2_TS_SEQUENCE_START)
_CODED: Final = (VideoPacketType.CODED_FRAMES, VideoPacketType.CODED_FRAMES_X)
_CONFIGURED: Final = (VideoCodec.AVC, VideoCodec.HEVC)

# The kinds that the type and two bytes decide, as they come: a stream has a handful.
_known: dict[int, MediaKind | None] = {}
_MAX_KNOWN: Final = 1024


def media_kind(type_id: int, payload: Payload) -> MediaKind | None:
    """Return what is special about a message of a live stream, None if it is nothing."""
    if len(payload) < 2:
        return None
    start = type_id << 16 | payload[0] << 8 | payload[1]
    if start in _known:
        return _known[start]
    if type_id == MessageType.AUDIO:
        kind = _audio_kind(payload)
        decided = payload[0] & 0xF0 != _ENHANCED_SOUND
    elif type_id == MessageType.VIDEO:
        kind = _video_kind(payload)
        decided = not payload[0] & _ENHANCED
    else:
        return _data_kind(payload)
    if decided and len(_known) < _MAX_KNOWN:
        _known[start] = kind
    return kind


def _data_kind(payload: Payload) -> MediaKind | None:
    if payload[: len(_ON_METADATA)] == _ON_METADATA:
        return MediaKind.METADATA
    return MediaKind.NO_METADATA if payload[: len(_CLEAR)] == _CLEAR else None


def _audio_kind(payload: Payload) -> MediaKind | None:
    sound_format = payload[0] & 0xF0
    if sound_format == _AAC:
        return MediaKind.AUDIO_HEADER if payload[1] == AacPacketType.SEQUENCE_HEADER else None
    if sound_format != _ENHANCED_SOUND:
        return None
    packet_type = payload[0] & _PACKET_TYPE
    if packet_type > AudioPacketType.SEQUENCE_END:
        try:
            packet_type = EnhancedAudio.parse(payload).packet_type
        except RemoteProtocolError:
            return None
    return MediaKind.AUDIO_HEADER if packet_type in _AUDIO_HEADERS else None


def _video_kind(payload: Payload) -> MediaKind | None:
    first = payload[0]
    frame_type = first >> 4 & 7
    if first & _ENHANCED:
        return _enhanced_video_kind(payload, frame_type)
    if frame_type == FrameType.COMMAND:
        return None
    if first & _PACKET_TYPE in _CONFIGURED and payload[1] != AvcPacketType.NAL_UNITS:
        return MediaKind.VIDEO_HEADER if payload[1] == AvcPacketType.SEQUENCE_HEADER else None
    return MediaKind.KEY_PICTURE if frame_type == FrameType.KEY else MediaKind.PICTURE


def _enhanced_video_kind(payload: Payload, frame_type: int) -> MediaKind | None:
    packet_type = payload[0] & _PACKET_TYPE
    if packet_type > VideoPacketType.MPEG2_TS_SEQUENCE_START:
        try:
            packet_type = EnhancedVideo.parse(payload).packet_type
        except RemoteProtocolError:
            return None
    if packet_type in _CODED and frame_type != FrameType.COMMAND:
        return MediaKind.KEY_PICTURE if frame_type == FrameType.KEY else MediaKind.PICTURE
    return MediaKind.VIDEO_HEADER if packet_type in _VIDEO_HEADERS else None
