"""A live stream with players that come, go, pause, are slow and catch up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rtmp.media_kind import MediaKind, media_kind
from rtmp.messages import MessageType
from rtmp.relay.limits import RelayLimits
from rtmp.relay.live_stream import LiveStream
from tests.fuzz.targets import operations
from tests.fuzz.targets.operations import Kind, Operation
from tests.fuzz.targets.viewer import RELAYED, Got, Viewer

_LIMITS = RelayLimits(max_backlog_bytes=2000, max_backlog_messages=12, max_behind_ms=300, max_headers=6)
_EVERYTHING = 1 << 30
_PICTURES = (MediaKind.KEY_FRAME, MediaKind.INTER_FRAME)
_HEADER_OF = {
    MediaKind.KEY_FRAME: MediaKind.VIDEO_HEADER,
    MediaKind.INTER_FRAME: MediaKind.VIDEO_HEADER,
    MediaKind.AUDIO: MediaKind.AUDIO_HEADER,
}
_SHAPES = ((1, 128), (2, 4096), (1, 128), (3, 1))
"""Message stream and chunk size of each player; of these two share every cut."""


@dataclass(frozen=True, slots=True)
class Published:
    """A message as it was pushed, and whether it has to reach a player that was there and had room."""

    type_id: int
    timestamp_ms: int
    payload: bytes
    kind: MediaKind
    publication: int
    can_be_seen: bool


class RelayDriver:
    """Publishes, and lets all players but the first do as the operations say."""

    def __init__(self) -> None:
        self._stream = LiveStream("live/x", _LIMITS)
        self._viewers = [Viewer(*shape) for shape in _SHAPES]
        self._published: list[Published] = []
        self._numbers: dict[int, int] = {}
        self._publication = 0
        self._has_key = False
        self._had_many_headers = False
        self._time_ms = 0
        for viewer in self._viewers[:2]:
            viewer.player = self._stream.add_player(viewer)
            viewer.room = _EVERYTHING
        self._begin()

    def run(self, steps: Sequence[Operation]) -> None:
        """Do the operations, let everybody catch up, and check what all have got."""
        for step in steps:
            if step.kind is Kind.LOCAL:
                self._act(step)
            elif step.kind is Kind.TIME:
                self._time_ms = int.from_bytes(step.body[:4], "big")
            elif step.kind is Kind.MESSAGE:
                self._push(step)
        self._stream.end()
        for viewer in self._viewers:
            self._set_room(viewer, _EVERYTHING)
            viewer.check()
            self._check_order(viewer.got)
            self._check_headers(viewer.got)
        self._check_complete(self._viewers[0])

    # What happens

    def _push(self, step: Operation) -> None:
        if not self._stream.is_published:
            return
        self._time_ms += step.b >> 4
        type_id = RELAYED[step.a % len(RELAYED)]
        payload = step.body * (step.a // len(RELAYED) % 8 + 1)
        kind = media_kind(type_id, payload)
        self._has_key |= kind is MediaKind.KEY_FRAME
        is_seen = type_id != MessageType.VIDEO or kind.is_header or self._has_key
        read_at_once = memoryview(payload + bytes(3000))
        self._stream.push(type_id, self._time_ms, read_at_once[: len(payload)] if step.b & 1 else payload)
        self._numbers[self._stream._last[type_id].id] = len(self._published)
        time_ms = self._time_ms & 0xFFFFFFFF
        self._published.append(Published(type_id, time_ms, payload, kind, self._publication, is_seen))
        self._had_many_headers |= len(self._stream._headers) >= _LIMITS.max_headers
        assert self._stream.backlog_size <= _LIMITS.max_backlog_bytes
        assert len(self._stream._headers) <= _LIMITS.max_headers

    def _act(self, step: Operation) -> None:
        viewer = self._viewers[1 + step.b % 3]
        actions: tuple[Callable[[], None], ...] = (
            lambda: self._set_room(viewer, step.b >> 2 & 15),
            lambda: self._pause(viewer),
            lambda: self._resume(viewer),
            lambda: self._leave(viewer),
            lambda: self._join(viewer),
            self._stream.end,
            self._begin,
            lambda: self._receive(viewer, MessageType.AUDIO),
            lambda: self._receive(viewer, MessageType.VIDEO),
            lambda: viewer.send_alone(MessageType.AUDIO, self._time_ms, step.body),
            lambda: viewer.send_alone(MessageType.VIDEO, self._time_ms, step.body),
            lambda: viewer.session.send_ping(self._time_ms),
        )
        actions[step.a % len(actions)]()

    def _set_room(self, viewer: Viewer, room: int) -> None:
        viewer.room = room
        if viewer.player is not None:
            self._stream.drained(viewer.player)

    def _pause(self, viewer: Viewer) -> None:
        if viewer.player is not None:
            viewer.player.pause()

    def _resume(self, viewer: Viewer) -> None:
        if viewer.player is not None:
            self._stream.resume_player(viewer.player)

    def _leave(self, viewer: Viewer) -> None:
        if viewer.player is not None:
            self._stream.remove_player(viewer.player)
            viewer.player = None

    def _join(self, viewer: Viewer) -> None:
        if viewer.player is None:
            viewer.stay += 1
            viewer.player = self._stream.add_player(viewer)

    def _begin(self) -> None:
        if self._stream.is_published:
            self._stream.end()
        self._publication += 1
        self._has_key = False
        self._stream.begin()

    def _receive(self, viewer: Viewer, kind: MessageType) -> None:
        wanted = not viewer.wants[kind]
        viewer.receive(kind, wanted)
        if wanted and viewer.player is not None:
            self._stream.refresh_player(viewer.player)
            if kind == MessageType.VIDEO:
                viewer.player.wait_for_key()

    # What must be

    def _check_complete(self, viewer: Viewer) -> None:
        numbers = [self._numbers[got.message.id] for got in viewer.got if not got.is_repeated]
        assert numbers == [number for number, sent in enumerate(self._published) if sent.can_be_seen]

    def _check_order(self, got: list[Got]) -> None:
        """Assert that all came in order, as it was, and no picture without those that it refers to."""
        last, last_picture = (-1, -1), (-1, -1)
        for each in got:
            if each.is_repeated:
                continue
            message, number = each.message, self._numbers[each.message.id]
            sent = self._published[number]
            assert (message.type_id, message.timestamp_ms) == (sent.type_id, sent.timestamp_ms)
            assert message.payload == sent.payload
            assert (each.stay, number) > last
            last = each.stay, number
            if sent.kind is MediaKind.INTER_FRAME:
                assert last_picture == (each.stay, self._picture_before(number))
            if sent.kind in _PICTURES:
                last_picture = each.stay, number

    def _picture_before(self, number: int) -> int | None:
        """Return the picture before, if there is one since the stream was last begun."""
        for before in range(number - 1, -1, -1):
            if self._published[before].publication != self._published[number].publication:
                return None
            if self._published[before].kind in _PICTURES:
                return before
        return None

    def _check_headers(self, got: list[Got]) -> None:
        """Assert that no frame comes without the newest header before it, or a newer one."""
        if self._had_many_headers:
            return
        newest: dict[MediaKind, int] = {}
        for each in got:
            payload = bytes(each.message.payload)
            kind = media_kind(each.message.type_id, payload)
            if each.is_repeated:
                numbers = [n for n, sent in enumerate(self._published) if sent.payload == payload]
                newest[kind] = max((newest.get(kind, -1), *numbers))
                continue
            number = self._numbers[each.message.id]
            if kind.is_header:
                newest[kind] = number
            elif kind in _HEADER_OF:
                assert newest.get(_HEADER_OF[kind], -1) >= self._header_before(number, _HEADER_OF[kind])

    def _header_before(self, number: int, kind: MediaKind) -> int:
        publication = self._published[number].publication
        for before in range(number - 1, -1, -1):
            if self._published[before].publication != publication:
                break
            if self._published[before].kind is kind:
                return before
        return -1


def run(data: bytes) -> None:
    """Operations: messages, times, and what players do."""
    RelayDriver().run(operations.parse(data))
