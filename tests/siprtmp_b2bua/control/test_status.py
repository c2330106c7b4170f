"""The status as a table."""

from __future__ import annotations

from siprtmp_b2bua.control.status import CallStatus, GatewayStatus, StreamStatus, WorkerStatus, as_tables

CALL = CallStatus(
    call="call-3",
    client="rtmp-7",
    caller="a@pbx",
    called="b@pbx",
    state="active",
    duration_s=61.7,
    sip_audio="PCMU",
    rtmp_audio="speex",
    chain="rtmp speex/16000 → port",
    loss_percent=0.25,
    jitter_ms=1.6,
    queue_ms=38.0,
    latency_ms=60.2,
)

STREAMS = (
    StreamStatus(stream="live/cam", publisher="192.0.2.17", duration_s=3599.8, players=8, lost=12),
    StreamStatus(stream="live/tv", players=1, lost=0),
)

EXPECTED = """\
siprtmp 1.0, pid 5, RTMP on port 1935, takes no more calls

worker    pid  state              clients  lines  calls  streams  SIP port
worker 1  6    ready, overloaded  2        4      1      0        5060
live 1    7    ready              9        -      0      2        -

call             from   to     state   s   SIP   RTMP   video  loss %  jitter  round trip  queue  latency
worker 1 call-3  a@pbx  b@pbx  active  62  PCMU  speex  -      0.2     2 ms    -           38 ms  60 ms

worker 1 call-3: rtmp speex/16000 → port

stream    publisher   s     players  lost
live/cam  192.0.2.17  3600  8        12
live/tv   -           -     1        0"""


def test_tables() -> None:
    calls = WorkerStatus(
        name="worker 1",
        pid=6,
        state="ready",
        lines=4,
        clients=2,
        sip_port=5060,
        is_overloaded=True,
        calls=(CALL,),
    )
    live = WorkerStatus(name="live 1", pid=7, state="ready", clients=9, streams=STREAMS)
    status = GatewayStatus(version="1.0", pid=5, rtmp_port=1935, is_draining=True, workers=(calls, live))
    assert as_tables(status) == EXPECTED
    assert GatewayStatus.model_validate_json(status.model_dump_json()) == status
