"""A player that stays up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Unpack

from rtmp.aio.client_stream import OnData, OnMedia
from rtmp.aio.reconnecting.link import Link
from rtmp.aio.reconnecting.options import ReconnectingOptions
from rtmp.aio.reconnecting.stream import Reconnecting
from rtmp.amf_value import AmfValue
from rtmp.client_session import PLAY_ALL, PLAY_LIVE_OR_RECORDED
from rtmp.events import StatusReceived
from rtmp.messages import Payload
from rtmp.stream_start import is_audio_header, is_keyframe, is_video_header
from rtmp.url import RtmpUrl

_MAX_KEPT = 64


class ReconnectingPlayer(Reconnecting):
    """Plays one stream; see `Reconnecting` for `options`, and `ClientSession.play`.

    Set the callbacks, which are those of `ClientStream`, before `start`. Each link begins with metadata and
    headers of the codecs, as its server sends them, and with that server's timestamps. The end of a stream
    (NetStream.Play.Stop) is a loss like any other: this is for streams that come back.
    """

    def __init__(
        self,
        url: str | RtmpUrl,
        name: str,
        start: float = PLAY_LIVE_OR_RECORDED,
        duration: float = PLAY_ALL,
        *,
        announce: bool = False,
        **options: Unpack[ReconnectingOptions],
    ) -> None:
        super().__init__(url, name, **options)
        self.on_audio: OnMedia | None = None
        self.on_video: OnMedia | None = None
        self.on_data: OnData | None = None
        self.on_status: Callable[[StatusReceived], None] | None = None
        self._play_start, self._duration = start, duration
        self._announce = announce
        self._has_video = False
        # what the next link has sent so far: metadata and headers, and nothing that ages
        self._kept: deque[Callable[[], None]] = deque(maxlen=_MAX_KEPT)

    async def _begin(self, link: Link) -> None:
        if link is self._next:
            self._kept.clear()
        link.on_status = partial(self._take_status, link)
        stream = link.stream
        stream.on_audio = partial(self._take_audio, link)
        stream.on_video = partial(self._take_video, link)
        stream.on_data = partial(self._take_data, link)
        await stream.play(self.name, self._play_start, self._duration, announce=self._announce)

    def _take_audio(self, link: Link, timestamp_ms: int, payload: Payload) -> None:
        if link is self._next:
            if is_audio_header(payload):
                self._kept.append(partial(self._take_audio, link, timestamp_ms, bytes(payload)))
            elif not self._has_video:
                self._change_over_with_kept()
        if link is self._current and self.on_audio is not None:
            self.on_audio(timestamp_ms, payload)

    def _take_video(self, link: Link, timestamp_ms: int, payload: Payload) -> None:
        if link is self._next:
            if is_video_header(payload):
                self._kept.append(partial(self._take_video, link, timestamp_ms, bytes(payload)))
            elif is_keyframe(payload):
                self._change_over_with_kept()
        if link is self._current:
            self._has_video = True
            if self.on_video is not None:
                self.on_video(timestamp_ms, payload)

    def _take_data(self, link: Link, timestamp_ms: int, values: tuple[AmfValue, ...]) -> None:
        if link is self._next:
            self._kept.append(partial(self._take_data, link, timestamp_ms, values))
        elif link is self._current and self.on_data is not None:
            self.on_data(timestamp_ms, values)

    def _take_status(self, link: Link, event: StatusReceived) -> None:
        if link is self._current and self.on_status is not None:
            self.on_status(event)

    def _change_over_with_kept(self) -> None:
        self._change_over()
        while self._kept:
            self._kept.popleft()()
