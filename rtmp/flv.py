"""The first bytes of RTMP audio and video messages ("Adobe Flash Video File Format" 10.1, annex E.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from rtmp.errors import LocalProtocolError, RemoteProtocolError
from rtmp.messages import Payload

_RATES_HZ = (5512, 11025, 22050, 44100)


class SoundFormat(IntEnum):
    """Audio codecs (E.4.2.1)."""

    LINEAR_PCM_PLATFORM = 0
    ADPCM = 1
    MP3 = 2
    LINEAR_PCM = 3
    NELLYMOSER_16K = 4
    NELLYMOSER_8K = 5
    NELLYMOSER = 6
    PCMA = 7
    PCMU = 8
    ENHANCED = 9
    AAC = 10
    SPEEX = 11
    MP3_8K = 14
    DEVICE_SPECIFIC = 15


_AAC = int(SoundFormat.AAC)


class AacPacketType(IntEnum):
    """What follows in an AAC message."""

    SEQUENCE_HEADER = 0
    RAW = 1


class VideoCodec(IntEnum):
    """Video codecs (E.4.3.1)."""

    JPEG = 1
    SORENSON_H263 = 2
    SCREEN = 3
    VP6 = 4
    VP6_ALPHA = 5
    SCREEN_2 = 6
    AVC = 7
    HEVC = 12


class FrameType(IntEnum):
    """Kinds of picture (E.4.3.1)."""

    KEY = 1
    INTER = 2
    DISPOSABLE_INTER = 3
    GENERATED_KEY = 4
    COMMAND = 5


class AvcPacketType(IntEnum):
    """What follows in an AVC message."""

    SEQUENCE_HEADER = 0
    NAL_UNITS = 1
    END_OF_SEQUENCE = 2


@dataclass(frozen=True, slots=True)
class AudioTagHeader:
    """The header of an audio message.

    `rate_hz` and `channels` say what the two header fields say, which is not what is played for every codec:
    AAC always says 44100 and 2, Speex is always 16000 Hz mono, and the G.711 codecs 8000 Hz.
    """

    sound_format: SoundFormat
    rate_hz: int = 44100
    bits: int = 16
    channels: int = 1
    aac_packet_type: AacPacketType | None = None

    @classmethod
    def parse(cls, payload: Payload) -> AudioTagHeader:
        """Raise RemoteProtocolError if it is cut or names no known codec."""
        if len(payload) < 1:
            raise RemoteProtocolError("empty audio message")
        first = payload[0]
        if first >> 4 != _AAC:
            return _audio_tag_header(first, None)
        if len(payload) < 2:
            raise RemoteProtocolError("AAC message without a packet type")
        return _audio_tag_header(first, payload[1])

    @property
    def size(self) -> int:
        """Bytes before the codec's data."""
        return 1 if self.aac_packet_type is None else 2

    def serialize(self) -> bytes:
        """Return the header. Raise LocalProtocolError for a rate that FLV cannot express."""
        if self.rate_hz not in _RATES_HZ:
            raise LocalProtocolError(f"FLV has no sound rate {self.rate_hz}, only {_RATES_HZ}")
        first = self.sound_format << 4 | _RATES_HZ.index(self.rate_hz) << 2
        first |= (self.bits == 16) << 1 | (self.channels == 2)
        return bytes((first,)) if self.aac_packet_type is None else bytes((first, self.aac_packet_type))


@cache
def _audio_tag_header(first: int, second: int | None) -> AudioTagHeader:
    """Return what one or two bytes say. There are few such headers, and each message of a stream has one."""
    try:
        sound_format = SoundFormat(first >> 4)
        packet_type = None if second is None else AacPacketType(second)
    except ValueError as error:
        raise RemoteProtocolError(f"audio message of unknown kind: {error}") from error
    return AudioTagHeader(
        sound_format,
        _RATES_HZ[first >> 2 & 3],
        16 if first & 2 else 8,
        2 if first & 1 else 1,
        packet_type,
    )


@dataclass(frozen=True, slots=True)
class VideoTagHeader:
    """The header of a video message; packet type and composition time (ms, signed) are AVC's and HEVC's."""

    frame_type: FrameType
    codec: VideoCodec
    packet_type: AvcPacketType | None = None
    composition_time_ms: int = 0

    @classmethod
    def parse(cls, payload: Payload) -> VideoTagHeader:
        """Raise RemoteProtocolError if it is cut or names no known codec or frame type."""
        if len(payload) < 1:
            raise RemoteProtocolError("empty video message")
        try:
            frame_type, codec = FrameType(payload[0] >> 4), VideoCodec(payload[0] & 0x0F)
            if codec not in (VideoCodec.AVC, VideoCodec.HEVC):
                return cls(frame_type, codec)
            if len(payload) < 5:
                raise RemoteProtocolError(
                    f"{codec.name} message of {len(payload)} bytes is cut in its header"
                )
            packet_type = AvcPacketType(payload[1])
        except ValueError as error:
            raise RemoteProtocolError(f"video message of unknown kind: {error}") from error
        composition = int.from_bytes(bytes(payload[2:5]), "big", signed=True)
        return cls(frame_type, codec, packet_type, composition)

    @property
    def size(self) -> int:
        """Bytes before the codec's data."""
        return 1 if self.packet_type is None else 5

    def serialize(self) -> bytes:
        """Return the header. Raise LocalProtocolError if the composition time does not fit 24 bits."""
        first = bytes((self.frame_type << 4 | self.codec,))
        if self.packet_type is None:
            return first
        try:
            composition = self.composition_time_ms.to_bytes(3, "big", signed=True)
        except OverflowError as error:
            raise LocalProtocolError(f"composition time of {self.composition_time_ms} ms") from error
        return first + bytes((self.packet_type,)) + composition
