"""avcC and sprop-parameter-sets, and the parameter sets of a running stream."""

from collections.abc import Sequence
from io import BytesIO

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_bridge.errors import CodecDataError
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.nal import PARAMETER_SET_TYPES, nal_type
from media_bridge.h264.parameter_sets import MAX_TOTAL_BYTES, ParameterSets
from tests.media_bridge.h264.strategies import pps, sps
from tests.media_bridge.h264.x264_pictures import ENCODINGS, EncodedPicture, Encoding, encode

SIMPLE = AvcConfiguration((sps(0), sps(1)), (pps(0), pps(1, 1)))


def avcc_of_ffmpeg(pictures: Sequence[EncodedPicture]) -> bytes:
    """What FFmpeg's FLV muxer makes of the stream: the body of the first video tag of type 0.

    Start codes are the short ones: of a long one, FFmpeg leaves the first zero to the set before it.
    """
    stream = b"".join(b"\0\0\1" + nal for picture in pictures for nal in picture.nals)
    output = BytesIO()
    output.name = "x.flv"
    with av.open(BytesIO(stream), format="h264") as source, av.open(output, "w", format="flv") as container:
        video = container.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux()):
            if packet.size:
                packet.dts = packet.pts = number
                packet.stream = video
                container.mux(packet)
    data = output.getvalue()
    at = data.index(b"\x17\0\0\0\0")
    size = int.from_bytes(data[at - 10 : at - 7], "big")
    return data[at + 5 : at + size]


@pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
def test_as_ffmpeg_writes_it(encoding: Encoding) -> None:
    pictures = encode(encoding)
    expected = avcc_of_ffmpeg(pictures)
    configuration = AvcConfiguration.of(pictures[0].nals)
    assert configuration.serialize() == expected
    assert AvcConfiguration.parse(expected) == configuration
    assert configuration.first_sps().width == encoding.width


def test_parts() -> None:
    record = SIMPLE.serialize()
    assert record[:6] == bytes.fromhex("0142c01fffe2")
    assert AvcConfiguration.parse(record) == SIMPLE
    assert str(SIMPLE.profile_level) == "42c01f"
    assert SIMPLE.parameter_sets == (sps(0), sps(1), pps(0), pps(1, 1))


@pytest.mark.parametrize("length_size", [1, 2, 4])
def test_sizes_of_lengths(length_size: int) -> None:
    configuration = AvcConfiguration(SIMPLE.sps, SIMPLE.pps, (), length_size)
    assert AvcConfiguration.parse(configuration.serialize()) == configuration


def test_the_high_tail_may_be_missing_or_be_followed() -> None:
    (first, *_) = encode(Encoding(profile="high"))
    configuration = AvcConfiguration.of(first.nals)
    record = configuration.serialize()
    assert record[-4:] == bytes.fromhex("fdf8f800")
    assert AvcConfiguration.parse(record[:-4]) == configuration
    assert AvcConfiguration.parse(record + b"junk") == configuration
    extended = AvcConfiguration(configuration.sps, configuration.pps, (b"\x6d\x80",))
    assert AvcConfiguration.parse(extended.serialize()) == extended


def test_sprop() -> None:
    text = SIMPLE.to_sprop()
    assert text.count(",") == 3
    assert AvcConfiguration.from_sprop(text) == SIMPLE
    assert AvcConfiguration.from_sprop(",".join(reversed(text.split(",")))).pps == SIMPLE.pps[::-1]


@pytest.mark.parametrize("text", ["", ",", "Z0LAHg==", "not base64", "Z0LAHg==,!", "é", "A" * 70_000])
def test_no_sprop(text: str) -> None:
    with pytest.raises(CodecDataError):
        AvcConfiguration.from_sprop(text)


def test_a_record_is_bounded() -> None:
    for sets in ((sps(0),) * 32, (b"\x67" + bytes(65_000),) * 2, (b"\x67\x42",)):
        with pytest.raises(CodecDataError):
            AvcConfiguration(sets, SIMPLE.pps)
    with pytest.raises(CodecDataError):
        AvcConfiguration(SIMPLE.sps, SIMPLE.pps, (), 3)
    with pytest.raises(CodecDataError):
        AvcConfiguration.of([sps()])


