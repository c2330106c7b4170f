"""One wake-up a tick. The loop is a stand-in that counts wake-ups and runs them when told: real ones race."""

import logging
from collections.abc import Callable

import pytest

from media_bridge.tick_notifier import TickMember, TickNotifier


class CountingLoop:
    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.wakes = 0
        self.closed = False

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        if self.closed:
            raise RuntimeError("Event loop is closed")
        self.wakes += 1
        self.calls.append(callback)

    def run(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


@pytest.fixture
def loop() -> CountingLoop:
    return CountingLoop()


@pytest.fixture
def notifier(loop: CountingLoop) -> TickNotifier:
    return TickNotifier(loop)  # type: ignore[arg-type]


def test_four_members_one_wake_up_a_tick(loop: CountingLoop, notifier: TickNotifier) -> None:
    ran: list[int] = []
    members = [notifier.register(lambda n=n: ran.append(n)) for n in range(4)]
    for _ in range(2):  # learning who is there
        for member in members:
            member.turn()
            loop.run()
    before, ran[:] = loop.wakes, []
    for _ in range(10):
        for member in members[:3]:
            member.turn()
            assert not loop.calls, "woken by the last one only"
        members[3].turn()
        loop.run()
    assert loop.wakes - before == 10
    assert ran == [0, 1, 2, 3] * 10


def test_a_member_that_is_gone_holds_the_others_up_once(loop: CountingLoop, notifier: TickNotifier) -> None:
    members = [notifier.register(lambda: None) for _ in range(3)]
    for _ in range(3):
        for member in members:
            member.turn()
        loop.run()
    silent = []
    for _ in range(4):
        for member in members[:2]:
            member.turn()
        silent.append(not loop.calls)
        loop.run()
    assert silent == [True, False, False, False]


def test_a_closed_member_is_not_waited_for_nor_called(loop: CountingLoop, notifier: TickNotifier) -> None:
    ran: list[str] = []
    a = notifier.register(lambda: ran.append("a"))
    b = notifier.register(lambda: ran.append("b"))
    for _ in range(2):
        a.turn()
        b.turn()
        loop.run()
    ran.clear()
    b.close()
    b.close()
    b.turn()
    a.turn()
    loop.run()
    assert ran == ["a"]


def test_no_second_wake_up_while_one_is_pending(loop: CountingLoop, notifier: TickNotifier) -> None:
    member = notifier.register(lambda: None)
    for _ in range(5):
        member.turn()
    assert loop.wakes == 1
    loop.run()
    member.turn()
    assert loop.wakes == 2


def test_one_failing_callback_leaves_the_others(
    loop: CountingLoop, notifier: TickNotifier, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []

    def fail() -> None:
        raise RuntimeError("call broke")

    notifier.register(fail)
    notifier.register(lambda: ran.append("b")).turn()
    loop.run()
    assert ran == ["b"]
    assert [r.levelno for r in caplog.records] == [logging.ERROR]


def test_closing_another_member_from_a_callback(loop: CountingLoop, notifier: TickNotifier) -> None:
    ran: list[str] = []
    closing: list[TickMember] = []

    def close_all() -> None:
        for member in closing:
            member.close()

    a = notifier.register(close_all)
    b = notifier.register(lambda: ran.append("b"))
    closing.append(b)
    a.turn()
    loop.run()
    assert ran == []


def test_a_closed_loop_is_no_error_on_the_clock_thread(loop: CountingLoop, notifier: TickNotifier) -> None:
    member = notifier.register(lambda: None)
    loop.closed = True
    member.turn()
    member.turn()
    assert loop.wakes == 0
