"""All live streams of an application: by what name, and published by whom."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rtmp.aio.live.quota import Quota
from rtmp.aio.live.requests import LiveLimits, Refused, Republish
from rtmp.relay.limits import RelayLimits
from rtmp.relay.live_stream import LiveStream
from rtmp.relay.names import StreamName

OnReplaced = Callable[[], None]


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What goes on in a live stream."""

    name: str
    publisher: str | None
    """Its address; None: players wait for one."""
    published_s: float | None
    """For how long that one has published."""
    players: int
    lost: int
    """Messages that those players were not sent, because they do not keep up."""


@dataclass(frozen=True, slots=True)
class _Publisher:
    address: str
    on_replaced: OnReplaced
    began_s: float


class LiveDirectory:
    """The streams that are published or played.

    Publishers and players are counted apart, and by address: whoever plays names that nobody publishes must
    not keep publishers out.
    """

    def __init__(self, republish: Republish, limits: LiveLimits, stream_limits: RelayLimits) -> None:
        self.streams: dict[str, LiveStream] = {}
        """By app and name."""
        self._republish = republish
        self._stream_limits = stream_limits
        self._published = Quota("streams", limits.max_streams, limits.max_streams_per_address)
        self._played = Quota("players", limits.max_players, limits.max_players_per_address)
        self._publishers: dict[str, _Publisher] = {}

    def published(self) -> list[LiveStream]:
        """Return the streams that somebody publishes."""
        return [self.streams[name] for name in self._publishers]

    def is_published(self, name: StreamName) -> bool:
        """Return whether somebody publishes a stream now."""
        return str(name) in self._publishers

    def begin(self, name: StreamName, address: str, on_replaced: OnReplaced) -> LiveStream:
        """Let somebody publish a stream. Raises Refused if another does and stays, or if it is one too many.

        `on_replaced` is called when another publisher takes over; it must call `end`.
        """
        publisher = self._publishers.get(str(name))
        if publisher is not None:
            if self._republish is Republish.REFUSE:
                raise Refused(f"{name} is being published by another client")
            publisher.on_replaced()
        self._published.take(address)
        stream = self._find(name)
        self._publishers[stream.name] = _Publisher(address, on_replaced, time.monotonic())
        stream.begin()
        return stream

    def end(self, stream: LiveStream) -> None:
        """Note that the publisher of a stream has ended."""
        self._published.give_back(self._publishers.pop(stream.name).address)
        stream.end()
        self._forget_unused(stream)

    def add_player(self, name: StreamName, address: str) -> LiveStream:
        """Count a player, and return its stream, which need not be published. Raises Refused if too many."""
        self._played.take(address)
        return self._find(name)

    def remove_player(self, stream: LiveStream, address: str) -> None:
        """Note that a player, which the stream no longer has, is gone."""
        self._played.give_back(address)
        self._forget_unused(stream)

    def reports(self) -> list[StreamReport]:
        """Return what goes on in each stream."""
        return [self._report(stream) for stream in self.streams.values()]

    def _report(self, stream: LiveStream) -> StreamReport:
        publisher = self._publishers.get(stream.name)
        return StreamReport(
            stream.name,
            publisher=None if publisher is None else publisher.address,
            published_s=None if publisher is None else time.monotonic() - publisher.began_s,
            players=len(stream.players),
            lost=sum(player.lost for player in stream.players),
        )

    def _find(self, name: StreamName) -> LiveStream:
        key = str(name)
        stream = self.streams.get(key)
        if stream is None:
            stream = self.streams[key] = LiveStream(key, self._stream_limits)
        return stream

    def _forget_unused(self, stream: LiveStream) -> None:
        if not stream.is_published and not stream.players and self.streams.get(stream.name) is stream:
            del self.streams[stream.name]
