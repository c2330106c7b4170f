"""The levels of H.264 (Annex A.3): what a decoder must be able to take."""

from __future__ import annotations

from enum import Enum

from media_bridge.errors import CodecDataError


class Level(Enum):
    """Levels, the least demanding first (table A-1); the value is the level's usual name.

    `max_mbps`: macroblocks a second. `max_fs`: macroblocks of a frame. `max_dpb_mbs`: macroblocks of the
    frames that a decoder keeps. `max_br`: the rate in units of 1000 bits/s, or 1200 for NAL units, in the
    Baseline, Main and Extended profiles; a High profile has 1.25 times as much.
    """

    L1 = "1", 1485, 99, 396, 64
    L1B = "1b", 1485, 99, 396, 128
    L1_1 = "1.1", 3000, 396, 900, 192
    L1_2 = "1.2", 6000, 396, 2376, 384
    L1_3 = "1.3", 11880, 396, 2376, 768
    L2 = "2", 11880, 396, 2376, 2000
    L2_1 = "2.1", 19800, 792, 4752, 4000
    L2_2 = "2.2", 20250, 1620, 8100, 4000
    L3 = "3", 40500, 1620, 8100, 10000
    L3_1 = "3.1", 108000, 3600, 18000, 14000
    L3_2 = "3.2", 216000, 5120, 20480, 20000
    L4 = "4", 245760, 8192, 32768, 20000
    L4_1 = "4.1", 245760, 8192, 32768, 50000
    L4_2 = "4.2", 522240, 8704, 34816, 50000
    L5 = "5", 589824, 22080, 110400, 135000
    L5_1 = "5.1", 983040, 36864, 184320, 240000
    L5_2 = "5.2", 2073600, 36864, 184320, 240000
    L6 = "6", 4177920, 139264, 696320, 240000
    L6_1 = "6.1", 8355840, 139264, 696320, 480000
    L6_2 = "6.2", 16711680, 139264, 696320, 800000

    max_mbps: int
    max_fs: int
    max_dpb_mbs: int
    max_br: int
    rank: int

    def __new__(cls, name: str, max_mbps: int, max_fs: int, max_dpb_mbs: int, max_br: int) -> Level:
        """Make a member; its rank is its place in the table."""
        level = object.__new__(cls)
        level._value_ = name
        level.max_mbps, level.max_fs = max_mbps, max_fs
        level.max_dpb_mbs, level.max_br = max_dpb_mbs, max_br
        level.rank = len(cls.__members__)
        return level

    def __ge__(self, other: Level) -> bool:
        """Whether a decoder of this level is a decoder of the other."""
        return self.rank >= other.rank

    @property
    def max_frame_side(self) -> int:
        """The most macroblocks that a frame may be wide or high (A.3.1: the root of 8 MaxFS)."""
        return int((8 * self.max_fs) ** 0.5)

    def max_dpb_frames(self, frame_mbs: int) -> int:
        """Return how many frames of so many macroblocks a decoder keeps (MaxDpbFrames, A.3.1)."""
        return min(self.max_dpb_mbs // frame_mbs, 16)


_BY_IDC = {round(10 * float(level.value)): level for level in Level if level is not Level.L1B}
_IDC_1B = 9


def level_of(level_idc: int, *, constraint_set3: bool, is_high: bool) -> Level:
    """Return the level that a `level_idc` stands for. Raise CodecDataError if there is none.

    1b is 9, or in the Baseline, Main and Extended profiles (`is_high` is False) 11 with constraint_set3_flag.
    A number between two levels stands for the higher one, so that nobody is promised too little.
    """
    if level_idc == _IDC_1B or (level_idc == 11 and constraint_set3 and not is_high):
        return Level.L1B
    if level_idc < _IDC_1B:
        raise CodecDataError(f"there is no H.264 level {level_idc / 10:g}")
    for idc, level in _BY_IDC.items():
        if level_idc <= idc:
            return level
    raise CodecDataError(f"there is no H.264 level {level_idc / 10:g}")


def level_idc_of(level: Level) -> int:
    """Return the `level_idc` of a level, 11 for 1b."""
    return 11 if level is Level.L1B else round(10 * float(level.value))
