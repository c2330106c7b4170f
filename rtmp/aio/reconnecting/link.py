"""One connection with its one stream, of those that a stream that is kept up goes through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from rtmp.aio.client import RtmpClient
from rtmp.aio.client_stream import ClientStream
from rtmp.errors import ConnectionLost, RtmpError, StreamFailed
from rtmp.events import StatusReceived
from rtmp.url import RtmpUrl

_RECONNECT_REQUEST = "NetConnection.Connect.ReconnectRequest"
_STARTS = frozenset(("NetStream.Publish.Start", "NetStream.Play.Start"))
_ENDS = frozenset(("NetStream.Play.Stop", "NetStream.Play.Complete", "NetStream.Unpublish.Success"))


class Link:
    """Notes how it ends, and where the server wants the client instead, and sets `changed` for both."""

    def __init__(self, url: RtmpUrl, changed: asyncio.Event) -> None:
        self.url = url
        self.error: Exception | None = None
        """Why the link has ended, None while it has not."""
        self.is_ready = False
        """Whether the server has accepted the stream."""
        self.on_status: Callable[[StatusReceived], None] | None = None
        self._changed = changed
        self._has_started = False
        self._wish: str | None = None
        self._client: RtmpClient | None = None
        self._stream: ClientStream | None = None

    @property
    def stream(self) -> ClientStream:
        """The stream, once it is attached."""
        assert self._stream is not None
        return self._stream

    def attach(self, client: RtmpClient, stream: ClientStream) -> None:
        """Follow a connection and its stream from now on."""
        self._client, self._stream = client, stream
        stream.on_status = self._take_status
        client.closed.add_done_callback(self._take_close)

    def end(self, error: Exception) -> None:
        """Give the stream up and close the connection; the first error counts."""
        if self.error is None:
            self.error = error
            self._changed.set()
        if self._client is not None and self._stream is not None:
            self._stream.close()
            self._client.close()

    async def wait_closed(self) -> None:
        """Wait until the connection is gone."""
        if self._client is not None:
            await self._client.wait_closed()

    def take_connection_status(self, event: StatusReceived) -> None:
        """Take a status of the connection."""
        if event.code == _RECONNECT_REQUEST:
            tc_url = event.info.get("tcUrl") if isinstance(event.info, Mapping) else None
            self._wish = tc_url if isinstance(tc_url, str) else ""
            self._changed.set()

    def take_wish(self) -> str | None:
        """Return, once, where the server wants us: a reference to resolve here; None if it wants nothing."""
        wish, self._wish = self._wish, None
        return wish

    def _take_status(self, event: StatusReceived) -> None:
        if event.code in _STARTS:
            self._has_started = True
        elif self._has_started and (event.level == "error" or event.code in _ENDS):
            info = event.info if isinstance(event.info, Mapping) else {}
            self.end(StreamFailed(event.code, event.description, info))
        if self.on_status is not None:
            self.on_status(event)

    def _take_close(self, closed: asyncio.Future[RtmpError | None]) -> None:
        reason = None if closed.cancelled() else closed.result()
        self.end(reason or ConnectionLost("the server closed the connection"))
