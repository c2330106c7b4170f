"""Python's states of the bridge's clock threads: kept while those run, and freed when they have ended."""

from tests.media_bridge.bridge_process import run_script


def test_states_are_kept_and_freed_with_their_threads() -> None:
    run_script("""
        import ctypes
        from queue import Queue
        from media_bridge.pj_clock_thread import ClockThreads
        from media_bridge.pj_port import PcmPort

        python = ctypes.pythonapi
        for name in ("PyInterpreterState_Main", "PyInterpreterState_ThreadHead", "PyThreadState_Next",
                     "PyGILState_GetThisThreadState"):
            getattr(python, name).restype = ctypes.c_void_p

        def states():
            found, state = set(), python.PyInterpreterState_ThreadHead(
                ctypes.c_void_p(python.PyInterpreterState_Main()))
            while state:
                found.add(state)
                state = python.PyThreadState_Next(ctypes.c_void_p(state))
            return found

        before, threads, seen = states(), ClockThreads(), Queue()
        with running_bridge() as endpoint:
            devices = endpoint.audDevManager()
            port = PcmPort("a", 16000, clock_threads=threads,
                           sink=lambda pcm: seen.put(python.PyGILState_GetThisThreadState()))
            for _ in range(20):
                devices.setNoDev()
                threads.have_ended()
                assert states() == before
                while not seen.empty():
                    seen.get()
                devices.setNullDev()
                of_one_thread = {seen.get(timeout=10) for _ in range(3)}
                assert len(of_one_thread) == 1
                assert states() == before | of_one_thread
            port.close()
        threads.have_ended()
        assert states() == before
    """)
