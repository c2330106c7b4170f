"""When the bridge's clock is started and stopped."""

import asyncio

import pytest

from media_bridge.pj_ticker import BridgeTicker
from siprtmp_b2bua import bridge_clock
from siprtmp_b2bua.bridge_clock import BridgeClock
from tests.media_bridge.test_pj_ticker import SteppedLoop
from tests.siprtmp_b2bua.recording_ticker import RecordingTicker


@pytest.fixture
def ticker() -> RecordingTicker:
    return RecordingTicker()


@pytest.fixture
async def clock(ticker: RecordingTicker) -> BridgeClock:
    return BridgeClock(ticker)


async def test_the_first_call_starts_it_and_the_last_one_stops_it(
    clock: BridgeClock, ticker: RecordingTicker
) -> None:
    clock.enter("first")
    assert ticker.take() == ["start"]
    clock.enter("second")
    clock.leave("first")
    assert ticker.take() == []
    clock.leave("second")
    assert ticker.take() == ["run out"], "not before what they leave behind is removed"


async def test_a_call_that_never_entered_is_cleaned_up_after_as_well(
    clock: BridgeClock, ticker: RecordingTicker
) -> None:
    clock.leave("first")
    assert ticker.take() == ["run out"]


async def test_a_call_that_never_entered_does_not_disturb_the_others(
    clock: BridgeClock, ticker: RecordingTicker
) -> None:
    clock.enter("first")
    ticker.take()
    clock.leave("second")
    assert ticker.take() == []


async def test_calls_that_leave_all_the_time_do_not_keep_it_from_ticking() -> None:
    loop = SteppedLoop()
    ticker = BridgeTicker(loop)  # type: ignore[arg-type]
    clock = BridgeClock(ticker)
    ticks: list[float] = []
    ticker.listen(lambda: ticks.append(loop.now_s))
    for call in range(10):
        clock.leave(call)
        loop.run(10)
    assert len(ticks) == 5
    loop.run(5000)
    assert len(ticks) == 4 + bridge_clock._LAST_TICKS, "as many as ever after the last one"


async def test_the_bridge_is_settled_unless_it_ticks_anyway(
    clock: BridgeClock, ticker: RecordingTicker
) -> None:
    clock.settle_bridge()
    assert ticker.take() == ["run out"]
    clock.enter("first")
    ticker.take()
    clock.settle_bridge()
    assert ticker.take() == []


async def test_a_tag_of_any_client_ends_the_wait_of_all(clock: BridgeClock) -> None:
    waits = [asyncio.ensure_future(clock.wait_for_tag()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(wait.done() for wait in waits)
    clock.hear_tag()
    await asyncio.gather(*waits)


async def test_nobody_waits_while_others_are_in_the_bridge(clock: BridgeClock) -> None:
    clock.enter("first")
    wait = asyncio.ensure_future(clock.wait_for_tag())
    await asyncio.sleep(0)
    assert wait.done()


async def test_a_call_that_enters_ends_the_wait_of_the_others(
    clock: BridgeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_clock, "_TAG_TIMEOUT_S", 60)
    wait = asyncio.ensure_future(clock.wait_for_tag())
    await asyncio.sleep(0)
    clock.enter("another")
    async with asyncio.timeout(5):
        await wait


async def test_silence_ends_the_wait_as_well(clock: BridgeClock) -> None:
    async with asyncio.timeout(5):
        await clock.wait_for_tag()
