"""What `siprtmp status` tells, and its two forms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict


class _Status(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CallStatus(_Status):
    """One call, measured now. What is not known yet, or does not apply, is None."""

    call: str
    """Its id in the log."""
    client: str
    """The client's id in the log."""
    caller: str
    called: str
    state: str
    duration_s: float | None = None
    """Since it was answered."""
    sip_audio: str | None = None
    rtmp_audio: str | None = None
    video: str | None = None
    chain: str | None = None
    """The stages from RTMP to SIP."""
    loss_percent: float | None = None
    """Of the RTP that came, since the beginning."""
    jitter_ms: float | None = None
    round_trip_ms: float | None = None
    """To the SIP peer and back, by its RTCP."""
    queue_ms: float | None = None
    """How much of the client's audio waits for the bridge."""
    latency_ms: float | None = None
    """From the SIP peer's packet to the client: what the jitter buffer holds, and one frame."""


class StreamStatus(_Status):
    """One live stream."""

    stream: str
    """App and name."""
    publisher: str | None = None
    """Its address; None: those who play it wait for one."""
    duration_s: float | None = None
    """Since that one began."""
    players: int
    lost: int
    """Messages that those players were not sent, because they do not keep up."""


class WorkerStatus(_Status):
    """One process that has calls or streams."""

    name: str
    pid: int
    state: str
    lines: int | None = None
    """How many clients it may have; None: as many as the gateway."""
    clients: int = 0
    sip_port: int | None = None
    is_overloaded: bool = False
    calls: tuple[CallStatus, ...] = ()
    streams: tuple[StreamStatus, ...] = ()


class GatewayStatus(_Status):
    """A gateway."""

    version: str
    pid: int
    rtmp_port: int
    is_draining: bool = False
    workers: tuple[WorkerStatus, ...] = ()


_WORKER_COLUMNS = ("worker", "pid", "state", "clients", "lines", "calls", "streams", "SIP port")
_CALL_COLUMNS = (
    "call", "from", "to", "state", "s", "SIP", "RTMP", "video",
    "loss %", "jitter", "round trip", "queue", "latency",
)  # fmt: skip
_STREAM_COLUMNS = ("stream", "publisher", "s", "players", "lost")


def as_tables(status: GatewayStatus) -> str:
    """Return the status as text for people."""
    head = f"siprtmp {status.version}, pid {status.pid}, RTMP on port {status.rtmp_port}"
    if status.is_draining:
        head += ", takes no more calls"
    calls = [(f"{worker.name} {call.call}", call) for worker in status.workers for call in worker.calls]
    parts = [head, _table(_WORKER_COLUMNS, [_worker_row(worker) for worker in status.workers])]
    if calls:
        parts.append(_table(_CALL_COLUMNS, [_call_row(name, call) for name, call in calls]))
        parts.append("\n".join(f"{name}: {call.chain}" for name, call in calls if call.chain))
    if streams := [stream for worker in status.workers for stream in worker.streams]:
        parts.append(_table(_STREAM_COLUMNS, [_stream_row(stream) for stream in streams]))
    return "\n\n".join(part for part in parts if part)


def _worker_row(worker: WorkerStatus) -> Sequence[object]:
    state = worker.state + (", overloaded" if worker.is_overloaded else "")
    return (
        worker.name, worker.pid, state, worker.clients, worker.lines, len(worker.calls),
        len(worker.streams), worker.sip_port,
    )  # fmt: skip


def _call_row(name: str, call: CallStatus) -> Sequence[object]:
    return (
        name, call.caller, call.called, call.state, _s(call.duration_s), call.sip_audio, call.rtmp_audio,
        call.video, call.loss_percent, _ms(call.jitter_ms), _ms(call.round_trip_ms), _ms(call.queue_ms),
        _ms(call.latency_ms),
    )  # fmt: skip


def _stream_row(stream: StreamStatus) -> Sequence[object]:
    return stream.stream, stream.publisher, _s(stream.duration_s), stream.players, stream.lost


def _s(value: float | None) -> str | None:
    return None if value is None else f"{value:.0f}"


def _ms(value: float | None) -> str | None:
    return None if value is None else f"{value:.0f} ms"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    texts = [list(columns), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[index]) for row in texts) for index in range(len(columns))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in texts)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
