"""Keep Python's state of pjmedia's threads between callbacks.

A callback from a thread that Python did not start makes a new thread state (a fresh memory map) and frees
it when the callback returns: dear, fifty times a second for each port. `PyGILState_Ensure` counts; called
once more than it is released, the count never falls to zero and the state stays. The interpreter frees
what is left when it shuts down.
"""

import ctypes
import threading

_kept = threading.local()


def keep_thread_state() -> None:
    """Call at the start of a callback that may run on a foreign thread; does something only the first time
    there.
    """
    if not hasattr(_kept, "done"):
        _kept.done = True
        if isinstance(threading.current_thread(), threading._DummyThread):
            ctypes.pythonapi.PyGILState_Ensure()
