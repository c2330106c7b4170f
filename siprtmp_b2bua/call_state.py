"""The states of a call, and the table of events that move it.

The table is the documentation: an event that it does not have in the present state is refused by name with
`IllegalTransitionError`, never ignored by an `if` somewhere else.

    IDLE --invite--> OUTGOING --progress--> PROCEEDING --answered--> ACTIVE --bye--> IDLE
    IDLE --invited--> INCOMING --accept--> ANSWERING --answered--> ACTIVE
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from .errors import IllegalTransitionError


class CallState(Enum):
    """Where the one call of a line stands."""

    IDLE = auto()
    """No call."""
    OUTGOING = auto()
    """INVITE sent, nothing but 100 heard."""
    PROCEEDING = auto()
    """A 18x response was heard."""
    INCOMING = auto()
    """INVITE received and shown to the RTMP client, which has not answered."""
    ANSWERING = auto()
    """The client accepted; 200 is sent, ACK not seen."""
    ACTIVE = auto()
    """Both sides hear each other."""
    ENDING = auto()
    """BYE, CANCEL or a refusal was sent; waiting for pjsip to say that the call is gone."""


class CallEvent(Enum):
    """What happens to a call; the first group comes from the RTMP client, the second from SIP."""

    INVITE = auto()
    ACCEPT = auto()
    REJECT = auto()
    BYE = auto()
    HOLD = auto()
    DTMF = auto()

    INVITED = auto()
    RINGING = auto()
    ANSWERED = auto()
    DISCONNECTED = auto()


_S = CallState
_E = CallEvent

TRANSITIONS: Final[dict[CallState, dict[CallEvent, CallState]]] = {
    _S.IDLE: {_E.INVITE: _S.OUTGOING, _E.INVITED: _S.INCOMING},
    _S.OUTGOING: {
        _E.RINGING: _S.PROCEEDING,
        _E.ANSWERED: _S.ACTIVE,
        _E.BYE: _S.ENDING,
        _E.DISCONNECTED: _S.IDLE,
    },
    _S.PROCEEDING: {
        _E.RINGING: _S.PROCEEDING,
        _E.ANSWERED: _S.ACTIVE,
        _E.BYE: _S.ENDING,
        _E.DTMF: _S.PROCEEDING,  # digits to an announcement in early media
        _E.DISCONNECTED: _S.IDLE,
    },
    _S.INCOMING: {
        _E.ACCEPT: _S.ANSWERING,
        _E.REJECT: _S.ENDING,
        _E.BYE: _S.ENDING,
        _E.DISCONNECTED: _S.IDLE,
    },
    _S.ANSWERING: {
        _E.ANSWERED: _S.ACTIVE,
        _E.REJECT: _S.ENDING,  # none of the client's codecs was offered
        _E.BYE: _S.ENDING,
        _E.DISCONNECTED: _S.IDLE,
    },
    _S.ACTIVE: {
        _E.HOLD: _S.ACTIVE,
        _E.DTMF: _S.ACTIVE,
        _E.BYE: _S.ENDING,
        _E.DISCONNECTED: _S.IDLE,
    },
    _S.ENDING: {
        # Late news of the far end cross our BYE or CANCEL on the wire.
        _E.RINGING: _S.ENDING,
        _E.ANSWERED: _S.ENDING,
        _E.DISCONNECTED: _S.IDLE,
    },
}


def next_state(state: CallState, event: CallEvent) -> CallState:
    """Return the state after `event`; raises `IllegalTransitionError` when the table does not have it."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalTransitionError(
            f"{event.name.lower()} is not possible while the call is {state.name.lower()}"
        ) from None
