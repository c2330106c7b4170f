"""What an audio or video message is to who stores or relays it: a header to keep, a picture to begin at."""

from __future__ import annotations

from enum import Enum, auto

from rtmp.flv import AacPacketType, AvcPacketType, FrameType, SoundFormat, VideoCodec
from rtmp.messages import MessageType, Payload

_ENHANCED_VIDEO = 0x80
_MOD_EX, _AUDIO_MULTITRACK, _VIDEO_MULTITRACK = 7, 5, 6
_LONG_MODIFIER = 256
_SEQUENCE_START, _SEQUENCE_END = 0, 2
_CODED_FRAMES = (1, 3)
_SEQUENCE_CODECS = (VideoCodec.AVC, VideoCodec.HEVC)


class MediaKind(Enum):
    """Kinds of message; OTHER has no frame, such as the end of a sequence or the command of a seek."""

    AUDIO_HEADER = auto()
    AUDIO = auto()
    VIDEO_HEADER = auto()
    KEY_FRAME = auto()
    INTER_FRAME = auto()
    OTHER = auto()

    @property
    def is_header(self) -> bool:
        """Whether a decoder needs it before all that follows."""
        return self in (MediaKind.AUDIO_HEADER, MediaKind.VIDEO_HEADER)


def media_kind(type_id: int, payload: Payload) -> MediaKind:
    """Return the kind of a message, of which the first 32 bytes are enough. Cut or unknown ones are OTHER."""
    try:
        if type_id == MessageType.AUDIO:
            return _audio_kind(payload)
        if type_id == MessageType.VIDEO:
            return _video_kind(payload)
    except IndexError:
        pass
    return MediaKind.OTHER


def _audio_kind(payload: Payload) -> MediaKind:
    sound_format = payload[0] >> 4
    if sound_format == SoundFormat.ENHANCED:
        packet_type = _enhanced_packet_type(payload, _AUDIO_MULTITRACK)
        if packet_type == _SEQUENCE_START:
            return MediaKind.AUDIO_HEADER
        return MediaKind.AUDIO if packet_type in _CODED_FRAMES else MediaKind.OTHER
    if sound_format == SoundFormat.AAC and payload[1] == AacPacketType.SEQUENCE_HEADER:
        return MediaKind.AUDIO_HEADER
    return MediaKind.AUDIO


def _video_kind(payload: Payload) -> MediaKind:
    first = payload[0]
    if first >> 4 & 7 == FrameType.COMMAND:
        return MediaKind.OTHER
    if first & _ENHANCED_VIDEO:
        packet_type = _enhanced_packet_type(payload, _VIDEO_MULTITRACK)
        if packet_type == _SEQUENCE_START:
            return MediaKind.VIDEO_HEADER
        if packet_type not in _CODED_FRAMES:
            return MediaKind.OTHER
    elif first & 15 in _SEQUENCE_CODECS:
        if payload[1] == AvcPacketType.SEQUENCE_HEADER:
            return MediaKind.VIDEO_HEADER
        if payload[1] == AvcPacketType.END_OF_SEQUENCE:
            return MediaKind.OTHER
    return MediaKind.KEY_FRAME if first >> 4 & 7 == FrameType.KEY else MediaKind.INTER_FRAME


def _enhanced_packet_type(payload: Payload, multitrack: int) -> int:
    """Return what kind of packet an Enhanced RTMP message has behind its modifiers, see `enhanced_flv`."""
    at, kind = 1, payload[0] & 15
    while kind == _MOD_EX:
        size = payload[at] + 1
        at += 1
        if size == _LONG_MODIFIER:
            size = int.from_bytes(payload[at : at + 2], "big") + 1
            at += 2
        at += size
        kind = payload[at] & 15
        at += 1
    return payload[at] & 15 if kind == multitrack else kind
