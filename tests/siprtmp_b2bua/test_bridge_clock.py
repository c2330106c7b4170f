"""When the bridge's clock is stopped and started."""

import asyncio

import pytest

from siprtmp_b2bua.bridge_clock import BridgeClock


@pytest.fixture
def acts() -> list[str]:
    """What was done to pjmedia's clock."""
    return []


@pytest.fixture
async def clock(acts: list[str]) -> BridgeClock:
    """A clock that runs."""
    clock = BridgeClock(lambda: acts.append("start"), lambda: acts.append("stop"))
    clock.start()
    acts.clear()
    return clock


async def test_the_first_call_starts_it_anew(clock: BridgeClock, acts: list[str]) -> None:
    assert clock.stop_for("first")
    clock.connecting("first")
    assert acts == ["stop", "start"]


async def test_a_later_call_leaves_it_alone(clock: BridgeClock, acts: list[str]) -> None:
    clock.connecting("first")
    acts.clear()
    assert not clock.stop_for("second")
    clock.connecting("second")
    clock.left("first")
    clock.left("second")
    assert acts == []


async def test_it_runs_again_when_the_call_ends_before_it_is_connected(
    clock: BridgeClock, acts: list[str]
) -> None:
    clock.stop_for("first")
    clock.stop_for("second")
    clock.left("first")
    assert "start" not in acts
    clock.left("second")
    assert acts[-1] == "start"


async def test_a_tag_of_any_client_ends_the_wait_of_all(clock: BridgeClock) -> None:
    waits = [asyncio.ensure_future(clock.wait_for_tag()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(wait.done() for wait in waits)
    clock.hear_tag()
    await asyncio.gather(*waits)


async def test_silence_ends_the_wait_as_well(clock: BridgeClock) -> None:
    async with asyncio.timeout(5):
        await clock.wait_for_tag()
