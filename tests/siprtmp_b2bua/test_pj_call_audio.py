"""When a call's audio has the bridge tick. The call, its port and the ticker are stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from siprtmp_b2bua.bridge_clock import BridgeClock
from siprtmp_b2bua.pj_call_audio import PjCallAudio
from tests.siprtmp_b2bua.recording_ticker import RecordingTicker


def post(function: Callable[..., object], *args: object) -> None:
    function(*args)


@pytest.fixture
def ticker() -> RecordingTicker:
    return RecordingTicker()


@pytest.fixture
def audio(ticker: RecordingTicker) -> PjCallAudio:
    context = SimpleNamespace(clock=BridgeClock(ticker), poster=SimpleNamespace(post=post))
    return PjCallAudio(context)  # type: ignore[arg-type]


def test_a_bridge_that_nobody_ticks_for_is_rid_of_streams_that_are_replaced(
    audio: PjCallAudio, ticker: RecordingTicker
) -> None:
    """Each waits in it together with its successor: some 250 fill it."""
    call = SimpleNamespace(isActive=lambda: False)
    audio.streams_changed(call)  # type: ignore[arg-type]
    assert ticker.take() == [], "the clock starts in step with the client, if this goes by the bridge"
    audio.streams_changed(call)  # type: ignore[arg-type]
    assert ticker.take() == ["run out"]


def test_a_call_whose_stream_could_not_be_connected_has_a_clock_for_the_next_one(
    audio: PjCallAudio, ticker: RecordingTicker
) -> None:
    def fail() -> None:
        raise RuntimeError("no stream")

    call, port = SimpleNamespace(isActive=fail), SimpleNamespace(close=lambda: None)
    with pytest.raises(RuntimeError, match="no stream"):
        audio.attach(call, port)  # type: ignore[arg-type]
    assert ticker.take() == ["start"]
    audio.leave_bridge()
    assert ticker.take() == ["run out"], "its port was the last one"
