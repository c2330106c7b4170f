"""Video messages of RTMP: which codec, and where its data is.

The codecs of Flash ("Adobe Flash Video File Format" E.4.3) and those that Enhanced RTMP names by FourCC.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from media_bridge.errors import CodecDataError
from media_bridge.frames import Payload


class VideoCodec(Enum):
    """The video codecs of an RTMP leg, by their usual names."""

    SORENSON_H263 = "Sorenson H.263"
    SCREEN = "Screen video"
    VP6 = "VP6"
    VP6_ALPHA = "VP6 with alpha"
    SCREEN_2 = "Screen video 2"
    AVC = "H.264"
    HEVC = "H.265"
    VP8 = "VP8"
    VP9 = "VP9"
    AV1 = "AV1"


_V = VideoCodec
_BY_NUMBER = {
    2: _V.SORENSON_H263,
    3: _V.SCREEN,
    4: _V.VP6,
    5: _V.VP6_ALPHA,
    6: _V.SCREEN_2,
    7: _V.AVC,
    12: _V.HEVC,
}
_BY_FOURCC = {b"avc1": _V.AVC, b"hvc1": _V.HEVC, b"vp08": _V.VP8, b"vp09": _V.VP9, b"av01": _V.AV1}
FOUR_CCS = tuple(four_cc.decode() for four_cc in _BY_FOURCC)
"""The codecs of Enhanced RTMP that are known here; all can be decoded."""
_WITH_HEADER = frozenset({_V.AVC, _V.HEVC})
"""Those whose data follows a type and a composition time, as AVC's does."""

_ENHANCED = 0x80
_SEQUENCE_START, _CODED_FRAMES, _CODED_FRAMES_X = 0, 1, 3
_WRAPPED = frozenset({6, 7})
_HEADER_SIZE = 5
_KEY, _INTER, _COMMAND = 1, 2, 5
_AVC_NUMBER = 7


class VideoTagKind(Enum):
    """What a message is for."""

    CONFIGURATION = "configuration"
    PICTURE = "picture"
    OTHER = "other"
    """A command, the end of a sequence, metadata: nothing to decode."""


@dataclass(frozen=True, slots=True)
class VideoTag:
    """The body of a message: the codec's configuration record, or a picture.

    `composition_time_ms` is how long after its decoding the picture is shown; `is_enhanced` whether the codec
    came as a FourCC.
    """

    codec: VideoCodec
    kind: VideoTagKind
    is_key: bool
    composition_time_ms: int
    data: memoryview
    is_enhanced: bool = False

    @classmethod
    def parse(cls, body: Payload) -> VideoTag:
        """Read a body. Raise CodecDataError if it is cut short, or of a codec that is not known here.

        Modifiers and several tracks, which Enhanced RTMP has, are to be taken out before.
        """
        if len(body) == 0:
            raise CodecDataError("an empty video message")
        view = memoryview(body)
        if view[0] & _ENHANCED:
            return cls._parse_enhanced(view)
        codec = _BY_NUMBER.get(view[0] & 15)
        if codec is None:
            raise CodecDataError(f"a video message of unknown codec {view[0] & 15}")
        frame_type = view[0] >> 4
        if frame_type == _COMMAND:
            return cls(codec, VideoTagKind.OTHER, False, 0, view[1:])
        if codec not in _WITH_HEADER:
            return cls(codec, VideoTagKind.PICTURE, frame_type == _KEY, 0, view[1:])
        if len(view) < _HEADER_SIZE:
            raise CodecDataError(f"a message of {codec.value} of {len(view)} bytes is cut short")
        composition_time_ms = int.from_bytes(view[2:_HEADER_SIZE], "big", signed=True)
        return cls(codec, _kind(view[1]), frame_type == _KEY, composition_time_ms, view[_HEADER_SIZE:])

    @classmethod
    def _parse_enhanced(cls, view: memoryview) -> VideoTag:
        packet_type, frame_type = view[0] & 15, view[0] >> 4 & 7
        if packet_type in _WRAPPED:
            raise CodecDataError("an enhanced video message with modifiers or several tracks")
        codec = _BY_FOURCC.get(bytes(view[1:_HEADER_SIZE]))
        if codec is None:
            raise CodecDataError(f"an enhanced video message of unknown codec {bytes(view[1:5])!r}")
        kind = VideoTagKind.OTHER if frame_type == _COMMAND else _kind(packet_type)
        rest = view[_HEADER_SIZE:]
        composition_time_ms = 0
        if packet_type == _CODED_FRAMES and codec in _WITH_HEADER:
            if len(rest) < 3:
                raise CodecDataError(f"a message of {codec.value} of {len(view)} bytes is cut short")
            composition_time_ms, rest = int.from_bytes(rest[:3], "big", signed=True), rest[3:]
        return cls(codec, kind, frame_type == _KEY, composition_time_ms, rest, True)

    def to_avc_body(self) -> bytes:
        """Write a configuration or picture of H.264 as Flash does, with the codec as a number."""
        first = (_KEY if self.is_key else _INTER) << 4 | _AVC_NUMBER
        packet_type = _SEQUENCE_START if self.kind is VideoTagKind.CONFIGURATION else _CODED_FRAMES
        composition = self.composition_time_ms.to_bytes(3, "big", signed=True)
        return bytes((first, packet_type)) + composition + self.data


def _kind(packet_type: int) -> VideoTagKind:
    if packet_type == _SEQUENCE_START:
        return VideoTagKind.CONFIGURATION
    is_picture = packet_type in (_CODED_FRAMES, _CODED_FRAMES_X)
    return VideoTagKind.PICTURE if is_picture else VideoTagKind.OTHER


def is_configuration(body: Payload) -> bool:
    """Whether a message has the configuration of a codec, which comes once: told by its first two bytes."""
    if len(body) < 2:
        return False
    if body[0] & _ENHANCED:
        return body[0] & 15 == _SEQUENCE_START and body[0] >> 4 & 7 != _COMMAND
    is_timed = _BY_NUMBER.get(body[0] & 15) in _WITH_HEADER
    return is_timed and body[0] >> 4 != _COMMAND and body[1] == _SEQUENCE_START
