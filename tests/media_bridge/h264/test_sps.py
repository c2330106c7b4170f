"""SPS of a real encoder against what FFmpeg reads; any bytes against the documented errors."""

from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from media_bridge.errors import CodecDataError
from media_bridge.h264.profile_level import ProfileLevel
from media_bridge.h264.sps import MAX_SPS_BYTES, SequenceParameterSet
from media_bridge.h264.vui import Vui
from tests.media_bridge.h264.bit_writer import BitWriter, simple_sps, sps_with_vui
from tests.media_bridge.h264.x264_pictures import ENCODINGS, Encoding, decoder_of, encode


@pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
def test_as_ffmpeg_reads_it(encoding: Encoding) -> None:
    pictures = encode(encoding)
    decoder = decoder_of(pictures)
    sps = SequenceParameterSet.parse(pictures[0].sps)
    assert (sps.width, sps.height) == (decoder.width, decoder.height) == (encoding.width, encoding.height)
    assert sps.frame_mbs == (-(-decoder.coded_width // 16)) * (-(-decoder.coded_height // 16))
    assert sps.frame_rate_hz == decoder.framerate == encoding.rate
    assert sps.profile_level.level_idc == decoder.level
    assert sps.profile_level.profile.value == decoder.profile
    assert sps.max_reorder_frames == sps.expected_reorder_frames == decoder.reorder_depth
    assert sps.chroma.bit_depth_luma == (10 if "10" in encoding.pix_fmt else 8)


def test_level_1b() -> None:
    (first, *_) = encode(ENCODINGS[1])
    assert SequenceParameterSet.parse(first.sps).profile_level.level.value == "1b"


# -- written by hand


@pytest.mark.parametrize("poc_type", [0, 1, 2])
def test_without_vui(poc_type: int) -> None:
    sps = SequenceParameterSet.parse(simple_sps(profile="64001e", poc_type=poc_type).bits(0, 1).nal())
    assert sps.vui == Vui()
    assert sps.expected_reorder_frames == 0
    assert sps.max_reorder_frames == (0 if poc_type == 2 else 16)
    assert (sps.width, sps.height, sps.pic_order_cnt_type) == (320, 240, poc_type)


def test_reordering_without_vui_is_bounded_by_the_level() -> None:
    sps = SequenceParameterSet.parse(simple_sps(profile="64001e", mbs=(45, 36)).bits(0, 1).nal())
    assert sps.max_reorder_frames == 5  # 720x576 at level 3


def test_vui() -> None:
    sps = SequenceParameterSet.parse(sps_with_vui().nal())
    assert sps.vui == Vui(Fraction(30), 2, 3)


@pytest.mark.parametrize("missing", [3, 8, 20, 60, 85])
def test_a_vui_that_ends_too_early_says_nothing(missing: int) -> None:
    sps = SequenceParameterSet.parse(sps_with_vui().cut(missing).nal(stop=False))
    assert (sps.width, sps.height, sps.vui) == (320, 240, Vui())


@pytest.mark.parametrize(
    "writer",
    [
        simple_sps(mbs=(1056, 1)),
        simple_sps(mbs=(1055, 1055)),
        simple_sps(crop=(80, 80, 0, 0)),
        simple_sps(crop=(0, 0, 2**32 - 2, 0)),
        BitWriter(b"\x67\x42\xc0\x1e").ue(32),
        BitWriter(b"\x67\x42\xc0\x1e").bits(0, 40),
        BitWriter(b"\x67\x42\xc0\x1e").ue(0).ue(0).ue(1).bits(0, 1).se(0).se(0).ue(256),
        BitWriter(b"\x67\x64\x00\x1e").ue(0).ue(4),
        BitWriter(b"\x67\x63\x00\x1e").ue(0),
        BitWriter(b"\x67\x42\x00\xff").ue(0),
    ],
    ids=["width", "area", "crop", "crop_more", "id", "zeros", "cycle", "chroma", "profile", "level"],
)
def test_absurd(writer: BitWriter) -> None:
    with pytest.raises(CodecDataError):
        SequenceParameterSet.parse(writer.bits(0, 1).nal())


@pytest.mark.parametrize("nal", [b"", b"\x68\x42\xc0\x1e", b"\x67\x42", b"\x67" + bytes(MAX_SPS_BYTES)])
def test_no_sps(nal: bytes) -> None:
    with pytest.raises(CodecDataError):
        SequenceParameterSet.parse(nal)


@settings(max_examples=500)
@given(
    st.sampled_from([b"\x67\x42\xc0\x1e", b"\x67\x64\x00\x28", b"\x67\xf4\x00\x28"]), st.binary(max_size=60)
)
@example(b"\x67\x64\x00\x28", bytes(2000))
def test_any_bytes(start: bytes, rest: bytes) -> None:
    try:
        sps = SequenceParameterSet.parse(start + rest)
    except CodecDataError:
        return
    assert 0 < sps.width <= 16880
    assert 0 < sps.height <= 16880 * 2
    assert 0 <= sps.expected_reorder_frames <= sps.max_reorder_frames <= 16


@settings(max_examples=300, deadline=None)  # the first one has to be encoded
@given(st.sampled_from(ENCODINGS), st.data())
def test_a_damaged_sps_of_an_encoder(encoding: Encoding, data: st.DataObject) -> None:
    nal = bytearray(encode(encoding)[0].sps)
    for _ in range(data.draw(st.integers(1, 3))):
        nal[data.draw(st.integers(0, len(nal) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(nal)))
    try:
        sps = SequenceParameterSet.parse(nal[:end])
    except CodecDataError:
        return
    assert sps.profile_level == ProfileLevel.from_bytes(nal[1:4])
