"""The states of a connection and of a message stream, and every transition there is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import TypeVar

from rtmp.errors import RtmpError


class ConnectionState(Enum):
    """Where a connection is. CLOSING: nothing more is read, what is queued is still sent."""

    HANDSHAKE = auto()
    UNCONNECTED = auto()
    CONNECTING = auto()
    CONNECTED = auto()
    CLOSING = auto()
    CLOSED = auto()


class ConnectionInput(Enum):
    """What moves a connection."""

    HANDSHAKE_DONE = auto()
    CONNECT = auto()
    ACCEPT = auto()
    REJECT = auto()
    CLOSE = auto()
    LOST = auto()


class StreamState(Enum):
    """Where a message stream is."""

    IDLE = auto()
    PUBLISH_REQUESTED = auto()
    PUBLISHING = auto()
    PLAY_REQUESTED = auto()
    PLAYING = auto()


class StreamInput(Enum):
    """What moves a message stream."""

    PUBLISH = auto()
    ACCEPT_PUBLISH = auto()
    REJECT_PUBLISH = auto()
    PLAY = auto()
    PLAY_NEXT = auto()
    ACCEPT_PLAY = auto()
    REJECT_PLAY = auto()
    CLOSE = auto()


_C, _CI = ConnectionState, ConnectionInput
CONNECTION_TRANSITIONS: Mapping[tuple[ConnectionState, ConnectionInput], ConnectionState] = {
    (_C.HANDSHAKE, _CI.HANDSHAKE_DONE): _C.UNCONNECTED,
    (_C.UNCONNECTED, _CI.CONNECT): _C.CONNECTING,
    (_C.CONNECTING, _CI.ACCEPT): _C.CONNECTED,
    (_C.CONNECTING, _CI.REJECT): _C.CLOSING,
    (_C.HANDSHAKE, _CI.CLOSE): _C.CLOSING,
    (_C.UNCONNECTED, _CI.CLOSE): _C.CLOSING,
    (_C.CONNECTING, _CI.CLOSE): _C.CLOSING,
    (_C.CONNECTED, _CI.CLOSE): _C.CLOSING,
    (_C.CLOSING, _CI.CLOSE): _C.CLOSING,
    **{(state, _CI.LOST): _C.CLOSED for state in _C},
}

_S, _SI = StreamState, StreamInput
STREAM_TRANSITIONS: Mapping[tuple[StreamState, StreamInput], StreamState] = {
    (_S.IDLE, _SI.PUBLISH): _S.PUBLISH_REQUESTED,
    (_S.PUBLISH_REQUESTED, _SI.ACCEPT_PUBLISH): _S.PUBLISHING,
    (_S.PUBLISH_REQUESTED, _SI.REJECT_PUBLISH): _S.IDLE,
    (_S.IDLE, _SI.PLAY): _S.PLAY_REQUESTED,
    (_S.IDLE, _SI.PLAY_NEXT): _S.PLAY_REQUESTED,
    (_S.PLAYING, _SI.PLAY_NEXT): _S.PLAY_REQUESTED,
    (_S.PLAY_REQUESTED, _SI.ACCEPT_PLAY): _S.PLAYING,
    (_S.PLAY_REQUESTED, _SI.REJECT_PLAY): _S.IDLE,
    **{(state, _SI.CLOSE): _S.IDLE for state in _S},
}

_State = TypeVar("_State", bound=Enum)
_Input = TypeVar("_Input", bound=Enum)


def advance(
    table: Mapping[tuple[_State, _Input], _State], state: _State, cause: _Input, at_fault: type[RtmpError]
) -> _State:
    """Return the state that the input leads to; raise `at_fault` if the table has no such transition."""
    following = table.get((state, cause))
    if following is None:
        raise at_fault(f"{cause.name} is not possible in state {state.name}")
    return following
