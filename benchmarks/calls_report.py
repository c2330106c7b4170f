"""The figures of `benchmarks/calls.py`, what they should be, and how they are shown."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Literal

from benchmarks.call_quality import CallQuality
from benchmarks.gateway_process import CallSummary
from examples.audio_probe import percentile

G711 = ("pcmu", "pcma")
_ONE_PROCESS = 4
"""Calls that one process can hold with the stock pjsua2."""
SPEEX = ("wideband", "narrowband", "ulaw", "alaw")


@dataclass(frozen=True, slots=True)
class Target:
    """A bound that a figure should keep; both ends are allowed."""

    kind: Literal["at most", "at least", "within ±"]
    bound: float

    def is_met(self, value: float) -> bool:
        """False for NaN, which is what a figure is when nothing could be measured."""
        match self.kind:
            case "at most":
                return value <= self.bound
            case "at least":
                return value >= self.bound
            case _:
                return abs(value) <= self.bound

    def __str__(self) -> str:
        return f"{ {'at most': '≤ ', 'at least': '≥ ', 'within ±': '± '}[self.kind] }{self.bound:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report."""

    name: str
    value: float
    unit: str
    target: Target | None = None
    digits: int = 1

    @property
    def verdict(self) -> str:
        """`pass`, `miss`, or nothing where there is no target."""
        if self.target is None:
            return ""
        return "pass" if self.target.is_met(self.value) else "miss"


_CPU_PER_CALL = {20: Target("at most", 1.2), 80: Target("at most", 0.9)}
"""By the number of calls."""


@dataclass(slots=True)
class Measured:
    """Everything that a run found out, filled in as it goes. CPU is in percent of one core."""

    codec: str
    calls: int
    seconds: float
    connect_ms: list[float] = field(default_factory=list)
    answer_ms: list[float] = field(default_factory=list)
    idle_cpu_percent: float | None = None
    idle_rss_kib: int | None = None
    cpu_percent: float | None = None
    rss_kib: int | None = None
    peak_rss_kib: int | None = None
    pss_kib: int | None = None
    client_cpu_percent: float | None = None
    quality: list[CallQuality] = field(default_factory=list)
    summaries: list[CallSummary] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """Warnings and errors in the gateway's log."""


def figures(measured: Measured) -> list[Figure]:
    """The lines of the report, for the phases that were run."""
    found: list[Figure] = []
    if measured.connect_ms:
        found += _spread("connect → registered", measured.connect_ms, 60)
        found += _spread("invite → accepted", measured.answer_ms, 40)
    if measured.idle_cpu_percent is not None and measured.idle_rss_kib is not None:
        found.append(
            Figure("CPU, one registered client", measured.idle_cpu_percent, "%", Target("at most", 1.5), 2)
        )
        found.append(Figure("memory, one registered client", measured.idle_rss_kib / 1024, "MiB"))
    if measured.cpu_percent is not None and measured.peak_rss_kib is not None:
        is_reference = measured.codec == "ulaw" and measured.calls == 4
        target = Target("at most", 9.0) if is_reference else None
        found.append(Figure(f"CPU, {measured.calls} calls", measured.cpu_percent, "%", target, 2))
        per_call = _CPU_PER_CALL.get(measured.calls) if measured.codec == "ulaw" else None
        found.append(Figure("CPU per call", measured.cpu_percent / measured.calls, "%", per_call, 2))
        highest = Target("at most", 90) if measured.calls <= _ONE_PROCESS else None
        found.append(Figure("memory, highest", measured.peak_rss_kib / 1024, "MiB", highest))
    if measured.pss_kib is not None and measured.calls > _ONE_PROCESS:
        found.append(
            Figure(
                "memory per call (PSS)",
                measured.pss_kib / 1024 / measured.calls,
                "MiB",
                Target("at most", 10),
            )
        )
    if measured.quality:
        found += _sound(measured)
    return found


def _spread(name: str, values_ms: Sequence[float], bound_ms: float) -> list[Figure]:
    return [
        Figure(f"{name}, median", median(values_ms), "ms", Target("at most", bound_ms)),
        Figure(f"{name}, 95 %", percentile(values_ms, 95), "ms"),
    ]


