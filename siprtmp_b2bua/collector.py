"""The garbage collector, in a process whose modules are all loaded."""

from __future__ import annotations

import gc
from typing import Final

_THRESHOLDS: Final = (700, 5, 2)
"""Of the three generations: a full run after some 12000 objects that have stayed, not 80000.

Calls and connections that have ended are gone without it. But what an error's traceback knows may be a circle
of objects, and too old for the lesser runs to find. By Python's own thresholds a full one came every ten
minutes where a worker has ten short calls a second, and later where it has fewer; until then memory grew.
"""


def freeze_what_is_there() -> None:
    """Take all that there is out of the collector's sight, so that its full runs look at calls alone.

    They take a millisecond then, not the time of several frames, and leave pages alone that a fork shares.
    So they may come more often than they do by default. They also come in time: the collector waits for a
    quarter more than there was at its last full run, and does not count what has been frozen since.
    """
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(*_THRESHOLDS)
