"""Two sessions on a simulated network with simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar

from media_bridge.rtp.events import Event
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.latch import Address
from media_bridge.rtp.outbox import Channel, Outgoing
from media_bridge.rtp.session import RtpSession
from media_bridge.rtp.session_options import Negotiated, SessionOptions
from media_bridge.rtp.srtp import SrtpContext

A: Address = ("192.0.2.1", 4000)
B: Address = ("192.0.2.2", 5000)
WALL_CLOCK_S = 1_700_000_000.0
FEEDBACK = {"nack": True, "pli": True}

EventT = TypeVar("EventT", bound=Event)


def negotiated(remote: Address | None, **changes: object) -> Negotiated:
    return replace(Negotiated(remote, 96, frozenset({96})), **changes)  # type: ignore[arg-type]


def make_session(
    remote: Address | None,
    *,
    seed: int = 1,
    now_s: float = 0.0,
    srtp: SrtpContext | None = None,
    **changes: object,
) -> RtpSession:
    options = SessionOptions(f"peer-{seed}", WALL_CLOCK_S)
    return RtpSession(negotiated(remote, **changes), options, now_s, srtp=srtp, random=Random(seed))


@dataclass
class Network:
    """How a datagram travels: when it arrives, or several copies, or none."""

    deliver: Callable[[float], list[float]] = lambda now_s: [now_s + 0.01]


@dataclass
class Side:
    session: RtpSession
    address: Address
    events: list[Event] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)

    def of(self, kind: type[EventT]) -> list[EventT]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def payloads(self) -> list[bytes]:
        return [event.packet.payload for event in self.of(OrderedPacket)]


class Simulation:
    """Runs two sessions until a time, with what they are given to do at times in between."""

    def __init__(self, a: RtpSession, b: RtpSession, network: Network | None = None) -> None:
        self.now_s = 0.0
        self.a, self.b = Side(a, A), Side(b, B)
        self._network = network or Network()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, at_s: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (at_s, self._count, action))

    def run(self, until_s: float) -> None:
        steps = 0
        while True:
            steps += 1
            assert steps < 200_000, "a session that never has enough"
            self._flush()
            timers = [(side.session.next_deadline_s(), side) for side in (self.a, self.b)]
            due = min((at_s for at_s, _ in timers if at_s is not None), default=until_s)
            next_s = max(min(due, self._heap[0][0] if self._heap else until_s), self.now_s)
            if next_s >= until_s:
                self.now_s = until_s
                return
            self.now_s = next_s
            if self._heap and self._heap[0][0] <= next_s:
                heapq.heappop(self._heap)[2]()
            for at_s, side in timers:
                if at_s is not None and at_s <= next_s:
                    self._advance(side)

    def _advance(self, side: Side) -> None:
        side.events += side.session.advance(self.now_s)
        self._flush()
        deadline_s = side.session.next_deadline_s()
        assert deadline_s is None or deadline_s > self.now_s, "a deadline that has been met"

    def _flush(self) -> None:
        for here, there in ((self.a, self.b), (self.b, self.a)):
            for outgoing in here.session.take_outgoing(self.now_s):
                here.sent.append(outgoing)
                for at_s in self._network.deliver(self.now_s):
                    self.at(at_s, lambda o=outgoing, h=here, t=there: self._arrive(o, h, t))  # type: ignore[misc]

    def _arrive(self, outgoing: Outgoing, here: Side, there: Side) -> None:
        to_rtp = outgoing.address == there.address
        assert to_rtp or outgoing.address == (there.address[0], there.address[1] + 1)
        source = here.address if outgoing.channel is Channel.RTP else (here.address[0], here.address[1] + 1)
        receive = there.session.receive_rtp if to_rtp else there.session.receive_rtcp
        there.events += receive(outgoing.data, source, self.now_s)
