"""The bridge's clock. When it ticks is tried with a stand-in for the loop, whose time is the test's."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable

import pytest

from media_bridge.pj_ticker import BridgeTicker
from tests.rtmp.both_loops import on_both_loops

from .bridge_process import run_script


class Timer:
    def __init__(self, due_s: float, callback: Callable[[], None]) -> None:
        self.due_s = due_s
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class SteppedLoop:
    """Runs timers when the test lets time pass."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now_s

    def call_soon(self, callback: Callable[[], None]) -> Timer:
        return self.call_at(self.now_s, callback)

    def call_at(self, due_s: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(due_s, callback))
        return self.timers[-1]

    def stand_still(self, ms: float) -> None:
        self.now_s += ms / 1000

    def run(self, ms: float = 0) -> None:
        """Let so much time pass, and run what is due in it, and what is overdue."""
        end_s = self.now_s + ms / 1000 + 1e-9
        while due := [timer for timer in self.timers if not timer.cancelled and timer.due_s <= end_s]:
            timer = min(due, key=lambda each: each.due_s)
            self.timers.remove(timer)
            self.now_s = max(self.now_s, timer.due_s)
            timer.callback()
        self.now_s = max(self.now_s, end_s - 1e-9)


@pytest.fixture
def loop() -> SteppedLoop:
    return SteppedLoop()


@pytest.fixture
def ticker(loop: SteppedLoop) -> BridgeTicker:
    return BridgeTicker(loop)  # type: ignore[arg-type]


@pytest.fixture
def ticks(loop: SteppedLoop, ticker: BridgeTicker) -> list[int]:
    """When it has ticked, in ms since the beginning."""
    times: list[int] = []
    ticker.listen(lambda: times.append(round((loop.now_s - 100) * 1000)))
    return times


def test_it_ticks_every_frame_time_once_started(
    loop: SteppedLoop, ticker: BridgeTicker, ticks: list[int]
) -> None:
    loop.run(50)
    assert ticks == []
    ticker.start()
    loop.run(100)
    assert ticks == [70, 90, 110, 130, 150]
    ticker.stop()
    loop.run(100)
    assert len(ticks) == 5


def test_ticks_that_are_late_are_made_up_for(
    loop: SteppedLoop, ticker: BridgeTicker, ticks: list[int]
) -> None:
    ticker.start()
    loop.run(20)
    loop.stand_still(65)
    loop.run()
    assert ticks == [20, 85, 85, 85]
    loop.run(20)
    assert ticks[4:] == [100]


def test_a_machine_that_stood_still_gets_no_flood(
    loop: SteppedLoop, ticker: BridgeTicker, ticks: list[int]
) -> None:
    ticker.start()
    loop.run(20)
    loop.stand_still(60_000)
    loop.run()
    assert len(ticks) <= 3
    loop.run(100)
    assert len(ticks) <= 8


