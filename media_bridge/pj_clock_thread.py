"""Python's states of the threads that clock the bridge, kept from callback to callback.

A callback from a thread that Python did not start makes a state for it (a fresh map of memory, whose pages
fault) and frees it when it returns: a fifth of what a call costs. `PyGILState_Ensure` counts, so that a state
stays that was ensured once more than it is released. Nobody frees it then, and the clock of a bridge is often
stopped and started: whoever stops it has to say so.
"""

from __future__ import annotations

import ctypes
from threading import get_ident
from typing import Final

_python: Final = ctypes.pythonapi  # keeps the lock of the interpreter
_python.PyGILState_GetThisThreadState.restype = ctypes.c_void_p


class ClockThreads:
    """The threads that have called; of one bridge, or of several whose clocks stop together."""

    def __init__(self) -> None:
        self._states: dict[int, int] = {}

    def keep(self) -> None:
        """Keep the state of this thread, which has called from C; costs something only the first time."""
        if get_ident() not in self._states:
            _python.PyGILState_Ensure()
            self._states[get_ident()] = _python.PyGILState_GetThisThreadState()

    def have_ended(self) -> None:
        """Free the states of all threads that have called, which must have ended, not just fallen silent."""
        while self._states:
            _, state = self._states.popitem()
            _python.PyThreadState_Clear(ctypes.c_void_p(state))
            _python.PyThreadState_Delete(ctypes.c_void_p(state))
