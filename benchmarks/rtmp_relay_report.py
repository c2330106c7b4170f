"""The figures of `benchmarks/rtmp_relay.py`, and how they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median

from benchmarks.markdown_table import markdown
from benchmarks.rtmp_load import LoadResult, Workload
from benchmarks.rtmp_memory import Memory
from examples.audio_probe import percentile

LATE_MS = 3.0
"""A load that sends one message in a hundred later than this did not keep its schedule."""

_COUNTS = ("sent", "expected", "lost", "duplicated", "out_of_order", "stalled")


@dataclass(frozen=True, slots=True)
class RelayFigures:
    """Of one run, or the medians of several (sums for counts). CPU is in percent of one core."""

    cpu_percent: float
    latency_median_ms: float
    latency_p95_ms: float
    latency_p99_ms: float
    latency_max_ms: float
    sent: int
    expected: int
    lost: int
    duplicated: int
    out_of_order: int
    stalled: int
    rss_kib_per_connection: float
    anonymous_kib_per_connection: float
    base_rss_kib: float
    lag_p99_ms: float
    lag_max_ms: float
    load_cpu_percent: float

    @classmethod
    def of_run(cls, workload: Workload, load: LoadResult, base: Memory, grown: Memory) -> RelayFigures:
        """Put together what one run found out."""
        connections = workload.publishers * (1 + workload.players)
        latencies, lags = sorted(load.latencies_ns), sorted(load.lags_ns)
        return cls(
            cpu_percent=load.server_cpu_percent,
            latency_median_ms=percentile(latencies, 50) / 1e6,
            latency_p95_ms=percentile(latencies, 95) / 1e6,
            latency_p99_ms=percentile(latencies, 99) / 1e6,
            latency_max_ms=percentile(latencies, 100) / 1e6,
            sent=load.sent,
            expected=load.expected,
            lost=load.lost,
            duplicated=load.duplicated,
            out_of_order=load.out_of_order,
            stalled=load.stalled,
            rss_kib_per_connection=grown.rss_kib / connections,
            anonymous_kib_per_connection=grown.anonymous_kib / connections,
            base_rss_kib=base.rss_kib,
            lag_p99_ms=percentile(lags, 99) / 1e6,
            lag_max_ms=percentile(lags, 100) / 1e6,
            load_cpu_percent=load.load_cpu_percent,
        )

    @classmethod
    def of_runs(cls, runs: Sequence[RelayFigures]) -> RelayFigures:
        """The medians; counts are added up."""
        values = {field.name: [getattr(run, field.name) for run in runs] for field in fields(cls)}
        return cls(**{name: (sum if name in _COUNTS else median)(all_) for name, all_ in values.items()})


@dataclass(frozen=True, slots=True)
class RelayRow:
    """A server under a workload."""

    workload: Workload
    server: str
    runs: tuple[RelayFigures, ...]

    @property
    def figures(self) -> RelayFigures:
        """Of all runs together."""
        return RelayFigures.of_runs(self.runs)

    def as_json(self) -> dict[str, object]:
        """With each single run."""
        return {
            "workload": {"name": self.workload.name, **asdict(self.workload)},
            "server": self.server,
            "figures": asdict(self.figures),
            "runs": [asdict(run) for run in self.runs],
        }


def report(rows: Sequence[RelayRow]) -> str:
    """Two tables, as Markdown that can also be read as it is, and what to distrust."""
    return "\n\n".join([_results(rows), _conditions(rows), *_warnings(rows)])


def _results(rows: Sequence[RelayRow]) -> str:
    heading = ["workload", "server", "CPU %", "CPU ratio", "median ms", "p95 ms", "p99 ms"]
    heading += ["lost", "twice", "disordered", "RSS/own KiB each"]
    first = {row.workload: row.figures.cpu_percent for row in reversed(rows)}
    return markdown(heading, (_result(row, first[row.workload]) for row in rows))


def _result(row: RelayRow, first_cpu: float) -> list[str]:
    figures = row.figures
    ratio = f"{figures.cpu_percent / first_cpu:.2f}" if first_cpu else ""
    latencies = (figures.latency_median_ms, figures.latency_p95_ms, figures.latency_p99_ms)
    return [
        row.workload.name, row.server, f"{figures.cpu_percent:.1f}", ratio,
        *(f"{latency:.2f}" for latency in latencies),
        str(figures.lost), str(figures.duplicated), str(figures.out_of_order),
        f"{figures.rss_kib_per_connection:.0f} / {figures.anonymous_kib_per_connection:.0f}",
    ]  # fmt: skip


def _conditions(rows: Sequence[RelayRow]) -> str:
    heading = ["workload", "server", "runs", "sent", "to arrive", "CPU % of each run"]
    heading += ["base RSS MiB", "max ms", "load CPU %", "load late p99/max ms"]
    return markdown(heading, (_condition(row) for row in rows))


def _condition(row: RelayRow) -> list[str]:
    figures = row.figures
    return [
        row.workload.name, row.server, str(len(row.runs)), str(figures.sent), str(figures.expected),
        ", ".join(f"{run.cpu_percent:.1f}" for run in row.runs),
        f"{figures.base_rss_kib / 1024:.1f}", f"{figures.latency_max_ms:.1f}",
        f"{figures.load_cpu_percent:.1f}", f"{figures.lag_p99_ms:.2f} / {figures.lag_max_ms:.1f}",
    ]  # fmt: skip


def _warnings(rows: Sequence[RelayRow]) -> list[str]:
    """Where the load could not do what it should, so that the latencies are not the server's alone."""
    warnings = []
    for row in rows:
        late = [run.lag_p99_ms for run in row.runs if run.lag_p99_ms > LATE_MS]
        where = f"{row.workload.name}, {row.server}"
        if late:
            warnings.append(f"{where}: the load was late in {len(late)} runs: p99 {max(late):.1f} ms")
        if row.figures.stalled:
            warnings.append(f"{where}: {row.figures.stalled} sends found the socket's buffer full")
    return warnings
