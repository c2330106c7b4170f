"""What a stream has to begin with: its metadata, the headers of its codecs, and a keyframe.

A publisher that connects again sends all of this again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtmp.amf_value import AmfValue
from rtmp.enhanced_flv import MultitrackType
from rtmp.flv import SoundFormat
from rtmp.media_kind import MediaKind, media_kind
from rtmp.messages import MessageType, Payload

_MAX_HEADERS: Final = 64
_AUDIO_MULTITRACK: Final = 5
_VIDEO_MULTITRACK: Final = 6
_TRACK_ID_OFFSET: Final = 6


def is_audio_header(payload: Payload) -> bool:
    """Return whether an audio message configures the decoder."""
    return media_kind(MessageType.AUDIO, payload).is_header


def is_video_header(payload: Payload) -> bool:
    """Return whether a video message configures the decoder or, enhanced, describes colours."""
    return media_kind(MessageType.VIDEO, payload).is_header


def is_keyframe(payload: Payload) -> bool:
    """Return whether a video message is a picture that can be decoded without those before it."""
    return media_kind(MessageType.VIDEO, payload) is MediaKind.KEY_FRAME


class StreamStart:
    """The newest metadata and headers of a stream, a copy of each, 64 at most."""

    def __init__(self) -> None:
        self.metadata: tuple[AmfValue, ...] | None = None
        self._headers: dict[tuple[int, ...], tuple[MessageType, bytes]] = {}

    @property
    def headers(self) -> Iterator[tuple[MessageType, bytes]]:
        """The headers, in the order in which their kinds first came."""
        return iter(self._headers.values())

    def note_audio(self, payload: Payload) -> bool:
        """Return whether an audio message is a header, of which the newest is kept."""
        if not is_audio_header(payload):
            return False
        enhanced = payload[0] >> 4 == SoundFormat.ENHANCED
        self._keep(MessageType.AUDIO, payload, payload[0] & 15 if enhanced else 0, _AUDIO_MULTITRACK)
        return True

    def note_video(self, payload: Payload) -> bool:
        """Return whether a video message is a header, of which the newest is kept."""
        if not is_video_header(payload):
            return False
        enhanced = payload[0] & 0x80
        self._keep(MessageType.VIDEO, payload, payload[0] & 15 if enhanced else 0, _VIDEO_MULTITRACK)
        return True

    def _keep(self, message_type: MessageType, payload: Payload, packet_type: int, multitrack: int) -> None:
        key: tuple[int, ...] = (message_type, packet_type)
        if packet_type == multitrack:
            # each track has a header of its own, and so have several tracks in one message
            is_one = payload[1] >> 4 == MultitrackType.ONE_TRACK and len(payload) > _TRACK_ID_OFFSET
            key += (payload[1], payload[_TRACK_ID_OFFSET] if is_one else 0)
        if key in self._headers or len(self._headers) < _MAX_HEADERS:
            self._headers[key] = (message_type, bytes(payload))
