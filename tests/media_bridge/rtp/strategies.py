"""Hypothesis strategies for RTP and RTCP packets."""

from __future__ import annotations

from hypothesis import strategies as st

from media_bridge.rtp.packet import HeaderExtension, RtpPacket
from media_bridge.rtp.rtcp_feedback import (
    BitrateEntry,
    BitrateNotification,
    BitrateRequest,
    FullIntraRequest,
    Nack,
    PictureLoss,
)
from media_bridge.rtp.rtcp_reports import (
    Bye,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SenderReport,
    SourceDescription,
)

u8 = st.integers(0, 0xFF)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)

extensions = st.builds(
    HeaderExtension, u16, st.integers(0, 10).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n))
)
packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    marker=st.booleans(),
    sequence_number=u16,
    timestamp=u32,
    ssrc=u32,
    payload=st.binary(max_size=200),
    csrcs=st.lists(u32, max_size=15).map(tuple),
    extension=st.none() | extensions,
    padding=st.just(0) | st.integers(0, 255),
)

blocks = st.lists(
    st.builds(ReportBlock, u32, u8, st.integers(-(1 << 23), (1 << 23) - 1), u32, u32, u32, u32), max_size=31
).map(tuple)
_items = st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=255)), max_size=5).map(tuple)
_chunks = st.lists(st.builds(SdesChunk, u32, _items), max_size=31).map(tuple)
_entries = st.lists(
    st.builds(
        BitrateEntry,
        u32,
        st.builds(
            lambda mantissa, exponent: mantissa << exponent, st.integers(0, (1 << 17) - 1), st.integers(0, 46)
        ),
        st.integers(0, 511),
    ),
    min_size=1,
    max_size=5,
).map(tuple)
sequence_numbers = st.lists(u16, min_size=1, max_size=50) | st.builds(
    lambda first, steps: [first + sum(steps[: k + 1]) & 0xFFFF for k in range(len(steps))],
    u16,
    st.lists(st.integers(1, 20), min_size=1, max_size=50),
)

rtcp_packets = st.one_of(
    st.builds(SenderReport, u32, st.integers(0, (1 << 64) - 1), u32, u32, u32, blocks),
    st.builds(ReceiverReport, u32, blocks),
    st.builds(SourceDescription, _chunks),
    st.builds(Bye, st.lists(u32, max_size=31).map(tuple), st.binary(max_size=255)),
    st.builds(Nack, u32, u32, sequence_numbers.map(tuple)),
    st.builds(PictureLoss, u32, u32),
    st.builds(FullIntraRequest, u32, st.lists(st.tuples(u32, u8), min_size=1, max_size=5).map(tuple)),
    st.builds(BitrateRequest, u32, _entries),
    st.builds(BitrateNotification, u32, st.just(()) | _entries),
)
