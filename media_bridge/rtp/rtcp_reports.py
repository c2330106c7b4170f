"""Bodies of sender and receiver reports, SDES and BYE (RFC 3550 §6.4 to §6.6)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from media_bridge.errors import PacketError

MAX_COUNT = 31
"""Report blocks, chunks or sources of one packet: the count has five bits."""

SDES_CNAME = 1

_SENDER_INFO = Struct("!IQIII")
_BLOCK = Struct("!IB3sIIII")
_LOST_LIMIT = 1 << 23


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """How one source is received (§6.4.1).

    `fraction_lost` is in 1/256, `jitter` in ticks of the timestamp, `delay_since_last_sr` in 1/65536 s;
    `last_sr` is the middle of the NTP time of the last sender report, 0 if there was none.
    """

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay_since_last_sr: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What a source has sent: `ntp` and `rtp_timestamp` name one moment, the counts are since its start."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """What a source that does not send receives."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SdesChunk:
    """Items that describe one source: pairs of type and text (`SDES_CNAME`: its lasting name)."""

    ssrc: int
    items: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES."""

    chunks: tuple[SdesChunk, ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """These sources leave."""

    ssrcs: tuple[int, ...]
    reason: bytes = b""


def parse_sender_report(count: int, body: bytes) -> SenderReport:
    """Parse what follows the header; raises `PacketError`."""
    if len(body) < _SENDER_INFO.size:
        raise PacketError("the sender report is cut off")
    ssrc, ntp, rtp_timestamp, packets, octets = _SENDER_INFO.unpack_from(body)
    blocks = _parse_blocks(count, body, _SENDER_INFO.size)
    return SenderReport(ssrc, ntp, rtp_timestamp, packets, octets, blocks)


def serialize_sender_report(report: SenderReport) -> bytes:
    """Return the body."""
    return _SENDER_INFO.pack(
        report.ssrc, report.ntp, report.rtp_timestamp, report.packet_count, report.octet_count
    ) + _serialize_blocks(report.blocks)


def parse_receiver_report(count: int, body: bytes) -> ReceiverReport:
    """Parse what follows the header; raises `PacketError`."""
    if len(body) < 4:
        raise PacketError("the receiver report is cut off")
    return ReceiverReport(int.from_bytes(body[:4]), _parse_blocks(count, body, 4))


def serialize_receiver_report(report: ReceiverReport) -> bytes:
    """Return the body."""
    return report.ssrc.to_bytes(4) + _serialize_blocks(report.blocks)


def parse_sdes(count: int, body: bytes) -> SourceDescription:
    """Parse what follows the header; raises `PacketError`."""
    chunks, at = [], 0
    for _ in range(count):
        chunk, at = _parse_chunk(body, at)
        chunks.append(chunk)
    return SourceDescription(tuple(chunks))


def serialize_sdes(description: SourceDescription) -> bytes:
    """Return the body. Raises `ValueError` for an item of more than 255 bytes."""
    return b"".join(_serialize_chunk(chunk) for chunk in description.chunks)


def parse_bye(count: int, body: bytes) -> Bye:
    """Parse what follows the header; raises `PacketError`."""
    end = 4 * count
    if len(body) < end:
        raise PacketError(f"a BYE of {count} sources is cut off")
    ssrcs = tuple(int.from_bytes(body[at : at + 4]) for at in range(0, end, 4))
    reason = body[end + 1 : end + 1 + body[end]] if len(body) > end else b""
    return Bye(ssrcs, reason)


def serialize_bye(bye: Bye) -> bytes:
    """Return the body. Raises `ValueError` for a reason of more than 255 bytes."""
    body = b"".join(ssrc.to_bytes(4) for ssrc in bye.ssrcs)
    if bye.reason:
        body += bytes([len(bye.reason)]) + bye.reason
        body += bytes(-len(body) % 4)
    return body


def _parse_blocks(count: int, body: bytes, start: int) -> tuple[ReportBlock, ...]:
    if len(body) < start + count * _BLOCK.size:
        raise PacketError(f"a report of {count} blocks is cut off")
    return tuple(_parse_block(body, start + number * _BLOCK.size) for number in range(count))


def _parse_block(body: bytes, start: int) -> ReportBlock:
    ssrc, fraction, lost, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, start)
    return ReportBlock(ssrc, fraction, int.from_bytes(lost, signed=True), highest, jitter, last_sr, delay)


def _serialize_blocks(blocks: tuple[ReportBlock, ...]) -> bytes:
    return b"".join(
        _BLOCK.pack(
            block.ssrc,
            block.fraction_lost,
            max(-_LOST_LIMIT, min(block.cumulative_lost, _LOST_LIMIT - 1)).to_bytes(3, signed=True),
            block.highest_sequence,
            block.jitter,
            block.last_sr,
            block.delay_since_last_sr,
        )
        for block in blocks
    )


def _parse_chunk(body: bytes, at: int) -> tuple[SdesChunk, int]:
    if len(body) < at + 4:
        raise PacketError("an SDES chunk is cut off")
    ssrc, items = int.from_bytes(body[at : at + 4]), []
    at += 4
    while at < len(body) and body[at]:
        if len(body) < at + 2 or len(body) < at + 2 + body[at + 1]:
            raise PacketError("an SDES item is cut off")
        end = at + 2 + body[at + 1]
        items.append((body[at], body[at + 2 : end]))
        at = end
    # The zero that ends the chunk, and more of them up to the next word.
    return SdesChunk(ssrc, tuple(items)), at + 4 - at % 4


def _serialize_chunk(chunk: SdesChunk) -> bytes:
    items = b"".join(bytes([kind, len(text)]) + text for kind, text in chunk.items)
    return chunk.ssrc.to_bytes(4) + items + bytes(4 - len(items) % 4)
