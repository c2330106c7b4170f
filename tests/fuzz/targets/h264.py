"""H.264: byte streams, records and tags, and packets in any order. Only what is whole comes out."""

from __future__ import annotations

from media_bridge.errors import CodecDataError
from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.avc_tag import AvcTag, AvcTagKind
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.h264.nal import (
    LENGTH_SIZES,
    join_annex_b,
    join_length_prefixed,
    split_annex_b,
    split_length_prefixed,
)
from media_bridge.h264.sps import SequenceParameterSet
from media_bridge.video_downlink import VideoDownlink
from media_bridge.video_tag import VideoTag, VideoTagKind, is_configuration
from tests.fuzz.targets import datagrams

_MARKER, _LOSS, _NEW_TIME = 1, 2, 4


def run_nal_units(data: bytes) -> None:
    """A byte stream, and NAL units behind their lengths: what was split can be joined and split again."""
    try:
        nals = split_annex_b(data)
    except CodecDataError:
        pass
    else:
        assert all(nals)
        assert split_annex_b(join_annex_b(nals)) == nals
    for size in LENGTH_SIZES:
        try:
            nals = split_length_prefixed(data, size)
        except CodecDataError:
            continue
        assert all(nals)
        assert split_length_prefixed(join_length_prefixed(nals), 4) == nals


def run_configuration(data: bytes) -> None:
    """A record, which can be written as it was read, and the text of SDP."""
    text = data.decode("latin-1")
    for read in (lambda: AvcConfiguration.parse(data), lambda: AvcConfiguration.from_sprop(text)):
        try:
            configuration = read()
            again = AvcConfiguration.parse(configuration.serialize())
        except CodecDataError:
            continue
        assert again.sps == configuration.sps
        assert again.pps == configuration.pps


def run_sps(data: bytes) -> None:
    """A sequence parameter set."""
    try:
        sps = SequenceParameterSet.parse(data)
    except CodecDataError:
        return
    assert sps.width > 0
    assert sps.height > 0


def run_video_tag(data: bytes) -> None:
    """A video message of RTMP, of any codec; of H.264 also as Flash has it."""
    is_configuration(data)
    try:
        tag = VideoTag.parse(data)
    except CodecDataError:
        pass
    else:
        if tag.kind is not VideoTagKind.OTHER:
            tag.to_avc_body()
    try:
        avc = AvcTag.parse(data)
        if avc is not None and avc.kind is AvcTagKind.PICTURE:
            assert all(avc.access_unit(0, 4).nal_units)
    except CodecDataError:
        pass


class _Watched:
    """Feeds a depacketizer and knows which pictures have lost something."""

    def __init__(self) -> None:
        self._depacketizer = Depacketizer()
        self._damaged: set[int] = set()
        self._bytes_in = self._bytes_out = 0
        self._has_key = self._is_after_loss = False

    def push(self, payload: bytes, timestamp: int, flags: int) -> None:
        """Give it a packet."""
        if flags & _LOSS:
            self._is_after_loss = True
        if self._is_after_loss and payload:
            self._damaged |= {timestamp, timestamp - 1}
            self._is_after_loss = False
        self._bytes_in += len(payload)
        for part in self._depacketizer.push(
            payload, timestamp=timestamp, marker=bool(flags & _MARKER), is_after_loss=bool(flags & _LOSS)
        ):
            if isinstance(part, AvcConfiguration):
                assert part.sps and part.pps
            else:
                self._check(part, timestamp)
        if flags & _MARKER and payload:
            self._damaged.discard(timestamp)  # it has ended; what has the same time is another one

    def _check(self, unit: AccessUnit, now: int) -> None:
        assert unit.nal_units and all(unit.nal_units)
        assert unit.timestamp in (now, now - 1), "kept for longer than until the next one"
        assert unit.timestamp not in self._damaged
        self._bytes_out += sum(map(len, unit.nal_units))
        assert self._bytes_out <= self._bytes_in + 1, "more than came in"
        has_slice = any(nal[0] & 31 in (1, 2, 5) for nal in unit.nal_units)
        self._has_key = self._has_key or unit.is_key
        assert self._has_key or not has_slice


def run_depacketizer(data: bytes) -> None:
    """Packets of one stream. Nothing is raised, and no picture comes out that has lost something."""
    watched, timestamp = _Watched(), 0
    for flags, payload in datagrams.read(data):
        timestamp += bool(flags & _NEW_TIME and payload)  # what is empty is passed over
        watched.push(payload, timestamp, flags)


def run_downlink(data: bytes) -> None:
    """The same up to the tags for RTMP, whose times never go back whatever those of the packets do."""
    downlink, now_ms, last_ms = VideoDownlink(Depacketizer()), 0.0, 0
    for flags, payload in datagrams.read(data):
        now_ms += flags >> 4
        if flags == 0xFF:
            downlink.restart()
        timestamp = int.from_bytes(payload[-4:]) if flags & _NEW_TIME else round(now_ms * 90)
        for time_ms, body in downlink.push(
            payload,
            timestamp=timestamp,
            marker=bool(flags & _MARKER),
            is_after_loss=bool(flags & _LOSS),
            now_ms=now_ms,
        ):
            assert time_ms >= last_ms
            last_ms = time_ms
            assert AvcTag.parse(body) is not None
