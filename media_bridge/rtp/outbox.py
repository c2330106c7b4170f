"""What a session has to send: packets at an even pace, RTCP and answers to NACKs before them."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from media_bridge.errors import PacketError
from media_bridge.rtp.admission import Admission
from media_bridge.rtp.latch import Address
from media_bridge.rtp.pacer import Pacer


class Channel(Enum):
    """Which of the two sockets; with RTCP on the port of RTP there is only the first."""

    RTP = auto()
    RTCP = auto()


class Outgoing(NamedTuple):
    """A datagram to be sent."""

    data: bytes
    address: Address
    channel: Channel


class Outbox:
    """Encrypts what is to be sent, and knows where to."""

    def __init__(self, admission: Admission, *, rtcp_mux: bool) -> None:
        self._admission = admission
        self._pacer = Pacer()
        self._urgent: list[Outgoing] = []
        self.rtcp_mux = rtcp_mux

    def protect(self, data: bytes) -> bytes | None:
        """Return an RTP packet as it goes to the wire; None, counted, if libsrtp does not take it."""
        if self._admission.srtp is None:
            return data
        try:
            return self._admission.srtp.protect(data)
        except PacketError:
            self._admission.counters.unsent += 1
            return None

    def push_rtp(self, data: bytes) -> None:
        """Queue a protected packet."""
        if not self._pacer.push(data):
            self._admission.counters.unsent += 1

    def push_again(self, data: bytes) -> None:
        """Queue a packet that goes out once more; it has been waited for long enough."""
        target = self._admission.rtp_target
        if target is not None:
            self._urgent.append(Outgoing(data, target, Channel.RTP))
            self._admission.counters.resent += 1

    def push_rtcp(self, data: bytes) -> None:
        """Queue RTCP, not protected yet."""
        target, srtp, counters = self._admission.rtcp_target, self._admission.srtp, self._admission.counters
        if target is None:
            return
        try:
            protected = data if srtp is None else srtp.protect_rtcp(data)
        except PacketError:
            counters.unsent += 1
            return
        self._urgent.append(Outgoing(protected, target, Channel.RTP if self.rtcp_mux else Channel.RTCP))
        counters.rtcp_sent += 1

    def take(self, now_s: float) -> list[Outgoing]:
        """Return what is to be sent now."""
        outgoing, self._urgent = self._urgent, []
        target = self._admission.rtp_target
        if target is not None:
            outgoing += [Outgoing(data, target, Channel.RTP) for data in self._pacer.take(now_s)]
        return outgoing

    def next_deadline_s(self) -> float | None:
        """Return when `take` has more, None if nothing waits."""
        return self._pacer.next_deadline_s()

    def drop_rtp(self) -> None:
        """Forget the packets that wait: nobody can use them any more."""
        self._pacer.clear()
