"""All live streams of an application: by what name, and published by whom."""

from __future__ import annotations

from collections.abc import Callable

from rtmp.aio.live.requests import Refused, Republish
from rtmp.relay.limits import RelayLimits
from rtmp.relay.live_stream import LiveStream
from rtmp.relay.names import StreamName

OnReplaced = Callable[[], None]


class LiveDirectory:
    """The streams that are published or played; at most `max_streams`."""

    def __init__(self, republish: Republish, limits: RelayLimits, max_streams: int) -> None:
        self.streams: dict[str, LiveStream] = {}
        """By app and name."""
        self._republish = republish
        self._limits = limits
        self._max_streams = max_streams
        self._replaced: dict[str, OnReplaced] = {}

    def find(self, name: StreamName) -> LiveStream:
        """Return the stream of a name, a new one if need be. Raises Refused if there are too many."""
        key = str(name)
        stream = self.streams.get(key)
        if stream is None:
            if len(self.streams) >= self._max_streams:
                raise Refused(f"there are {self._max_streams} streams already")
            stream = self.streams[key] = LiveStream(key, self._limits)
        return stream

    def is_published(self, name: StreamName) -> bool:
        """Return whether somebody publishes a stream now."""
        stream = self.streams.get(str(name))
        return stream is not None and stream.is_published

    def begin(self, name: StreamName, on_replaced: OnReplaced) -> LiveStream:
        """Let somebody publish a stream. Raises Refused if somebody else does, and stays.

        `on_replaced` is called when another publisher takes over; it must call `end`.
        """
        if self.is_published(name):
            if self._republish is Republish.REFUSE:
                raise Refused(f"{name} is being published by another client")
            self._replaced[str(name)]()
        stream = self.find(name)
        self._replaced[stream.name] = on_replaced
        stream.begin()
        return stream

    def end(self, stream: LiveStream) -> None:
        """Note that the publisher of a stream has ended."""
        self._replaced.pop(stream.name, None)
        stream.end()
        self.forget_unused(stream)

    def forget_unused(self, stream: LiveStream) -> None:
        """Forget a stream that is neither published nor played."""
        if not stream.is_published and not stream.players:
            self.streams.pop(stream.name, None)
