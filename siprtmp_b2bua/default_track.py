"""What a call takes of a video message of Enhanced RTMP that has modifiers, or several tracks."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from media_bridge.video_tag import is_configuration
from rtmp.enhanced_flv import EnhancedVideo
from rtmp.errors import RemoteProtocolError
from rtmp.messages import Payload

_ENHANCED: Final = 0x80
_MULTITRACK, _MOD_EX = 6, 7
_DEFAULT_TRACK: Final = 0


def default_track(tag: Payload) -> Payload | None:
    """Return a message as if it had no modifiers, and its publisher one track alone; None if it is of others.

    Track 0 is the one that Enhanced RTMP calls the default. An offset within the millisecond is left out, as
    the times of messages are in milliseconds. What cannot be read stays as it is: its decoder refuses it.
    """
    if len(tag) == 0 or not tag[0] & _ENHANCED or tag[0] & 15 not in (_MULTITRACK, _MOD_EX):
        return tag
    try:
        message = EnhancedVideo.parse(tag)
    except RemoteProtocolError:
        return tag
    if message.multitrack is None:
        return replace(message, offset_ns=0).serialize()
    tracks = tuple(track for track in message.tracks if track.track_id == _DEFAULT_TRACK)
    if not tracks:
        return None
    return replace(message, tracks=tracks[:1], multitrack=None, offset_ns=0).serialize()


def configures_default_track(tag: Payload) -> bool:
    """Whether a message has the codec's configuration of what a call takes."""
    plain = default_track(tag)
    return plain is not None and is_configuration(plain)
