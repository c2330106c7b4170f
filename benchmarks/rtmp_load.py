"""Publishers and players at one relay, in one thread: sends on time, and looks at what arrives and when."""

from __future__ import annotations

import gc
import heapq
import math
import os
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

from benchmarks.calls import CpuMeter
from benchmarks.rtmp_arrivals import Arrivals, LatencyLog
from benchmarks.rtmp_peer import Peer, PeerFailed, Peers
from benchmarks.rtmp_stream import AAC_SEQUENCE_HEADER, AVC_SEQUENCE_HEADER, Kind, stamp_offset
from benchmarks.rtmp_wire import STAMP, WireStream
from rtmp.events import AudioReceived, Event, VideoReceived
from rtmp.messages import MessageType, Payload

_SPREAD_NS = 2_000_000_000
"""Publishers begin within this time, which is that from keyframe to keyframe."""
_SETTLE_NS = 200_000_000
_GOLDEN = (math.sqrt(5) - 1) / 2
_LAST_ARRIVALS_S = 3.0
_METADATA = {"width": 1280.0, "height": 720.0, "framerate": 25.0, "videocodecid": 7.0, "audiocodecid": 10.0}

wire_stream = cache(WireStream)


@dataclass(frozen=True, slots=True)
class Workload:
    """Each publisher has so many players of its own."""

    kind: Kind
    publishers: int
    players: int

    @property
    def name(self) -> str:
        """As in the report."""
        return f"{self.kind} {self.publishers}×{self.players}"


class Publisher(Peer):
    """Sends a stream."""

    def __init__(self, url: str, number: int, kind: Kind) -> None:
        self.number, self.kind = number, kind
        self.sent = 0
        super().__init__(url)

    def send_next(self, now_ns: int) -> bool:
        """Send the next message; returns whether the socket took all of it."""
        data = self.wire.stamped(self.sent, self.number, now_ns)
        self.sent += 1
        return self.send(data)

    def _on_stream(self) -> None:
        self.wire = wire_stream(self.kind, self.stream_id)
        self.session.publish(self.stream_id, f"stream{self.number}")

    def _on_status(self, code: str) -> None:
        if code == "NetStream.Publish.Start" and not self.is_ready:
            self.is_ready = True
            if self.kind == "av":
                self.session.send_data(self.stream_id, 0, "@setDataFrame", "onMetaData", _METADATA)
                self.session.send_video(self.stream_id, 0, AVC_SEQUENCE_HEADER)
                self.session.send_audio(self.stream_id, 0, AAC_SEQUENCE_HEADER)


class Player(Peer):
    """Receives the stream of one publisher."""

    def __init__(self, url: str, number: int, kind: Kind, log: LatencyLog) -> None:
        self.number = number
        self.arrivals = Arrivals()
        self._log = log
        self._received_ns = 0
        self._has_sequence_headers = kind == "av"
        self._audio_at = stamp_offset(kind, MessageType.AUDIO)
        self._video_at = stamp_offset(kind, MessageType.VIDEO)
        super().__init__(url)

    def receive(self) -> None:
        self._received_ns = time.monotonic_ns()
        super().receive()

    def _on_event(self, event: Event) -> None:
        match event:
            case AudioReceived(payload=payload):
                self._on_media(payload, self._audio_at)
            case VideoReceived(payload=payload):
                self._on_media(payload, self._video_at)
            case _:
                super()._on_event(event)

    def _on_media(self, payload: Payload, stamp_at: int) -> None:
        if self._has_sequence_headers and payload[1] == 0:
            return
        publisher, number, sent_ns = STAMP.unpack_from(payload, stamp_at)
        if publisher != self.number:
            raise PeerFailed(f"a player of stream {self.number} got a message of stream {publisher}")
        self.arrivals.note(number)
        self._log.note(sent_ns, self._received_ns)

    def _on_stream(self) -> None:
        self.session.play(self.stream_id, f"stream{self.number}")

    def _on_status(self, code: str) -> None:
        if code == "NetStream.Play.Start":
            self.is_ready = True


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Counts are those of the whole run, times and CPU (percent of one core) those of the measured part."""

    sent: int
    expected: int
    """Messages that the players together should have got."""
    lost: int
    duplicated: int
    out_of_order: int
    stalled: int
    """Sends that found the socket's buffer full."""
    latencies_ns: Sequence[int]
    lags_ns: Sequence[int]
    """How late messages were sent."""
    server_cpu_percent: float
    load_cpu_percent: float
    """Of the load itself."""


