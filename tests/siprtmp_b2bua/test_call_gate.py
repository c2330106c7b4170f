"""When new calls are refused."""

from __future__ import annotations

import asyncio
import time

import pytest

from siprtmp_b2bua.call_gate import CallGate
from siprtmp_b2bua.errors import CapacityError


def test_one_hiccup_is_forgiven_and_two_in_a_second_are_not() -> None:
    gate = CallGate(0.05)
    gate.note_lag(0.3)
    gate.check()
    gate.note_lag(0.06)
    assert gate.lag_s == 0.06
    with pytest.raises(CapacityError, match="overloaded"):
        gate.check()
    for _ in range(3):
        gate.note_lag(0.0)
    gate.check()


def test_without_a_limit_lag_does_not_matter() -> None:
    gate = CallGate(0)
    for _ in range(4):
        gate.note_lag(1.0)
    gate.check()
    gate.is_draining = True
    with pytest.raises(CapacityError, match="about to end"):
        gate.check()


async def test_it_measures_the_loop() -> None:
    gate = CallGate(0.05)
    gate.start()
    async with asyncio.timeout(5):
        while not gate.is_overloaded:
            time.sleep(0.1)  # noqa: ASYNC251 - the loop has to be late
            await asyncio.sleep(0)
    gate.stop()


def test_calls_are_counted_and_no_more_taken_than_there_may_be() -> None:
    gate, changes = CallGate(0, 2), []
    gate.on_calls_changed = lambda: changes.append(gate.calls)
    gate.call_began()
    gate.check()
    gate.call_began()
    with pytest.raises(CapacityError, match="busy: this gateway has as many calls as it may"):
        gate.check()
    gate.call_ended()
    gate.check()
    assert changes == [1, 2, 1]


def test_if_all_processes_have_as_many_as_may_be_each_may_fill_its_own_places_again() -> None:
    gate = CallGate(0)
    gate.call_began()
    gate.shut(True)
    with pytest.raises(CapacityError, match="busy"):
        gate.check()
    gate.call_ended()
    gate.check()
    gate.call_began()
    with pytest.raises(CapacityError, match="busy"):
        gate.check()
    gate.shut(False)
    gate.check()
