"""The garbage collector, in a process whose modules are all loaded."""

from __future__ import annotations

import gc


def freeze_what_is_there() -> None:
    """Take all that there is out of the collector's sight, so that its full runs look at calls alone.

    They take a millisecond then, not the time of several frames, and leave pages alone that a fork shares.
    They also come in time: the collector waits for a quarter more than there was at its last full run, and
    does not count what has been frozen since.
    """
    gc.collect()
    gc.freeze()
    gc.collect()