class RelayLoad:
    """Connects at once; `run` is called once."""

    def __init__(self, peers: Peers, url: str, workload: Workload) -> None:
        self._peers = peers
        self._log = LatencyLog()
        self._lags_ns = array("q")
        self._stalled = 0
        kind = workload.kind
        numbers = range(workload.publishers)
        self._publishers = peers.connect(partial(Publisher, url, n, kind) for n in numbers)
        self._players = peers.connect(
            partial(Player, url, n, kind, self._log) for n in numbers for _ in range(workload.players)
        )
        self._starts_ns: list[int] = []
        self._due: list[tuple[int, int]] = []
        """When each publisher sends next: a heap."""

    def run(self, seconds: float, server_pid: int) -> LoadResult:
        """Send until all publishers run, measure for that time, and wait for what is under way."""
        start_ns = time.monotonic_ns()
        # by the golden ratio they are spread evenly, both over the keyframes' time and over a picture's
        phases = [publisher.number * _GOLDEN % 1 for publisher in self._publishers]
        self._starts_ns = [start_ns + int(phase * _SPREAD_NS) for phase in phases]
        self._due = [(begin_ns, number) for number, begin_ns in enumerate(self._starts_ns)]
        heapq.heapify(self._due)
        gc.collect()
        gc.disable()
        try:
            self._send_until(max(self._starts_ns) + _SETTLE_NS)
            meters = CpuMeter(server_pid), CpuMeter(os.getpid())
            self._measure(seconds)
            server_cpu, load_cpu = (meter.percent() for meter in meters)
            self._await_last_arrivals()
        finally:
            gc.enable()
        return self._result(server_cpu, load_cpu)

    def _measure(self, seconds: float) -> None:
        self._lags_ns = array("q")
        self._log.since_ns = time.monotonic_ns()
        self._send_until(self._log.since_ns + int(seconds * 1e9))

    def _send_until(self, end_ns: int) -> None:
        """Send what is due, each message in a write of its own, and receive meanwhile."""
        due, publishers, poll = self._due, self._publishers, self._peers.poll
        while True:
            due_ns, number = due[0]
            now_ns = time.monotonic_ns()
            if due_ns <= now_ns < end_ns:
                publisher = publishers[number]
                self._stalled += not publisher.send_next(now_ns)
                self._lags_ns.append(now_ns - due_ns)
                next_ns = self._starts_ns[number] + publisher.wire.due_ns(publisher.sent)
                heapq.heapreplace(due, (next_ns, number))
            elif now_ns >= end_ns:
                return
            poll((min(due[0][0], end_ns) - time.monotonic_ns()) / 1e9)

    def _await_last_arrivals(self) -> None:
        deadline_s = time.monotonic() + _LAST_ARRIVALS_S
        while self._lost() and (rest_s := deadline_s - time.monotonic()) > 0:
            self._peers.poll(rest_s)

    def _lost(self) -> int:
        return sum(player.arrivals.lost(self._publishers[player.number].sent) for player in self._players)

    def _result(self, server_cpu: float, load_cpu: float) -> LoadResult:
        arrivals = [player.arrivals for player in self._players]
        return LoadResult(
            sent=sum(publisher.sent for publisher in self._publishers),
            expected=sum(self._publishers[player.number].sent for player in self._players),
            lost=self._lost(),
            duplicated=sum(one.duplicated for one in arrivals),
            out_of_order=sum(one.out_of_order for one in arrivals),
            stalled=self._stalled,
            latencies_ns=self._log.values_ns,
            lags_ns=self._lags_ns,
            server_cpu_percent=server_cpu,
            load_cpu_percent=load_cpu,
        )
