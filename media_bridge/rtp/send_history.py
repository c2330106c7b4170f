"""The packets that were sent last, so that a NACK can be answered (RFC 4585 §6.2.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from media_bridge.rtp.token_bucket import TokenBucket


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How much is kept, and how much of it a peer can have again.

    A packet goes out again at most `max_resends` times and not twice within `min_interval_s`: a second NACK
    that comes earlier was on its way before the first one was answered. `max_bytes_per_second` bounds all of
    it together, and what half a second allows may go at once.
    """

    max_packets: int = 1024
    max_bytes: int = 1024 * 1024
    max_age_s: float = 1.0
    max_resends: int = 3
    min_interval_s: float = 0.02
    max_bytes_per_second: int = 512 * 1024


@dataclass(slots=True)
class _Sent:
    data: bytes
    sent_at_s: float
    resends: int = 0
    resent_at_s: float = float("-inf")


class SendHistory:
    """Datagrams by sequence number, as they were on the wire.

    Under SRTP it is the protected bytes that are kept: a packet must not be encrypted twice, and a peer that
    had it already takes the second one for a replay and drops it.
    """

    def __init__(self, now_s: float, limits: HistoryLimits | None = None) -> None:
        self._limits = limits or HistoryLimits()
        self._sent: dict[int, _Sent] = {}
        self._bytes = 0
        rate = self._limits.max_bytes_per_second
        self._bucket = TokenBucket(rate, rate / 2, now_s)

    def __len__(self) -> int:
        return len(self._sent)

    def add(self, sequence_number: int, data: bytes, now_s: float) -> None:
        """Keep a packet that is sent now, and drop the oldest ones past a limit."""
        sent, limits = self._sent, self._limits
        if sequence_number in sent:
            self._drop(sequence_number)
        sent[sequence_number] = _Sent(data, now_s)
        self._bytes += len(data)
        while sent:
            oldest = next(iter(sent))
            if (
                len(sent) <= limits.max_packets
                and self._bytes <= limits.max_bytes
                and now_s - sent[oldest].sent_at_s <= limits.max_age_s
            ):
                return
            self._drop(oldest)

    def resend(self, sequence_numbers: Iterable[int], now_s: float) -> list[bytes]:
        """Return those of the packets that may go out again now; a number counts once."""
        found = (self._resend(number, now_s) for number in dict.fromkeys(sequence_numbers))
        return [data for data in found if data is not None]

    def _resend(self, sequence_number: int, now_s: float) -> bytes | None:
        sent, limits = self._sent.get(sequence_number), self._limits
        if (
            sent is None
            or sent.resends >= limits.max_resends
            or now_s - sent.sent_at_s > limits.max_age_s
            or now_s - sent.resent_at_s < limits.min_interval_s
            or not self._bucket.take(len(sent.data), now_s)
        ):
            return None
        sent.resends += 1
        sent.resent_at_s = now_s
        return sent.data

    def clear(self) -> None:
        """Forget all packets: they belong to a stream that is over."""
        self._sent.clear()
        self._bytes = 0

    def _drop(self, sequence_number: int) -> None:
        self._bytes -= len(self._sent.pop(sequence_number).data)