def _sound(measured: Measured) -> list[Figure]:
    quality = measured.quality
    sent, returned = sum(call.frames_sent for call in quality), sum(call.frames_returned for call in quality)
    latencies = [latency for call in quality for latency in call.latencies_ms]
    beeps = sum(call.beeps_sent for call in quality)
    snr_target = Target("at least", 30) if measured.codec in G711 else None
    level_target, none = Target("within ±", 1.0), Target("at most", 0)
    skips = _sum(q.timestamp_gaps + q.timestamp_repeats for q in quality)
    breaks = _sum(len(q.audio_glitches) + q.tones_broken for q in quality)
    level_db = max((q.level_change_db for q in quality), key=abs)
    found_percent = 100 * len(latencies) / beeps if beeps else math.nan
    trip_ms = median(latencies) if latencies else math.nan
    return [
        Figure("frames sent", sent, "", None, 0),
        Figure("frames that came back", returned, "", None, 0),
        Figure("frames that came back", 100 * returned / sent, "%", Target("at least", 99.9), 2),
        Figure("breaks: timestamps towards RTMP", skips, "", none, 0),
        Figure("breaks: heard in the tone", breaks, "", none, 0),
        Figure("beeps that came back", found_percent, "%"),
        Figure("round trip, median", trip_ms, "ms", Target("at most", 70)),
        Figure("round trip, 95 %", percentile(latencies, 95), "ms", Target("at most", 100)),
        Figure("round trip, 99 %", percentile(latencies, 99), "ms"),
        Figure("signal to noise, worst call", min(q.snr_db for q in quality), "dB", snr_target),
        Figure("level change, worst call", level_db, "dB", level_target, 2),
        *_inside(measured.summaries),
        Figure("client late, at most", max(q.sender_late_ms for q in quality), "ms"),
        Figure("client CPU", measured.client_cpu_percent or math.nan, "%"),
    ]


def _inside(summaries: Sequence[CallSummary]) -> list[Figure]:
    if not summaries:
        return []
    return [
        Figure("gateway: queue to SIP, longest average", max(s.queue_ms for s in summaries), "ms", None, 0),
        Figure("gateway: samples dropped to SIP", _sum(s.dropped for s in summaries), "", None, 0),
        Figure("gateway: samples invented to SIP", _sum(s.concealed for s in summaries), "", None, 0),
        Figure(
            "gateway: samples missing to RTMP",
            _sum(s.samples_missing_to_rtmp for s in summaries),
            "",
            None,
            0,
        ),
        Figure("gateway: damaged tags", _sum(s.bad_tags for s in summaries), "", None, 0),
    ]


def _sum(values: Iterable[int]) -> float:
    return float(sum(values))


def table(rows: Sequence[Figure]) -> str:
    """The report as Markdown that can also be read as it is."""
    cells = [("figure", "measured", "target", "")]
    cells += [
        (row.name, f"{row.value:.{row.digits}f} {row.unit}".rstrip(), str(row.target or ""), row.verdict)
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    lines = [
        f"| {name:{widths[0]}} | {value:>{widths[1]}} | {target:>{widths[2]}} | {verdict:{widths[3]}} |"
        for name, value, target, verdict in cells
    ]
    left, right = "-" * (widths[0] + 2), "-" * (widths[3] + 2)
    rule = f"|{left}|{'-' * (widths[1] + 1)}:|{'-' * (widths[2] + 1)}:|{right}|"
    return "\n".join([lines[0], rule, *lines[1:]])


Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def as_json(measured: Measured, rows: Sequence[Figure]) -> dict[str, object]:
    """The report with all raw values; NaN becomes null."""
    return {
        "machine": machine(),
        "figures": [
            {
                "name": row.name,
                "value": None if math.isnan(row.value) else round(row.value, 4),
                "unit": row.unit,
                "target": str(row.target) if row.target else None,
                "passed": row.target.is_met(row.value) if row.target else None,
            }
            for row in rows
        ],
        "measured": _without_nan(asdict(measured)),
    }


def _without_nan(value: object) -> object:
    match value:
        case dict():
            return {key: _without_nan(item) for key, item in value.items()}
        case list():
            return [_without_nan(item) for item in value]
        case float() if math.isnan(value):
            return None
        case _:
            return value


def machine() -> dict[str, str | int]:
    """Where it was measured."""
    cpu = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        platform.machine(),
    )  # fmt: skip
    return {
        "cpu": cpu,
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }
