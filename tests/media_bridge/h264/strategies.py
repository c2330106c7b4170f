"""NAL units and access units that hypothesis makes up."""

import re

from hypothesis import strategies as st

from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.nal import DISPENSABLE_TYPES, LAST_TYPE, PARAMETER_SET_TYPES
from tests.media_bridge.h264.bit_writer import BitWriter

PICTURE_TYPES = sorted(set(range(1, LAST_TYPE + 1)) - DISPENSABLE_TYPES - PARAMETER_SET_TYPES)
"""Types that come out of a depacketizer as they went into a packetizer."""


def _nal(header: int, body: bytes) -> bytes:
    """Contents with emulation prevention, and the last bit set, as every NAL unit has it."""
    return bytes((header,)) + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", body).rstrip(b"\0") + b"\x80"


@st.composite
def nal_units(draw: st.DrawFn, types: list[int] = PICTURE_TYPES, max_size: int = 80) -> bytes:
    """A NAL unit. The body repeats a few bytes, so that it can be long at little cost."""
    header = draw(st.sampled_from([0x00, 0x20, 0x40, 0x60])) | draw(st.sampled_from(types))
    pattern = draw(st.binary(min_size=1, max_size=12))
    size = draw(st.integers(0, max_size))
    return _nal(header, (pattern * (size // len(pattern) + 1))[:size])


def sps(number: int = 0, width_mbs: int = 20) -> bytes:
    """A Constrained Baseline SPS."""
    writer = BitWriter(b"\x67\x42\xc0\x1f").ue(number).ue(0).ue(2).ue(1).bits(0, 1)
    return writer.ue(width_mbs - 1).ue(14).bits(0b110, 3).bits(0, 1).nal()


def pps(number: int = 0, sps_number: int = 0, extra: int = 0) -> bytes:
    """A PPS, as far as it is read here."""
    return BitWriter(b"\x68").ue(number).ue(sps_number).ue(extra).nal()


@st.composite
def pictures(draw: st.DrawFn, *, is_key: bool, max_size: int = 80) -> tuple[bytes, ...]:
    """The NAL units of a picture: at least one slice."""
    slices = draw(st.lists(nal_units([5] if is_key else [1], max_size), min_size=1, max_size=4))
    others = draw(st.lists(nal_units([6, 13, 14, 20, 22]), max_size=3))
    return (*others, *slices)


@st.composite
def streams(draw: st.DrawFn, max_pictures: int = 8, max_size: int = 80) -> list[AccessUnit]:
    """Access units at 30 frames a second, the first one a key picture; some across the wrap of 32 bits."""
    keys = [True, *draw(st.lists(st.booleans(), max_size=max_pictures - 1))]
    start = draw(st.sampled_from([0, 2**32 - 6000]))
    return [
        AccessUnit(draw(pictures(is_key=is_key, max_size=max_size)), (start + 3000 * number) % 2**32)
        for number, is_key in enumerate(keys)
    ]
