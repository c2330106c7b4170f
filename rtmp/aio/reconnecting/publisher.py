"""A publisher that stays up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from rtmp.aio.reconnecting.link import Link
from rtmp.aio.reconnecting.options import ReconnectingOptions
from rtmp.aio.reconnecting.stream import Reconnecting
from rtmp.amf_value import AmfValue
from rtmp.messages import MessageType, Payload
from rtmp.stream_start import StreamStart, is_keyframe
from rtmp.url import RtmpUrl


class ReconnectingPublisher(Reconnecting):
    """Publishes one stream; see `Reconnecting` for `options`, and `ClientSession.publish`.

    Send at any time: what cannot be sent is dropped and counted, as this is for live media. Each link begins
    with the newest metadata and headers of the codecs, and its video with a keyframe. Timestamps go out as
    they are given.
    """

    def __init__(
        self,
        url: str | RtmpUrl,
        name: str,
        kind: str = "live",
        *,
        announce: bool = False,
        **options: Unpack[ReconnectingOptions],
    ) -> None:
        super().__init__(url, name, **options)
        self.kind = kind
        self.dropped_media = 0
        """Messages that no link was there for, or that no keyframe had come before."""
        self._announce = announce
        self._start = StreamStart()
        self._has_video = False
        self._begun: Link | None = None
        self._decodable: Link | None = None

    def send_metadata(self, metadata: Mapping[str, AmfValue], timestamp_ms: int = 0) -> None:
        """Describe the stream (onMetaData), now and on each link to come."""
        self._start.metadata = ("@setDataFrame", "onMetaData", dict(metadata))
        if (link := self._ready_link()) is not None and link is self._begun:
            link.stream.send_data(timestamp_ms, *self._start.metadata)

    def send_data(self, timestamp_ms: int, *values: AmfValue) -> None:
        """Send a data message, once: one of metadata belongs to `send_metadata`."""
        if (link := self._ready_link()) is not None:
            self._begin_media(link, timestamp_ms)
            link.stream.send_data(timestamp_ms, *values)

    def send_audio(self, timestamp_ms: int, payload: Payload) -> None:
        """Send audio."""
        is_header = self._start.note_audio(payload)
        if not self._has_video and not is_header:
            self._change_over_if_ready()
        link = self._ready_link()
        if link is None or (is_header and link is not self._begun):
            self.dropped_media += not is_header
            return
        self._begin_media(link, timestamp_ms)
        link.stream.send_audio(timestamp_ms, payload)

    def send_video(self, timestamp_ms: int, payload: Payload) -> None:
        """Send video."""
        self._has_video = True
        is_header, keyframe = self._start.note_video(payload), is_keyframe(payload)
        if keyframe:
            self._change_over_if_ready()
        link = self._ready_link()
        if link is None or (is_header and link is not self._begun):
            self.dropped_media += not is_header
            return
        if not is_header and link is not self._decodable:
            if not keyframe:
                self.dropped_media += 1
                return
            self._decodable = link
        self._begin_media(link, timestamp_ms)
        link.stream.send_video(timestamp_ms, payload)

    async def _begin(self, link: Link) -> None:
        await link.stream.publish(self.name, self.kind, announce=self._announce)

    def _ready_link(self) -> Link | None:
        link = self._current
        return link if link is not None and link.is_ready and link.error is None else None

    def _change_over_if_ready(self) -> None:
        if self._next is not None and self._next.is_ready and self._next.error is None:
            self._change_over()

    def _begin_media(self, link: Link, timestamp_ms: int) -> None:
        """Send what a stream begins with, unless this link has had it."""
        if link is self._begun:
            return
        self._begun = link
        if self._start.metadata is not None:
            link.stream.send_data(timestamp_ms, *self._start.metadata)
        for message_type, header in self._start.headers:
            if message_type is MessageType.AUDIO:
                link.stream.send_audio(timestamp_ms, header)
            else:
                link.stream.send_video(timestamp_ms, header)
