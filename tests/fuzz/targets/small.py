"""The small parsers: media headers, aggregates, user control messages, URLs. What was read can be written."""

from __future__ import annotations

from rtmp.enhanced_flv import MAX_OFFSET_NS, EnhancedAudio, EnhancedVideo
from rtmp.errors import InvalidUrl, RemoteProtocolError
from rtmp.flv import AudioTagHeader, VideoTagHeader
from rtmp.messages import Message, UserControl, join_aggregate, split_aggregate
from rtmp.url import RtmpUrl


def run_enhanced_flv(data: bytes) -> None:
    """An audio and a video message of Enhanced RTMP."""
    for parse in (EnhancedAudio.parse, EnhancedVideo.parse):
        try:
            message = parse(data)
        except RemoteProtocolError:
            continue
        is_empty = not message.tracks and getattr(message, "command", None) is None
        if message.offset_ns <= MAX_OFFSET_NS and not is_empty:
            assert parse(message.serialize()) == message


def run_flv(data: bytes) -> None:
    """The headers of an audio and a video message."""
    for parse in (AudioTagHeader.parse, VideoTagHeader.parse):
        try:
            header = parse(data)
        except RemoteProtocolError:
            continue
        written = header.serialize()
        assert len(written) == header.size
        assert parse(written) == header


def run_messages(data: bytes) -> None:
    """A user control message, and an aggregate whose time is the first four bytes."""
    try:
        control = UserControl.parse(data)
    except RemoteProtocolError:
        pass
    else:
        assert UserControl.parse(control.serialize()) == control
    try:
        parts = list(split_aggregate(Message(22, 1, int.from_bytes(data[:4], "big"), data[4:])))
    except RemoteProtocolError:
        return
    if parts:
        assert list(split_aggregate(join_aggregate(parts))) == parts


def run_url(data: bytes) -> None:
    """A URL, also with lone surrogates."""
    for text in (data.decode("utf-8", "surrogateescape"), "rtmp://" + data.decode("utf-8", "replace")):
        try:
            url = RtmpUrl.parse(text)
        except InvalidUrl:
            continue
        again = RtmpUrl.parse(url.tc_url)
        assert (again.scheme, again.host, again.port, again.app) == (url.scheme, url.host, url.port, url.app)
