"""Our H.264 packetizer and depacketizer against GStreamer's, both ways, NAL unit for NAL unit."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.decode_order import DecodeOrder
from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.h264.packet_type import PacketizationMode
from media_bridge.h264.packetizer import Packetizer
from tests.interop.conftest import Peers
from tests.interop.h264_files import picture_nals, read_buffers, read_rtp, write_flv, write_rtp
from tests.interop.peers.gstreamer import Gstreamer
from tests.media_bridge.h264.rtp_packets import access_units, packets_of, push_all
from tests.media_bridge.h264.x264_pictures import Encoding, encode

pytestmark = pytest.mark.interop("gst-launch-1.0")

ENCODINGS = [
    Encoding(320, 240, 400, profile="baseline", x264="slices=4:keyint=50:scenecut=0", noise=20),
    Encoding(
        640, 360, 300, profile="main", x264="bframes=2:b-adapt=0:scenecut=0:keyint=60:slice-max-size=1000"
    ),
    Encoding(
        176, 144, 300, Fraction(15), profile="high", x264="aud=1:bframes=3:scenecut=0:keyint=30", noise=60
    ),
    Encoding(352, 288, 200, profile="high", x264="keyint=100", noise=0),
    Encoding(1920, 1080, 40, profile="high", x264="qp=24:keyint=10:scenecut=0:bframes=0:slices=2", noise=300),
]
IDS = [f"{encoding.width}x{encoding.height}" for encoding in ENCODINGS]

PACKETIZERS = {
    "default": Packetizer(),
    "small": Packetizer(max_payload=200),
    "unaggregated": Packetizer(max_payload=1400, aggregate=False),
    "mode 0": Packetizer(PacketizationMode.SINGLE_NAL, max_payload=65_000),
}

# Mode 0 has nothing for NAL units that are larger than a datagram.
RECEIVED = [
    *(
        (encoding, name)
        for encoding in ENCODINGS
        for name in PACKETIZERS
        if encoding.width < 1920 or name != "mode 0"
    )
]


def test_what_is_sent_is_enough() -> None:
    """A thousand pictures, of all sizes; key pictures of 200 kB; many slices; B pictures."""
    pictures = [encode(encoding) for encoding in ENCODINGS]
    assert sum(map(len, pictures)) >= 1000
    sizes = [sum(map(len, picture.nals)) for stream in pictures for picture in stream]
    assert min(sizes) < 300
    assert max(sizes) > 200_000
    assert max(len(picture_nals(picture.nals)) for picture in pictures[1]) > 10
    assert any(picture.pts < picture.dts + 2 for picture in pictures[2])


@pytest.mark.parametrize("options", ["mtu=1400", "mtu=300 aggregate-mode=zero-latency"])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=IDS)
async def test_gstreamer_sends(encoding: Encoding, options: str, peers: Peers, tmp_path: Path) -> None:
    pictures = encode(encoding)
    flv = tmp_path / "pictures.flv"
    times = write_flv(flv, pictures, encoding.rate)
    sender = await peers.start(
        Gstreamer(
            f"filesrc location={flv} ! flvdemux ! h264parse ! "
            f"rtph264pay config-interval=-1 timestamp-offset=4294960000 {options} ! "
            "rtpstreampay ! filesink buffer-mode=unbuffered location=@OUTPUT@"
        )
    )
    await sender.finish()
    depacketizer = Depacketizer()
    events = push_all(depacketizer, read_rtp(sender.output))
    configurations = [event for event in events if isinstance(event, AvcConfiguration)]
    received = access_units(events)
    assert configurations == [events[0]] == [AvcConfiguration.of(pictures[0].nals)]
    assert depacketizer.stats().dropped == {}
    assert [unit.nal_units for unit in received] == [picture_nals(picture.nals) for picture in pictures]
    order = DecodeOrder()
    order.begin_sequence(configurations[0].first_sps())
    found = [order.next(unit.timestamp) for unit in received]
    assert all(a.decoding_ms < b.decoding_ms for a, b in pairwise(found))
    assert _from_first([time.presentation // 90 for time in found]) == _from_first([pts for _, pts in times])
    decoding = _from_first([time.decoding_ms for time in found])
    assert decoding == pytest.approx(_from_first([dts for dts, _ in times]), abs=1)


def _from_first(times: list[int]) -> list[int]:
    return [time - times[0] for time in times]


@pytest.mark.parametrize(("encoding", "name"), RECEIVED, ids=str)
async def test_gstreamer_receives(encoding: Encoding, name: str, peers: Peers, tmp_path: Path) -> None:
    pictures = encode(encoding)
    packetizer = PACKETIZERS[name]
    parameter_sets = AvcConfiguration.of(pictures[0].nals).parameter_sets
    stream = [picture.access_unit(encoding.rate, start=2**32 - 90_000) for picture in pictures]
    rtp = tmp_path / "packets"
    write_rtp(rtp, packets_of(stream, packetizer, parameter_sets))
    receiver = await peers.start(
        Gstreamer(
            f"filesrc location={rtp} ! "
            "application/x-rtp-stream,media=video,clock-rate=90000,encoding-name=H264 ! rtpstreamdepay ! "
            "rtph264depay ! video/x-h264,stream-format=byte-stream,alignment=au ! "
            "multifilesink location=@OUTPUT@.%05d"
        )
    )
    await receiver.finish()
    received = read_buffers(receiver.output)
    assert [picture_nals(nals) for nals in received] == [picture_nals(picture.nals) for picture in pictures]
    for nals, access_unit in zip(received, stream, strict=True):
        assert (nals[:2] == parameter_sets) == access_unit.is_key
