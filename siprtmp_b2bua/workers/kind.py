"""What a worker is for."""

from __future__ import annotations

from enum import StrEnum


class WorkerKind(StrEnum):
    """Which application its clients have; the values are for the log."""

    CALLS = "worker"
    """`sip`, with a pjsua2 endpoint of its own."""
    LIVE = "live worker"
    """`live`: who publishes and who plays a stream have to be in one process."""
