"""A live stream: what its publisher sends, to all who play it."""

from __future__ import annotations

from typing import Final

from rtmp.chunk import TIMESTAMP_MASK
from rtmp.headers import HeaderKeeper
from rtmp.media_kind import ORDINARY_STARTS, MediaKind, media_kind
from rtmp.messages import MessageType, Payload, compact, milliseconds_between
from rtmp.relay.backlog import Backlog
from rtmp.relay.limits import DEFAULT_RELAY_LIMITS, RelayLimits
from rtmp.relay.live_player import LivePlayer, Outlet
from rtmp.shared_message import SharedMessage

_MAX_INTERLEAVING_MS: Final = 60_000
"""How far sound may be ahead of pictures that come after it, or the other way round; more is a new clock."""


class LiveStream:
    """The messages of one publisher to many players.

    A player that joins late begins with metadata, decoder configurations and the last group of pictures. The
    stream may outlive its publisher: its players stay, and hear when it is published again.
    """

    def __init__(self, name: str, limits: RelayLimits = DEFAULT_RELAY_LIMITS) -> None:
        self.name = name
        self.is_published = False
        self.players: tuple[LivePlayer, ...] = ()
        """Who plays it, also while it is not published."""
        self._limits = limits
        self._backlog = Backlog(limits)
        self._headers = HeaderKeeper[SharedMessage](limits.max_headers, limits.max_header_bytes)
        self._newest_header = -1
        self._last: dict[int, SharedMessage] = {}
        self._ended_ms = 0

    @property
    def newest_ms(self) -> int:
        """How far the stream has come in time; one that is not published, at its end.

        That is the later of the last sound and the last picture, counted from the one that came last: times
        are modulo 2^32, and a medium that stopped long ago says nothing. Data count only while there is
        nothing else: metadata keep the time 0, however late they come.
        """
        media = [last for type_id, last in self._last.items() if type_id != MessageType.DATA_AMF0]
        newest = max(media or self._last.values(), key=lambda last: last.id, default=None)
        if newest is None:
            return self._ended_ms
        ahead = max(
            milliseconds_between(newest.timestamp_ms, last.timestamp_ms) for last in media or [newest]
        )
        return (newest.timestamp_ms + (ahead if ahead <= _MAX_INTERLEAVING_MS else 0)) & TIMESTAMP_MASK

    @property
    def newest_id(self) -> int:
        """The `SharedMessage.id` of the message that came last, 0 if none has come."""
        return max((last.id for last in self._last.values()), default=0)

    @property
    def has_video(self) -> bool:
        """Whether its publisher has sent any."""
        return MessageType.VIDEO in self._last

    @property
    def backlog_size(self) -> int:
        """Payload bytes kept for late joiners and players that are behind."""
        return self._backlog.size

    # The publisher's side

    def begin(self) -> None:
        """Note that a publisher begins."""
        self.is_published = True
        for player in self.players:
            player.begin(self._backlog)

    def end(self) -> None:
        """Note that the publisher has ended; players that are behind may still catch up."""
        self.is_published = False
        for player in self.players:
            player.end()
        self._backlog = Backlog(self._limits)
        self._headers.clear()
        self._newest_header = -1
        self._ended_ms = self.newest_ms
        self._last.clear()

    def push(self, type_id: int, timestamp_ms: int, payload: Payload) -> None:
        """Take a message of the publisher: audio, video, or data in AMF0 without "@setDataFrame".

        `payload` is kept, and must not change.
        """
        message = SharedMessage(type_id, timestamp_ms, payload, self._last.get(type_id))
        self._last[type_id] = message
        ordinary = ORDINARY_STARTS.get(type_id)
        if ordinary is None or len(payload) < 2 or not ordinary[payload[0] << 8 | payload[1]]:
            self._look_at(message)
        is_video = type_id == MessageType.VIDEO
        behind: int | None = None
        for player in self.players:
            if (player.sees if is_video else player.hears) and player.offer(message):
                continue
            player.take(message)
            place = player.place
            if place is not None and (behind is None or place < behind):
                behind = place
        message.forget_chunks()
        message.payload = compact(payload)
        self._backlog.append(message, behind)
        if behind is not None and (message.is_key or self._backlog.key is None):
            self._hurry(message.timestamp_ms)

    def _look_at(self, message: SharedMessage) -> None:
        kind = media_kind(message.type_id, message.payload)
        if kind is MediaKind.KEY_FRAME:
            message.is_key = True
        message.is_header = kind.is_header or kind is MediaKind.METADATA
        if self._headers.put(kind, message.payload, message):
            self._newest_header = self._backlog.end

    def _hurry(self, now_ms: int) -> None:
        """Let players that are too far behind go on at the key picture, or with the next message."""
        for player in self.players:
            if player.place is None:
                continue
            due = self._backlog.get(player.place)
            if due is None or milliseconds_between(due.timestamp_ms, now_ms) > self._limits.max_behind_ms:
                self._skip(player)

    # The players' side

    def add_player(self, outlet: Outlet) -> LivePlayer:
        """Let somebody play: headers and the last group of pictures go out at once if there is room."""
        player = LivePlayer(outlet, self._backlog)
        self.players = (*self.players, player)
        self._start(player)
        return player

    def remove_player(self, player: LivePlayer) -> None:
        """Let a player go."""
        self.players = tuple(other for other in self.players if other is not player)

    def resume_player(self, player: LivePlayer) -> None:
        """Let a player that paused go on: where it was, or at the last key picture if that is later."""
        if not player.is_paused:
            return
        key, paused_at = self._backlog.key, player.paused_at
        if key is not None and paused_at is not None and paused_at >= key:
            player.unpause(paused_at)
            player.catch_up()
        else:
            player.unpause(None)
            self._start(player)

    def refresh_player(self, player: LivePlayer) -> None:
        """Send the headers again to a player that wanted no audio or no video, and may have missed some."""
        if self.is_published:
            for header in self._headers_at(player.place):
                player.outlet.send(header)

    def drained(self, player: LivePlayer) -> None:
        """Note that a player's outlet has room again."""
        if not player.catch_up():
            self._skip(player)
            player.catch_up()

    def _start(self, player: LivePlayer) -> None:
        if self.is_published:
            key = self._backlog.key
            player.go_to(key, self._headers_at(key))
            player.catch_up()

    def _skip(self, player: LivePlayer) -> None:
        key = self._backlog.key
        missed_headers = player.place is not None and player.place <= self._newest_header
        player.go_to(key, self._headers_at(key) if missed_headers else ())

    def _headers_at(self, number: int | None) -> list[SharedMessage]:
        """Return metadata as they came, then configurations with the time of the message they go before."""
        message = self._backlog.get(number) if number is not None else None
        time_ms = self.newest_ms if message is None else message.timestamp_ms
        metadata = self._headers.metadata
        # their time stays, which is 0 as a rule: FFmpeg takes later ones for a stream of text
        first = [] if metadata is None else [metadata.moved_to(metadata.timestamp_ms)]
        return first + [header.moved_to(time_ms) for header in self._headers.headers]
