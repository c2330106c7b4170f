"""What a message is to who stores or relays it: a header to keep, a picture to begin at, ...

Reads the tag headers of FLV (10.1, annex E.4) and those of Enhanced RTMP, no further than it must: it runs
for every message of every stream.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from rtmp.enhanced_flv import AudioPacketType, VideoPacketType
from rtmp.flv import AacPacketType, AvcPacketType, FrameType, SoundFormat, VideoCodec
from rtmp.messages import MessageType, Payload

_ENHANCED_VIDEO = 0x80
_MOD_EX, _AUDIO_MULTITRACK, _VIDEO_MULTITRACK = 7, 5, 6
_LONG_MODIFIER = 256
PREFIX_SIZE: Final = 32
"""Bytes of a payload that are looked at."""
_VIDEO_HEADERS = (VideoPacketType.SEQUENCE_START, VideoPacketType.MPEG2_TS_SEQUENCE_START)
_CODED_FRAMES = (VideoPacketType.CODED_FRAMES, VideoPacketType.CODED_FRAMES_X)
_SEQUENCE_CODECS = (VideoCodec.AVC, VideoCodec.HEVC)
_FEW = 4
"""Second bytes from here on mean the same, but of multitrack messages."""
_ON_METADATA = b"\x02\x00\x0aonMetaData"
_CLEAR = b"\x02\x00\x0f@clearDataFrame"


class MediaKind(Enum):
    """Kinds of message; OTHER has no frame, such as the end of a sequence or the command of a seek."""

    AUDIO_HEADER = auto()
    AUDIO_CHANNELS = auto()
    """Where its channels belong (Enhanced RTMP, MultichannelConfig); comes beside the header."""
    AUDIO = auto()
    VIDEO_HEADER = auto()
    VIDEO_METADATA = auto()
    """The colours of its pictures (Enhanced RTMP, Metadata); comes beside the header."""
    KEY_FRAME = auto()
    INTER_FRAME = auto()
    METADATA = auto()
    NO_METADATA = auto()
    """The metadata so far are void."""
    OTHER = auto()

    @property
    def is_header(self) -> bool:
        """Whether a decoder needs it before all that follows."""
        return self in _HEADERS


_HEADERS = (
    MediaKind.AUDIO_HEADER,
    MediaKind.AUDIO_CHANNELS,
    MediaKind.VIDEO_HEADER,
    MediaKind.VIDEO_METADATA,
)
_ENHANCED_AUDIO_KINDS: dict[int, MediaKind] = {
    AudioPacketType.SEQUENCE_START: MediaKind.AUDIO_HEADER,
    AudioPacketType.MULTICHANNEL_CONFIG: MediaKind.AUDIO_CHANNELS,
    AudioPacketType.CODED_FRAMES: MediaKind.AUDIO,
}


def media_kind(type_id: int, payload: Payload) -> MediaKind:
    """Return the kind of a message, as its first `PREFIX_SIZE` bytes say. Cut or unknown ones are OTHER."""
    if len(payload) < 2:
        return MediaKind.AUDIO if type_id == MessageType.AUDIO and len(payload) else MediaKind.OTHER
    try:
        if type_id == MessageType.AUDIO:
            return _audio_kind(payload)
        if type_id == MessageType.VIDEO:
            return _video_kind(payload)
    except IndexError:
        return MediaKind.OTHER
    if payload[: len(_ON_METADATA)] == _ON_METADATA:
        return MediaKind.METADATA
    return MediaKind.NO_METADATA if payload[: len(_CLEAR)] == _CLEAR else MediaKind.OTHER


def _audio_kind(payload: Payload) -> MediaKind:
    sound_format = payload[0] >> 4
    if sound_format == SoundFormat.ENHANCED:
        packet_type = _enhanced_packet_type(payload, _AUDIO_MULTITRACK)
        return _ENHANCED_AUDIO_KINDS.get(packet_type, MediaKind.OTHER)
    if sound_format == SoundFormat.AAC and payload[1] == AacPacketType.SEQUENCE_HEADER:
        return MediaKind.AUDIO_HEADER
    return MediaKind.AUDIO


def _video_kind(payload: Payload) -> MediaKind:
    first = payload[0]
    frame_type = first >> 4 & 7
    if first & _ENHANCED_VIDEO:
        packet_type = _enhanced_packet_type(payload, _VIDEO_MULTITRACK)
        if packet_type == VideoPacketType.METADATA:  # whatever its frame type, which is a command's as a rule
            return MediaKind.VIDEO_METADATA
        if packet_type in _VIDEO_HEADERS and frame_type != FrameType.COMMAND:
            return MediaKind.VIDEO_HEADER
        if packet_type not in _CODED_FRAMES:
            return MediaKind.OTHER
    elif first & 15 in _SEQUENCE_CODECS and frame_type != FrameType.COMMAND:
        if payload[1] == AvcPacketType.SEQUENCE_HEADER:
            return MediaKind.VIDEO_HEADER
        if payload[1] == AvcPacketType.END_OF_SEQUENCE:
            return MediaKind.OTHER
    if frame_type == FrameType.COMMAND:
        return MediaKind.OTHER
    return MediaKind.KEY_FRAME if frame_type == FrameType.KEY else MediaKind.INTER_FRAME


def _enhanced_packet_type(payload: Payload, multitrack: int) -> int:
    """Return what kind of packet an Enhanced RTMP message has behind its modifiers, see `enhanced_flv`."""
    payload = payload[:PREFIX_SIZE]  # modifiers may go on for megabytes
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


def _ordinary(type_id: int) -> bytes:
    """Return 1 for every start of sound or an inter frame that two bytes tell."""
    table = bytearray(1 << 16)
    for first in range(256):
        seconds = range(256) if _is_multitrack(type_id, first) else range(_FEW)
        for second in seconds:
            kind = media_kind(type_id, bytes((first, second)))
            table[first << 8 | second] = kind in (MediaKind.AUDIO, MediaKind.INTER_FRAME)
        rest = 256 - len(seconds)
        table[(first + 1 << 8) - rest : first + 1 << 8] = bytes((table[first << 8 | seconds[-1]],)) * rest
    return bytes(table)


def _is_multitrack(type_id: int, first: int) -> bool:
    if type_id == MessageType.AUDIO:
        return first == SoundFormat.ENHANCED << 4 | _AUDIO_MULTITRACK
    return first & (_ENHANCED_VIDEO | 15) == _ENHANCED_VIDEO | _VIDEO_MULTITRACK


ORDINARY_STARTS = {int(kind): _ordinary(kind) for kind in (MessageType.AUDIO, MessageType.VIDEO)}
"""By message type and `first byte << 8 | second byte`: whether a message is sound or an inter frame.

For who handles every message of every stream, and has to look closer at all others only.
"""