def test_who_counts_time_hears_how_much_was_left_out(
    loop: SteppedLoop, ticker: BridgeTicker, ticks: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    left_out: list[int] = []
    end = ticker.listen(lambda: None, left_out.append)
    ticker.start()
    loop.run(20)
    loop.stand_still(3_013)
    loop.run(100)
    assert len(ticks) + sum(left_out) == (20 + 3_013 + 100) // 20
    assert ticks[-1] % 20 == 0, "it goes on in the same moments"
    assert "2980 ms of all calls' audio are left out" in caplog.text
    end()
    loop.stand_still(3_000)
    loop.run()
    assert len(left_out) == 1


def test_to_start_it_again_moves_it(loop: SteppedLoop, ticker: BridgeTicker, ticks: list[int]) -> None:
    ticker.start()
    loop.run(47)
    ticker.start()
    loop.run(50)
    assert ticks == [20, 40, 67, 87]


def test_it_stops_after_so_many_ticks_unless_it_is_started(
    loop: SteppedLoop, ticker: BridgeTicker, ticks: list[int]
) -> None:
    ticker.run_out(3)
    loop.run(1000)
    assert ticks == [20, 40, 60]
    ticker.run_out(3)
    ticker.start()
    loop.run(1000)
    assert len(ticks) == 3 + 50


def test_it_runs_out_in_the_moments_in_which_it_ticks(
    loop: SteppedLoop, ticker: BridgeTicker, ticks: list[int]
) -> None:
    ticker.start()
    for _ in range(9):
        loop.run(10)
        ticker.run_out(3)
    loop.run(1000)
    assert ticks == [20, 40, 60, 80, 100, 120, 140]
    ticker.run_out(2)
    loop.run(1000)
    assert ticks[7:] == [1110, 1130]


def test_one_listener_that_fails_takes_nothing_from_the_others(
    loop: SteppedLoop, ticker: BridgeTicker, caplog: pytest.LogCaptureFixture
) -> None:
    heard = []

    def fail() -> None:
        raise RuntimeError("no sound")

    ticker.listen(fail)
    ticker.listen(lambda: heard.append(1))
    ticker.start()
    with caplog.at_level(logging.ERROR):
        loop.run(60)
    assert len(heard) == 3
    assert caplog.text.count("error in a tick callback") == 3


def test_a_listener_that_ends_in_a_tick_is_not_called_any_more(
    loop: SteppedLoop, ticker: BridgeTicker
) -> None:
    heard: list[str] = []
    ends: list[Callable[[], None]] = []

    def end_both() -> None:
        heard.append("a")
        for end in ends:
            end()

    ends.append(ticker.listen(end_both))
    ends.append(ticker.listen(lambda: heard.append("b")))
    ticker.start()
    loop.run(60)
    assert heard == ["a"]


def test_a_listener_may_stop_it(loop: SteppedLoop, ticker: BridgeTicker, ticks: list[int]) -> None:
    ticker.listen(ticker.stop)
    ticker.start()
    loop.run(100)
    assert ticks == [20]


def test_a_listener_may_start_it_again(loop: SteppedLoop, ticker: BridgeTicker, ticks: list[int]) -> None:
    end = ticker.listen(ticker.start)
    ticker.start()
    loop.run(50)
    end()
    loop.run(50)
    assert ticks == [20, 40, 60, 80, 100]
    ticker.stop()
    loop.run(100)
    assert len(ticks) == 5


def test_a_bridge_ticks_on_the_thread_of_the_loop_and_its_sound_is_as_it_was() -> None:
    run_script("""
        import asyncio, threading
        from random import Random
        from media_bridge.pj_port import PcmPort
        from media_bridge.pj_ticker import BridgeTicker

        frames = [Random(n).randbytes(640) for n in range(40)]
        give, got, threads = iter(frames), bytearray(), set()

        def take(pcm):
            threads.add(threading.current_thread())
            got.extend(pcm)

        async def main(endpoint):
            ticker = BridgeTicker(asyncio.get_running_loop())
            ticker.open(endpoint, int(endpoint.audDevManager().setNoDev()), 16000)
            a = PcmPort("a", 16000, source=lambda n: next(give, b""))
            b = PcmPort("b", 16000, sink=take)
            a.startTransmit(b)
            ticks, done = [], asyncio.Event()

            def on_tick():
                ticks.append(len(got))
                if frames[30] in got:
                    done.set()

            ticker.listen(on_tick)
            ticker.start()
            await asyncio.wait_for(done.wait(), 10)
            assert ticks[-1] > ticks[-2], "what a tick brought is there when its listeners are called"
            ticker.stop()
            count = len(ticks)
            await asyncio.sleep(0.1)
            assert len(ticks) == count
            a.close(); b.close()
            ticker.close()

        with running_bridge() as endpoint:
            asyncio.run(main(endpoint))
        start = got.index(frames[5])
        assert got[start : start + 640 * 20] == b"".join(frames[5:25])
        assert threads == {threading.main_thread()}
    """)


def test_another_thread_may_run_the_loop_on() -> None:
    out = run_script("""
        import asyncio, threading
        from media_bridge.pj_port import PcmPort
        from media_bridge.pj_ticker import BridgeTicker

        loop = asyncio.new_event_loop()
        threads = []

        def on_tick():
            threads.append(threading.current_thread().name)
            loop.stop()

        def run_loop():
            loop.run_forever()

        with running_bridge() as endpoint:
            ticker = BridgeTicker(loop)
            ticker.open(endpoint, int(endpoint.audDevManager().setNoDev()), 16000)
            port = PcmPort("a", 16000, source=bytes, sink=lambda _: None)
            port.startTransmit(port)
            ticker.listen(on_tick)
            ticker.start()
            run_loop()
            for name in ("first", "second"):
                thread = threading.Thread(target=run_loop, name=name)
                thread.start()
                thread.join()
            run_loop()
            ticker.close()
            port.close()
        loop.close()
        print(*threads)
    """)
    assert "MainThread first second MainThread" in out


@on_both_loops
async def test_what_has_come_is_read_before_a_tick() -> None:
    """It came while the loop read from somebody else for longer than the next tick was away."""
    loop = asyncio.get_running_loop()
    order: list[str] = []
    ticked = asyncio.Event()
    ticker = BridgeTicker(loop)

    def on_tick() -> None:
        order.append("tick")
        ticked.set()

    with contextlib.ExitStack() as stack:
        long, long_peer, short, short_peer = (
            stack.enter_context(end) for _ in range(2) for end in socket.socketpair()
        )

        def read_for_long() -> None:
            long.recv(100)
            short_peer.send(b"sound")
            time.sleep(0.05)

        def read_shortly() -> None:
            short.recv(100)
            order.append("read")

        loop.add_reader(long, read_for_long)
        loop.add_reader(short, read_shortly)
        ticker.listen(on_tick)
        ticker.start()
        long_peer.send(b"much")
        await ticked.wait()
        ticker.close()
        loop.remove_reader(long)
        loop.remove_reader(short)
    assert order == ["read", "tick"]


@pytest.mark.parametrize("end", ["source", "sink"])
@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit"])
def test_what_a_signal_handler_raises_in_a_callback_comes_out_of_the_loop_which_can_go_on(
    end: str, error: str
) -> None:
    out = run_script(f"""
        import asyncio, signal
        from media_bridge.pj_port import PcmPort
        from media_bridge.pj_ticker import BridgeTicker

        def handle(*_):
            raise {error}

        signal.signal(signal.SIGUSR1, handle)
        ticks, signals = [], iter([signal.SIGUSR1])
        loop = asyncio.new_event_loop()

        def interrupt(_):
            for number in signals:
                signal.raise_signal(number)
            return b""

        def on_tick():
            ticks.append(1)
            if len(ticks) == 5:
                loop.stop()

        with running_bridge() as endpoint:
            ticker = BridgeTicker(loop)
            ticker.open(endpoint, int(endpoint.audDevManager().setNoDev()), 16000)
            ticker.listen(on_tick)
            port = PcmPort("a", 16000, {end}=interrupt)
            port.startTransmit(port)
            ticker.start()
            try:
                loop.run_forever()
            except {error}:
                print("interrupted after", len(ticks))
            loop.run_forever()
            print("ticks", len(ticks), "errors", port.callback_errors)
            ticker.close()
            port.close()
        loop.close()
    """)
    assert "interrupted after " in out
    assert "ticks 5 errors 0" in out
