"""The memory of a process and its children (Linux)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.process_stats import process_tree


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory, and how much of it the processes made themselves.

    The latter is the PSS of anonymous pages: what processes share after a fork counts once, and what others
    on the machine do with the same libraries counts nothing.
    """

    rss_kib: int
    anonymous_kib: int

    @classmethod
    def of(cls, pid: int) -> Memory:
        """Read it."""
        sums = {"Rss": 0, "Pss_Anon": 0}
        for member in process_tree(pid):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in sums:
                    sums[name] += int(value.split()[0])
        return cls(sums["Rss"], sums["Pss_Anon"])

    def __sub__(self, other: Memory) -> Memory:
        return Memory(self.rss_kib - other.rss_kib, self.anonymous_kib - other.anonymous_kib)
