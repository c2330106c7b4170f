"""Ports on a running bridge. Each test is a process, because pjsua2 allows one endpoint in each."""

from .bridge_process import run_script


def test_sound_goes_from_port_to_port_unchanged() -> None:
    out = run_script("""
        from queue import Queue
        from media_bridge.pj_port import PcmPort
        from random import Random
        frames = [Random(n).randbytes(640) for n in range(50)]
        heard = Queue()
        give = iter(frames)
        with running_bridge():
            a = PcmPort("a", 16000, source=lambda n: next(give, b""))
            b = PcmPort("b", 16000, sink=heard.put)
            a.startTransmit(b)
            got = b""
            while frames[30] not in got:
                got += heard.get(timeout=10)
            a.close(); b.close()
        start = got.index(frames[5])
        assert got[start : start + 640 * 20] == b"".join(frames[5:25])
        assert (a.callback_errors, b.callback_errors) == (0, 0)
        print("same", a)
    """)
    assert "same port a 16000" in out


def test_bridge_resamples_for_a_port_of_another_rate() -> None:
    run_script("""
        from queue import Queue
        from media_bridge.pj_port import PcmPort
        from tests.media_bridge.signals import in_frames, tone, tone_fit
        heard = Queue()
        give = iter(in_frames(tone(1000, 8000, 2), 320))
        with running_bridge():
            a = PcmPort("a", 8000, source=lambda n: next(give, b""))
            b = PcmPort("b", 16000, sink=heard.put)
            a.startTransmit(b)
            got = b"".join(heard.get(timeout=10) for _ in range(60))
            a.close(); b.close()
        peak, snr_db = tone_fit(got[640 * 20 : 640 * 50], 1000, 16000)
        assert 7500 < peak < 8500 and snr_db > 40, (peak, snr_db)
    """)


def test_errors_in_callbacks_are_counted_and_make_silence() -> None:
    run_script("""
        import logging
        from queue import Queue
        from media_bridge.pj_port import PcmPort
        logged = []
        logging.getLogger("media_bridge.pj_port").addFilter(lambda record: logged.append(record) or False)
        heard, failed = Queue(), Queue()
        def source(n):
            raise RuntimeError("no sound")
        def bad_sink(pcm):
            failed.put(pcm)
            raise ValueError("no ears")
        with running_bridge():
            a = PcmPort("a", 16000, source=source)
            b = PcmPort("b", 16000, sink=heard.put)
            c = PcmPort("c", 16000, sink=bad_sink)
            a.startTransmit(b); a.startTransmit(c)
            for _ in range(5):
                assert not any(heard.get(timeout=10))
                failed.get(timeout=10)
            for port in (a, b, c):
                port.close()
        assert a.callback_errors >= 5 and c.callback_errors >= 5 and b.callback_errors == 0
        assert len(logged) == 2, logged
    """)


def test_unconnected_port_hears_empty_frames_each_tick() -> None:
    run_script("""
        from queue import Queue
        from media_bridge.pj_port import PcmPort
        heard = Queue()
        with running_bridge():
            lonely = PcmPort("lonely", 16000, sink=heard.put)
            a = PcmPort("a", 16000); b = PcmPort("b", 16000)
            a.startTransmit(b)  # keeps the clock running
            assert [heard.get(timeout=10) for _ in range(3)] == [b""] * 3
            for port in (a, b, lonely):
                port.close()
    """)


def test_200_ports_come_and_go_while_the_clock_runs() -> None:
    out = run_script("""
        from queue import Queue
        from media_bridge.pj_port import PcmPort
        ticks = Queue()
        with running_bridge() as endpoint:
            clock = PcmPort("clock", 16000, sink=ticks.put)
            clock.startTransmit(clock)
            frame = b"\\x01\\x02" * 320
            for round_ in range(100):
                heard = Queue()
                a = PcmPort("a", 16000, source=lambda n: frame[:n], sink=heard.put)
                b = PcmPort("b", 8000, source=lambda n: frame[:n], sink=heard.put)
                a.connect_both_ways(b)
                if round_ % 10 == 0:
                    while not any(heard.get(timeout=10)):
                        pass
                a.close()
                if round_ % 2:
                    del a
                b.close(); b.close()
                ticks.get(timeout=10)
                assert not b.is_open
            while not ticks.empty():
                ticks.get()
            for _ in range(3):  # the bridge lets ports go between two ticks
                ticks.get(timeout=10)
            print("left", len(endpoint.mediaEnumPorts2()))
            clock.close()
    """)
    assert "left 2" in out, "the null device and the clock port"


