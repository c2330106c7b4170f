"""What the peer's RTCP asks for and tells, apart from who may send it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from media_bridge.rtp.rtcp import Compound, RtcpPacket
from media_bridge.rtp.rtcp_feedback import BitrateEntry, BitrateRequest, FullIntraRequest, Nack, PictureLoss
from media_bridge.rtp.rtcp_reports import Bye, ReceiverReport, ReportBlock, SenderReport


@dataclass(slots=True)
class PeerRtcp:
    """A datagram, sorted. Of what may come several times, the last one counts.

    The session sends one stream, so feedback about "the" stream is about that one, whatever SSRC it names:
    devices are known to name wrong ones, and after a change of our SSRC they name the old one for a while.
    """

    sender_ssrc: int | None = None
    sender_report: SenderReport | None = None
    block: ReportBlock | None = None
    nacked: list[int] = field(default_factory=list)
    picture_loss: bool = False
    full_intra: tuple[int, int] | None = None
    """Who asked, and the number of the request."""
    limit: BitrateEntry | None = None
    """The lowest limit of TMMBR, with the SSRC of who asks for it."""
    bye: Bye | None = None


def sort_compound(compound: Compound, our_ssrc: int) -> PeerRtcp:
    """Sort the packets of a datagram."""
    found = PeerRtcp()
    for packet in compound.packets:
        _sort(packet, found, our_ssrc)
    return found


def _sort(packet: RtcpPacket, found: PeerRtcp, our_ssrc: int) -> None:
    match packet:
        case SenderReport() | ReceiverReport():
            found.sender_ssrc = packet.ssrc
            found.block = next((block for block in packet.blocks if block.ssrc == our_ssrc), found.block)
            if isinstance(packet, SenderReport):
                found.sender_report = packet
        case Nack():
            found.nacked += packet.sequence_numbers
        case PictureLoss():
            found.picture_loss = True
        case FullIntraRequest():
            found.full_intra = packet.sender_ssrc, packet.entries[0][1]
        case BitrateRequest():
            lowest = min(packet.entries, key=lambda entry: entry.bitrate_bps)
            found.limit = replace(lowest, ssrc=packet.sender_ssrc)
        case Bye():
            found.bye = packet
        case _:
            pass