def test_no_avcc() -> None:
    record = SIMPLE.serialize()
    for damaged in (
        b"",
        b"\2" + record[1:],
        record.replace(b"\xff", b"\xfe", 1),
        record.replace(b"\x68", b"\x67"),
    ):
        with pytest.raises(CodecDataError):
            AvcConfiguration.parse(damaged)
    for end in range(len(record)):
        with pytest.raises(CodecDataError):
            AvcConfiguration.parse(record[:end])


@settings(deadline=None)  # the first one has to be encoded
@given(st.integers(0, len(ENCODINGS) - 1), st.data())
def test_a_damaged_record(number: int, data: st.DataObject) -> None:
    record = bytearray(AvcConfiguration.of(encode(ENCODINGS[number])[0].nals).serialize())
    for _ in range(data.draw(st.integers(1, 3))):
        record[data.draw(st.integers(0, len(record) - 1))] = data.draw(st.integers(0, 255))
    try:
        configuration = AvcConfiguration.parse(record[: data.draw(st.integers(0, len(record)))])
    except CodecDataError:
        return
    assert AvcConfiguration.from_sprop(configuration.to_sprop()).parameter_sets
    try:
        written = configuration.serialize()
    except CodecDataError:  # an SPS of a High profile that is damaged
        return
    assert AvcConfiguration.parse(written) == configuration


@given(st.text(max_size=40))
def test_any_sprop(text: str) -> None:
    try:
        configuration = AvcConfiguration.from_sprop(text)
    except CodecDataError:
        return
    assert configuration.sps


# -- of a running stream


def test_sets_are_told_once_both_are_there() -> None:
    sets = ParameterSets()
    sets.add(sps())
    assert sets.take_change() is None
    sets.add(memoryview(pps()))
    assert sets.is_usable
    assert sets.take_change() == AvcConfiguration((sps(),), (pps(),))
    assert sets.take_change() is None


def test_the_same_set_again_is_no_change() -> None:
    sets = ParameterSets()
    for nal in (sps(), pps(), pps(1)):
        sets.add(nal)
    sets.take_change()
    for nal in (sps(), pps(1), pps()):
        sets.add(nal)
    assert sets.take_change() is None


def test_sets_by_their_ids() -> None:
    sets = ParameterSets()
    for nal in (pps(7, 3), sps(3), sps(0), pps(0, 0), pps(0, 0, extra=1), sps(3, width_mbs=40)):
        sets.add(nal)
    assert sets.take_change() == AvcConfiguration((sps(0), sps(3, 40)), (pps(0, 0, 1), pps(7, 3)))
    sets.add(sps(3))  # back to what it was
    assert sets.take_change() == AvcConfiguration((sps(0), sps(3)), (pps(0, 0, 1), pps(7, 3)))


def test_there_are_not_too_many() -> None:
    sets = ParameterSets()
    for number in range(31):
        sets.add(sps(number))
    for number in range(255):
        sets.add(pps(number))
    for nal in (sps(31), pps(255), sps(1) + bytes(2048), pps(1) + bytes(MAX_TOTAL_BYTES)):
        with pytest.raises(CodecDataError):
            sets.add(nal)
    change = sets.take_change()
    assert change is not None
    assert (len(change.sps), len(change.pps)) == (31, 255)


@pytest.mark.parametrize("nal", [b"", b"\x6d\x80", b"\x65\x88"])
def test_other_nal_units_are_no_sets(nal: bytes) -> None:
    with pytest.raises(CodecDataError, match="no parameter set"):
        ParameterSets().add(nal)


@given(st.lists(st.tuples(st.sampled_from([b"\x67\x42\xc0\x1f", b"\x67", b"\x68"]), st.binary(max_size=12))))
def test_any_sets(nals: list[tuple[bytes, bytes]]) -> None:
    sets = ParameterSets()
    for start, rest in nals:
        try:
            sets.add(start + rest)
        except CodecDataError:
            continue
    change = sets.take_change()
    assert (change is not None) == sets.is_usable
    if change is not None:
        assert AvcConfiguration.parse(change.serialize()) == change
        assert {nal_type(nal) for nal in change.parameter_sets} == set(PARAMETER_SET_TYPES)
