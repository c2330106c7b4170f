"""What a stream has to begin with: its metadata, the headers of its codecs, and a keyframe.

A publisher that connects again sends all of this again.
"""

from __future__ import annotations

from collections.abc import Iterator

from rtmp.amf_value import AmfValue
from rtmp.headers import HeaderKeeper
from rtmp.media_kind import MediaKind, media_kind
from rtmp.messages import MessageType, Payload


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
    """The newest metadata and headers of a stream, a copy of each, as many as a `HeaderKeeper` keeps."""

    def __init__(self) -> None:
        self.metadata: tuple[AmfValue, ...] | None = None
        self._headers = HeaderKeeper[tuple[MessageType, bytes]]()

    @property
    def headers(self) -> Iterator[tuple[MessageType, bytes]]:
        """The headers, in the order in which their kinds first came."""
        return iter(self._headers)

    def note_audio(self, payload: Payload) -> bool:
        """Return whether an audio message is a header, of which the newest is kept."""
        return self._note(MessageType.AUDIO, payload)

    def note_video(self, payload: Payload) -> bool:
        """Return whether a video message is a header, of which the newest is kept."""
        return self._note(MessageType.VIDEO, payload)

    def _note(self, message_type: MessageType, payload: Payload) -> bool:
        kind = media_kind(message_type, payload)
        if kind.is_header:
            self._headers.put(kind, payload, (message_type, bytes(payload)))
        return kind.is_header