def test_dropped_ports_close_themselves() -> None:
    run_script("""
        import gc
        from queue import Queue
        from media_bridge.pj_port import PcmPort
        ticks = Queue()
        with running_bridge() as endpoint:
            clock = PcmPort("clock", 16000, sink=ticks.put)
            clock.startTransmit(clock)
            for _ in range(50):
                a = PcmPort("a", 16000, source=lambda n: bytes(n), sink=lambda pcm: None)
                a.startTransmit(a)
                ticks.get(timeout=10)
                del a
                gc.collect()
            clock.close()
    """)


def test_a_full_bridge_is_a_media_error() -> None:
    run_script("""
        from media_bridge.errors import MediaError
        from media_bridge.pj_port import PcmPort
        ports = []
        with running_bridge():
            try:
                while len(ports) < 1000:
                    ports.append(PcmPort(f"p{len(ports)}", 16000))
            except MediaError as error:
                assert "no bridge port for p" in str(error)
            assert 100 < len(ports) < 1000
            for port in ports:
                port.close()
    """)


def test_swapping_source_and_sink_while_running() -> None:
    run_script("""
        from queue import Queue
        from media_bridge.pj_port import PcmPort
        first, second = Queue(), Queue()
        with running_bridge():
            a = PcmPort("a", 16000, source=lambda n: b"\\x01\\x00" * (n // 2), sink=first.put)
            a.startTransmit(a)
            while b"\\x01\\x00" not in first.get(timeout=10):
                pass
            a.source, a.sink = (lambda n: b"\\x02\\x00" * (n // 2)), second.put
            while b"\\x02\\x00" not in second.get(timeout=10):
                pass
            a.source = None
            while any(second.get(timeout=10)):
                pass
            a.close()
    """)


def test_frame_copies_agree_with_the_slow_way() -> None:
    run_script("""
        import os
        from media_bridge import pj_frame
        from media_bridge.pj_module import pj
        assert isinstance(pj_frame.frame_copier(), pj_frame.FastFrameCopier)
        fast, slow = pj_frame.FastFrameCopier(), pj_frame.SlowFrameCopier()
        for size in (2, 320, 640, 641, 1920):
            pcm = os.urandom(size)
            for writer in (fast, slow):
                frame = pj.MediaFrame()
                writer.write(frame, pcm)
                assert fast.read(frame) == slow.read(frame) == pcm
        for writer in (fast, slow):
            writer.write(frame, b"")
            assert fast.read(frame) == slow.read(frame) == b""
    """)


def test_unknown_layout_falls_back_to_the_slow_way() -> None:
    run_script("""
        from media_bridge import pj_frame
        pj_frame._layout_is_known = lambda: False
        assert isinstance(pj_frame.frame_copier(), pj_frame.SlowFrameCopier)
    """)


def test_a_signal_that_came_before_a_callback_raises_after_the_tick() -> None:
    """It came while the bridge was in C, so that its handler runs before anything of the callback does."""
    out = run_script("""
        import operator, signal
        from ctypes import pythonapi
        from functools import partial
        from media_bridge import pj_ticker
        from media_bridge.pj_module import pj
        from media_bridge.pj_port import PcmPort

        class Interrupted(BaseException):
            pass

        def handle(*_):
            raise Interrupted

        signal.signal(signal.SIGUSR1, handle)
        heard = []
        with running_bridge() as endpoint:
            endpoint.audDevManager().setNoDev()  # no other thread calls
            port = PcmPort("a", 16000, source=lambda n: bytes(n), sink=heard.append)
            for callback in (port.onFrameRequested, port.onFrameReceived):
                arrive = partial(pythonapi.PyErr_SetInterruptEx, signal.SIGUSR1)
                steps = [arrive, partial(callback, pj.MediaFrame())]
                list(map(operator.call, steps))  # in C from one to the other
                (kept,) = pj_ticker._interrupts
                assert isinstance(kept, Interrupted)
                pj_ticker._interrupts.clear()
                callback(pj.MediaFrame())
            assert heard[-1] == b""
            port.close()
        print("went on")
    """)
    assert "went on" in out
