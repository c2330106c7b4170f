"""A stand-in for the bridge's ticker, which notes what it is told."""

from __future__ import annotations


class RecordingTicker:
    """See `bridge_clock.Ticker`."""

    def __init__(self) -> None:
        self.acts: list[str] = []

    def start(self) -> None:
        """Note it."""
        self.acts.append("start")

    def run_out(self, ticks: int) -> None:
        """Note it."""
        self.acts.append("run out")

    def take(self) -> list[str]:
        """What it has been told since the last time."""
        acts, self.acts = self.acts, []
        return acts
