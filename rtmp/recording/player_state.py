"""The states of one who plays a recording, and every transition there is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto


class PlayerState(Enum):
    """What a player does.

    OPENING_PAUSED: the client does not want anything yet. COMPLETE: all is sent, but the client may go back.
    """

    OPENING = auto()
    OPENING_PAUSED = auto()
    PLAYING = auto()
    PAUSED = auto()
    COMPLETE = auto()
    STOPPED = auto()


class PlayerInput(Enum):
    """What moves a player."""

    OPENED = auto()
    PAUSE = auto()
    RESUME = auto()
    SOUGHT = auto()
    END = auto()
    STOP = auto()


_S, _I = PlayerState, PlayerInput
PLAYER_TRANSITIONS: Mapping[tuple[PlayerState, PlayerInput], PlayerState] = {
    (_S.OPENING, _I.OPENED): _S.PLAYING,
    (_S.OPENING, _I.PAUSE): _S.OPENING_PAUSED,
    (_S.OPENING, _I.RESUME): _S.OPENING,
    (_S.OPENING_PAUSED, _I.OPENED): _S.PAUSED,
    (_S.OPENING_PAUSED, _I.PAUSE): _S.OPENING_PAUSED,
    (_S.OPENING_PAUSED, _I.RESUME): _S.OPENING,
    (_S.PLAYING, _I.PAUSE): _S.PAUSED,
    (_S.PAUSED, _I.PAUSE): _S.PAUSED,
    (_S.COMPLETE, _I.PAUSE): _S.PAUSED,
    (_S.PLAYING, _I.RESUME): _S.PLAYING,
    (_S.PAUSED, _I.RESUME): _S.PLAYING,
    (_S.COMPLETE, _I.RESUME): _S.COMPLETE,
    (_S.PLAYING, _I.SOUGHT): _S.PLAYING,
    (_S.PAUSED, _I.SOUGHT): _S.PAUSED,
    (_S.COMPLETE, _I.SOUGHT): _S.PLAYING,
    (_S.PLAYING, _I.END): _S.COMPLETE,
    **{(state, _I.STOP): _S.STOPPED for state in _S},
}
