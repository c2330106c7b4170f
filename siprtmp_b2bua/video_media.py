"""What may travel over a call's m=video line, and what it finds there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from media_bridge.rtp.jitter_buffer import OrderedPacket
from rtmp.messages import Payload

from .video_agreement import VideoAgreement


class VideoRtp(Protocol):
    """The RTP of the line. Before the first agreement nothing is sent."""

    def send(self, payloads: Sequence[bytes], timestamp: int, *, marked: bool) -> None:
        """Send payloads; `marked`: the last one gets the marker."""

    def map_timestamp(self, timestamp: int, at_s: float) -> None:
        """Say which moment a timestamp stands for, see `RtpSession.map_timestamp`."""

    def request_key_picture(self) -> bool:
        """Ask the peer for a key picture by RTCP; return False where that has not been agreed on."""

    def note_key_picture(self) -> None:
        """Say that one has come: a request that still waits is not sent."""


@dataclass(frozen=True, slots=True)
class MediaSummary:
    """Some words for the log at the end of a call."""

    sent: str
    received: str
    dropped: str
    """What was dropped of what came, and why; "" for nothing."""
    bad: Mapping[str, int]
    """How much of that was no proper input, rather than lost or waiting for what was lost."""


class VideoMedia(Protocol):
    """One way to carry the client's stream over the line, and the peer's to the client."""

    def agree(self, agreement: VideoAgreement | None) -> None:
        """Go on as both sides have agreed on now; None: not at all."""

    def push_tag(self, timestamp_ms: int, tag: Payload) -> None:
        """Send an FLV video tag of the client to the peer."""

    def take(self, ordered: OrderedPacket) -> None:
        """Take a packet of the peer's."""

    def ask_if_needed(self) -> None:
        """Ask the peer for a key picture if the packets that have just come make that necessary."""

    def restart(self) -> None:
        """Note that the peer's stream is another one from here on."""

    def key_picture_requested(self) -> None:
        """Hear that the peer needs a key picture."""

    def client_plays(self) -> None:
        """Let a client that begins to play see something soon."""

    def summary(self) -> MediaSummary:
        """What has happened so far."""


def counted(numbers: Mapping[str, int]) -> str:
    """Write counts in words: `3 late, 1 malformed`."""
    return ", ".join(f"{count} {name}" for name, count in numbers.items())
