"""The states of a stream that is kept up, and what its program is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto


class LinkState(Enum):
    """Where a stream is. MOVING: up, while another link is being opened."""

    IDLE = auto()
    CONNECTING = auto()
    UP = auto()
    MOVING = auto()
    WAITING = auto()
    FAILED = auto()
    CLOSED = auto()


class LinkInput(Enum):
    """What moves it."""

    CONNECT = auto()
    UP = auto()
    MOVE = auto()
    LOST = auto()
    GIVE_UP = auto()
    CLOSE = auto()


_S, _I = LinkState, LinkInput
TRANSITIONS: Mapping[tuple[LinkState, LinkInput], LinkState] = {
    (_S.IDLE, _I.CONNECT): _S.CONNECTING,
    (_S.CONNECTING, _I.UP): _S.UP,
    (_S.UP, _I.MOVE): _S.MOVING,
    (_S.MOVING, _I.UP): _S.UP,
    **{(state, _I.LOST): _S.WAITING for state in (_S.CONNECTING, _S.UP, _S.MOVING)},
    **{(state, _I.GIVE_UP): _S.FAILED for state in (_S.CONNECTING, _S.UP, _S.MOVING)},
    (_S.WAITING, _I.CONNECT): _S.CONNECTING,
    **{(state, _I.CLOSE): _S.CLOSED for state in _S if state is not _S.FAILED},
    (_S.FAILED, _I.CLOSE): _S.FAILED,
}


@dataclass(frozen=True, slots=True)
class StateChange:
    """`url` is where the stream is or is to be; `error` is why it is not, `wait_s` how long until again."""

    state: LinkState
    url: str
    error: Exception | None = None
    wait_s: float = 0.0
