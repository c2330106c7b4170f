"""Sequence parameter sets (H.264 7.3.2.1.1): what a stream's pictures are like."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from media_bridge.errors import CodecDataError
from media_bridge.frames import Payload
from media_bridge.h264.bit_reader import BitReader
from media_bridge.h264.level import Level
from media_bridge.h264.nal import NalType, nal_type, rbsp
from media_bridge.h264.profile_level import SIMPLE_PROFILE_IDCS, ProfileLevel
from media_bridge.h264.vui import MAX_FRAMES, Vui

MAX_SPS_ID = 31
MAX_SPS_BYTES = 2048
"""Twice what an SPS with every scaling list written out needs."""

_MB = 16
_LARGEST = Level.L6_2
_MAX_CYCLE = 255
_CHROMA_444 = 3
_MAX_BIT_DEPTH_MINUS_8 = 6
_NO_REORDERING_POC_TYPE = 2
_SUB_SIZES = ((1, 1), (2, 2), (2, 1), (1, 1))
"""SubWidthC and SubHeightC of each chroma_format_idc (table 6-1), which cropping counts in."""


@dataclass(frozen=True, slots=True)
class ChromaFormat:
    """Bits of a sample, and how colour is sampled: `idc` is 0 for none, 1 4:2:0, 2 4:2:2, 3 4:4:4."""

    idc: int = 1
    bit_depth_luma: int = 8
    bit_depth_chroma: int = 8
    separate_planes: bool = False

    @classmethod
    def parse(cls, reader: BitReader) -> ChromaFormat:
        """Raise CodecDataError if it is cut short or absurd."""
        idc = reader.ue(_CHROMA_444)
        separate_planes = reader.flag() if idc == _CHROMA_444 else False
        luma, chroma = reader.ue(_MAX_BIT_DEPTH_MINUS_8), reader.ue(_MAX_BIT_DEPTH_MINUS_8)
        return cls(idc, 8 + luma, 8 + chroma, separate_planes)


@dataclass(frozen=True, slots=True)
class SequenceParameterSet:
    """What is read of an SPS. `width` and `height` are the pixels that are shown."""

    profile_level: ProfileLevel
    sps_id: int
    chroma: ChromaFormat
    pic_order_cnt_type: int
    max_num_ref_frames: int
    frame_mbs: int
    width: int
    height: int
    vui: Vui

    @classmethod
    def parse(cls, nal: Payload) -> SequenceParameterSet:
        """Read an SPS NAL unit. Raise CodecDataError if it is none, or damaged, or beyond H.264's bounds."""
        if len(nal) == 0 or nal_type(nal) != NalType.SPS or len(nal) > MAX_SPS_BYTES:
            raise CodecDataError(f"no SPS: NAL unit of {len(nal)} bytes")
        profile_level = ProfileLevel.from_bytes(nal[1:4])
        reader = BitReader(rbsp(nal)[3:])
        sps_id = reader.ue(MAX_SPS_ID)
        chroma = ChromaFormat()
        if profile_level.profile_idc not in SIMPLE_PROFILE_IDCS:
            chroma = ChromaFormat.parse(reader)
            _skip_scaling(reader, chroma)
        reader.ue(12)  # log2_max_frame_num_minus4
        pic_order_cnt_type = _read_pic_order_cnt(reader)
        max_num_ref_frames = reader.ue(MAX_FRAMES)
        reader.flag()  # gaps_in_frame_num_value_allowed_flag
        frame_mbs, width, height = _read_size(reader, chroma)
        vui = _read_vui(reader)
        return cls(
            profile_level,
            sps_id,
            chroma,
            pic_order_cnt_type,
            max_num_ref_frames,
            frame_mbs,
            width,
            height,
            vui,
        )

    @property
    def frame_rate_hz(self) -> Fraction | None:
        """Frames a second, if it says so."""
        return self.vui.frame_rate_hz

    @property
    def max_reorder_frames(self) -> int:
        """How many frames can precede one in decoding order and follow it when shown.

        Without a word about it in the VUI, as many as the decoder keeps (E.2.1) if pictures can be reordered.
        """
        if not self.profile_level.can_have_b_pictures or self.pic_order_cnt_type == _NO_REORDERING_POC_TYPE:
            return 0
        if self.vui.max_num_reorder_frames is not None:
            return self.vui.max_num_reorder_frames
        return self.profile_level.level.max_dpb_frames(self.frame_mbs)

    @property
    def expected_reorder_frames(self) -> int:
        """How many there will be: 0 without a word about it, since most encoders have none then."""
        return min(self.vui.max_num_reorder_frames or 0, self.max_reorder_frames)


def _skip_scaling(reader: BitReader, chroma: ChromaFormat) -> None:
    reader.flag()  # qpprime_y_zero_transform_bypass_flag
    if not reader.flag():
        return
    for number in range(12 if chroma.idc == _CHROMA_444 else 8):
        if reader.flag():
            _skip_scaling_list(reader, 16 if number < 6 else 64)


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    """Skip a list (7.3.2.1.1.1): after a next scale of 0, the rest of it repeats the last one."""
    last = following = 8
    for _ in range(size):
        if following != 0:
            following = (last + reader.se()) % 256
        last = following or last


def _read_pic_order_cnt(reader: BitReader) -> int:
    pic_order_cnt_type = reader.ue(2)
    if pic_order_cnt_type == 0:
        reader.ue(12)
    elif pic_order_cnt_type == 1:
        reader.flag()
        reader.se()
        reader.se()
        for _ in range(reader.ue(_MAX_CYCLE)):
            reader.se()
    return pic_order_cnt_type


def _read_size(reader: BitReader, chroma: ChromaFormat) -> tuple[int, int, int]:
    """Return macroblocks of a frame, and width and height in pixels after cropping."""
    width_mbs = reader.ue(_LARGEST.max_frame_side - 1) + 1
    height_units = reader.ue(_LARGEST.max_frame_side - 1) + 1
    is_frames_only = reader.flag()
    height_mbs = height_units if is_frames_only else 2 * height_units
    if width_mbs * height_mbs > _LARGEST.max_fs:
        raise CodecDataError(f"pictures of {width_mbs * _MB}x{height_mbs * _MB} are more than H.264 has")
    if not is_frames_only:
        reader.flag()  # mb_adaptive_frame_field_flag
    reader.flag()  # direct_8x8_inference_flag
    left, right, top, bottom = (reader.ue() for _ in range(4)) if reader.flag() else (0, 0, 0, 0)
    sub_width, sub_height = _SUB_SIZES[0 if chroma.separate_planes else chroma.idc]
    width = width_mbs * _MB - (left + right) * sub_width
    height = height_mbs * _MB - (top + bottom) * sub_height * (1 if is_frames_only else 2)
    if width <= 0 or height <= 0:
        raise CodecDataError("an SPS whose cropping leaves nothing of the picture")
    return width_mbs * height_mbs, width, height


def _read_vui(reader: BitReader) -> Vui:
    """Some encoders write a VUI that ends too early. All before it is good, so the VUI alone is left out."""
    try:
        return Vui.parse(reader) if reader.flag() else Vui()
    except CodecDataError:
        return Vui()
