"""What `benchmarks/soak.py` found out, and whether anything grew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from benchmarks.process_stats import Resources

WARM_UP_CALLS = 100
RSS_GROWTH_KIB = 2048
SETTLED_S = 45.0
"""pjsip keeps what has ended for 64·T1 = 32 s (RFC 3261 §17), with its memory pools, so that memory is not
steady before; 100 calls take half of that."""
STEADY_GROWTH_KIB = 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """What the gateway held after so many calls, with a client connected and registered and no call."""

    calls: int
    seconds: float
    resources: Resources
    inside: dict[str, int]
    """What the gateway counts itself, if it says so (lines, calls, tasks …)."""


@dataclass(slots=True)
class Soak:
    """One run, filled in as it goes."""

    ways: dict[str, int] = field(default_factory=dict)
    """How often each way of a call was gone."""
    failures: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """Warnings and errors in the gateway's log."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that must not grow: at the warm-up's end, at the end, and the growth allowed."""

    name: str
    before: int
    after: int
    allowed: int

    @property
    def passed(self) -> bool:
        """Whether it kept within that."""
        return self.after - self.before <= self.allowed


def verdicts(soak: Soak) -> list[Verdict]:
    """Compare the last sample with the one after the first 100 calls (or the middle one of a shorter run)."""
    samples = soak.samples
    if len(samples) < 2:
        return []
    warm = next((s for s in samples[:-1] if s.calls >= WARM_UP_CALLS), samples[(len(samples) - 1) // 2])
    first, last = warm.resources, samples[-1].resources
    counts = (
        ("descriptors", first.descriptors, last.descriptors),
        ("sockets", first.kinds.get("socket", 0), last.kinds.get("socket", 0)),
        ("UDP ports", len(first.udp_ports), len(last.udp_ports)),
        ("TCP connections", first.tcp_connections, last.tcp_connections),
        ("threads", first.threads, last.threads),
    )
    found = [Verdict("calls that went wrong", 0, len(soak.failures), 0)]
    found += [Verdict(name, before, after, 0) for name, before, after in counts]
    for name in sorted(warm.inside.keys() & samples[-1].inside.keys()):
        found.append(Verdict(f"gateway: {name}", warm.inside[name], samples[-1].inside[name], 0))
    if warm.calls >= WARM_UP_CALLS:
        found.append(Verdict("memory in KiB", first.rss_kib, last.rss_kib, RSS_GROWTH_KIB))
    steady = next((s for s in samples[:-1] if s.seconds >= SETTLED_S), None)
    if steady is not None:
        name = f"memory in KiB, from {steady.seconds:.0f} s on"
        found.append(Verdict(name, steady.resources.rss_kib, last.rss_kib, STEADY_GROWTH_KIB))
    return found


def table(samples: Sequence[Sample]) -> str:
    """One line for each sample, as Markdown."""
    names = list(samples[-1].inside) if samples else []
    header = ["calls", "s", "RSS MiB", "threads", "fds", "sockets", "UDP", "TCP listen", "TCP conn.", *names]
    rows = [header, *(_row(sample, names) for sample in samples)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |"
             for row in rows]  # fmt: skip
    return "\n".join(
        [lines[0], "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|", *lines[1:]]
    )


def verdict_table(found: Sequence[Verdict]) -> str:
    """One line for each verdict, as Markdown."""
    lines = ["| grows? | before | after | allowed | |", "|---|---:|---:|---:|---|"]
    lines += [
        f"| {v.name} | {v.before} | {v.after} | +{v.allowed} | {'pass' if v.passed else 'MISS'} |"
        for v in found
    ]
    return "\n".join(lines)


def as_json(soak: Soak) -> dict[str, object]:
    """Everything."""
    found = [{**asdict(verdict), "passed": verdict.passed} for verdict in verdicts(soak)]
    return {"verdicts": found, **asdict(soak)}


def _row(sample: Sample, names: Sequence[str]) -> list[str]:
    held = sample.resources
    return [
        str(sample.calls),
        f"{sample.seconds:.0f}",
        f"{held.rss_kib / 1024:.2f}",
        str(held.threads),
        str(held.descriptors),
        str(held.kinds.get("socket", 0)),
        str(len(held.udp_ports)),
        str(len(held.tcp_listening)),
        str(held.tcp_connections),
        *(str(sample.inside.get(name, "")) for name in names),
    ]
