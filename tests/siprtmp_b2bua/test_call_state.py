"""The transition table of a call."""

import pytest

from siprtmp_b2bua.call_state import TRANSITIONS, CallEvent, CallState, next_state
from siprtmp_b2bua.errors import IllegalTransitionError


def test_every_state_can_end() -> None:
    for state in set(CallState) - {CallState.IDLE}:
        assert next_state(state, CallEvent.DISCONNECTED) is CallState.IDLE


def test_every_live_state_can_be_left_by_the_client() -> None:
    for state in set(CallState) - {CallState.IDLE, CallState.ENDING}:
        assert next_state(state, CallEvent.BYE) is CallState.ENDING


def test_every_state_has_a_row_and_is_reachable() -> None:
    assert set(TRANSITIONS) == set(CallState)
    assert {to for row in TRANSITIONS.values() for to in row.values()} == set(CallState)


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (CallState.IDLE, CallEvent.ACCEPT),
        (CallState.OUTGOING, CallEvent.ACCEPT),
        (CallState.INCOMING, CallEvent.HOLD),
        (CallState.ACTIVE, CallEvent.INVITE),
        (CallState.ENDING, CallEvent.BYE),
    ],
)
def test_what_is_not_in_the_table_is_refused_by_name(state: CallState, event: CallEvent) -> None:
    with pytest.raises(IllegalTransitionError, match=f"{event.name.lower()} .* {state.name.lower()}"):
        next_state(state, event)
