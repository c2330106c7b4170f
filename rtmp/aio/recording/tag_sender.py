"""Sends the tags of a file to a player as the messages that they are."""

from __future__ import annotations

from typing import Final

from rtmp.aio.server import ServerConnection
from rtmp.amf0 import EcmaArray
from rtmp.commands import parse_values
from rtmp.errors import AmfDecodeError, AmfEncodeError
from rtmp.flv_file import FlvTag
from rtmp.limits import KIB
from rtmp.messages import MessageType
from rtmp.recording.flv_metadata import metadata_members

_OVERHEAD: Final = 64 * KIB


class TagSender:
    """One stream of a connection, and what it has been sent: the time of the last tag, and bytes of the file.

    Flash Media Server says |RtmpSampleAccess and NetStream.Data.Start first. No player needs them in order to
    play, and FFmpeg takes them for a third stream: they are left out, as for live streams.

    `offset_ms` is the file's time when the stream's is 0. All times here are the file's.

    `skipped_tags` counts those that cannot be sent: data that are no AMF or
    contain themselves, and bodies that would not fit
    between what may wait for a slow client and what ends its connection.
    """

    def __init__(self, connection: ServerConnection, stream_id: int) -> None:
        self.offset_ms = 0
        self.sent_ms = 0
        self.sent_bytes = 0
        self.skipped_tags = 0
        self._connection = connection
        self._stream_id = stream_id
        limits = connection.session.limits
        self._max_body = limits.max_write_buffer - 2 * limits.max_write_buffer_media - _OVERHEAD

    @property
    def has_room(self) -> bool:
        """Whether a tag would be sent and not dropped; if not, wait for `Connection.drain`."""
        session = self._connection.session
        if self._connection.write_paused:
            return False
        return session.pending_size < session.limits.max_write_buffer_media

    def send(self, tag: FlvTag) -> None:
        """Send a tag."""
        connection, stream_id = self._connection, self._stream_id
        time_ms = self.stream_ms(tag.timestamp_ms)
        self.sent_ms = tag.timestamp_ms
        self.sent_bytes += tag.file_size
        if len(tag.body) > self._max_body:
            self.skipped_tags += 1
        elif tag.type_id == MessageType.AUDIO:
            connection.send_audio(stream_id, time_ms, tag.body)
        elif tag.type_id == MessageType.VIDEO:
            connection.send_video(stream_id, time_ms, tag.body)
        elif tag.type_id == MessageType.DATA_AMF0:
            self._send_data(time_ms, tag)

    def complete(self, duration_s: float) -> None:
        """Say that all has been sent."""
        time_ms = self.stream_ms(self.sent_ms)
        self._connection.complete_play(self._stream_id, time_ms, duration_s, self.sent_bytes)

    def switch(self, duration_s: float) -> None:
        """Say that all has been sent, and something else follows."""
        totals = {"duration": duration_s, "bytes": float(self.sent_bytes)}
        self._connection.announce_switch(self._stream_id, self.stream_ms(self.sent_ms), totals)

    def stream_ms(self, timestamp_ms: int) -> int:
        """Return a time of the file as one of the stream."""
        return max(timestamp_ms - self.offset_ms, 0)

    def _send_data(self, time_ms: int, tag: FlvTag) -> None:
        try:
            values = parse_values(tag.type_id, tag.body)
            members = metadata_members(values)
            if members is not None:
                values = [values[0], EcmaArray(members)]
            self._connection.send_data(self._stream_id, time_ms, *values)
        except (AmfDecodeError, AmfEncodeError):
            self.skipped_tags += 1
