"""How many workers there are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CrewSize:
    """How many workers there are."""

    least: int
    most: int
    """Of those that get clients; others may keep theirs meanwhile."""
    numbers: int
    """Workers have numbers from 1 to this one."""
    idle_s: float
    """A worker without clients, beyond the least, ends after that."""
    stop_s: float
    """How long a worker may take to end."""
    max_calls: int | None = None
    """Of all workers together; None: as many as they can hold."""
