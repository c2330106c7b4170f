"""A message stream as the server sees it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from rtmp.errors import LocalProtocolError, RtmpError
from rtmp.events import PlayRequested
from rtmp.messages import MessageType
from rtmp.session_output import media_chunk_streams
from rtmp.state import STREAM_TRANSITIONS, StreamInput, StreamState, advance


@dataclass(slots=True)
class ServerStream:
    """A message stream of the client, and what its player wants to receive."""

    stream_id: int
    state: StreamState = StreamState.IDLE
    name: str = ""
    audio: bool = True
    video: bool = True
    sendable: dict[int, int] = field(default_factory=dict)
    """What can be sent to the player now: message types, and the chunk stream of each."""
    playlist: deque[PlayRequested] = field(default_factory=deque)
    """What its player wants to be played after what plays."""

    def advance(self, cause: StreamInput, at_fault: type[RtmpError] = LocalProtocolError) -> None:
        """Move along the table; raise `at_fault` if it has no such transition."""
        self.state = advance(STREAM_TRANSITIONS, self.state, cause, at_fault)
        self._update_sendable()

    def receive(self, *, audio: bool, video: bool) -> None:
        """Note what the player wants to receive."""
        self.audio, self.video = audio, video
        self._update_sendable()

    def _update_sendable(self) -> None:
        self.sendable = media_chunk_streams(self.stream_id) if self.state is StreamState.PLAYING else {}
        if not self.audio:
            self.sendable.pop(MessageType.AUDIO, None)
        if not self.video:
            self.sendable.pop(MessageType.VIDEO, None)
