"""The three bytes that say what an H.264 stream asks of a decoder: `profile-level-id` (RFC 6184 8.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from media_bridge.errors import CodecDataError
from media_bridge.frames import Payload
from media_bridge.h264.level import Level, level_of

_BASELINE, _MAIN, _EXTENDED = 66, 77, 88
_HIGH, _HIGH_10, _HIGH_422, _HIGH_444, _CAVLC_444 = 100, 110, 122, 244, 44

SIMPLE_PROFILE_IDCS = frozenset({_BASELINE, _MAIN, _EXTENDED})
"""The profiles without High's tail in SPS and avcC (7.3.2.1.1)."""


class Profile(Enum):
    """Profiles (Annex A.2)."""

    CONSTRAINED_BASELINE = "Constrained Baseline"
    BASELINE = "Baseline"
    MAIN = "Main"
    EXTENDED = "Extended"
    CONSTRAINED_HIGH = "Constrained High"
    HIGH = "High"
    HIGH_10 = "High 10"
    HIGH_422 = "High 4:2:2"
    HIGH_444 = "High 4:4:4 Predictive"
    HIGH_10_INTRA = "High 10 Intra"
    HIGH_422_INTRA = "High 4:2:2 Intra"
    HIGH_444_INTRA = "High 4:4:4 Intra"
    CAVLC_444_INTRA = "CAVLC 4:4:4 Intra"


_P = Profile
# Profiles of which a decoder of this one decodes all streams; the ones of those come with them.
_DECODES: dict[Profile, tuple[Profile, ...]] = {
    _P.BASELINE: (_P.CONSTRAINED_BASELINE,),
    _P.MAIN: (_P.CONSTRAINED_BASELINE,),
    _P.EXTENDED: (_P.BASELINE,),
    _P.CONSTRAINED_HIGH: (_P.CONSTRAINED_BASELINE,),
    _P.HIGH: (_P.MAIN, _P.CONSTRAINED_HIGH),
    _P.HIGH_10: (_P.HIGH, _P.HIGH_10_INTRA),
    _P.HIGH_422: (_P.HIGH_10, _P.HIGH_422_INTRA),
    _P.HIGH_444: (_P.HIGH_422, _P.HIGH_444_INTRA),
    _P.HIGH_422_INTRA: (_P.HIGH_10_INTRA,),
    _P.HIGH_444_INTRA: (_P.HIGH_422_INTRA, _P.CAVLC_444_INTRA),
}
_INTRA = {
    _HIGH_10: _P.HIGH_10_INTRA,
    _HIGH_422: _P.HIGH_422_INTRA,
    _HIGH_444: _P.HIGH_444_INTRA,
    _CAVLC_444: _P.CAVLC_444_INTRA,
}
_BY_IDC = {
    _BASELINE: _P.BASELINE,
    _MAIN: _P.MAIN,
    _EXTENDED: _P.EXTENDED,
    _HIGH: _P.HIGH,
    _HIGH_10: _P.HIGH_10,
    _HIGH_422: _P.HIGH_422,
    _HIGH_444: _P.HIGH_444,
    _CAVLC_444: _P.CAVLC_444_INTRA,
}


@dataclass(frozen=True, slots=True)
class ProfileLevel:
    """Profile and level as H.264 writes them.

    `constraints` is the byte of constraint_set0_flag (its highest bit) to constraint_set5_flag and two zeros,
    which RFC 6184 calls profile-iop.
    """

    profile_idc: int
    constraints: int
    level_idc: int

    @classmethod
    def parse(cls, text: str) -> ProfileLevel:
        """Read six hex digits, as in `42e01f`. Raise CodecDataError for anything else, or an unknown one."""
        try:
            data = bytes.fromhex(text)
        except ValueError:
            data = b""
        if len(data) != 3 or len(text) != 6:
            raise CodecDataError(f"a profile-level-id is six hex digits, not {text[:20]!r}")
        return cls.from_bytes(data)

    @classmethod
    def from_bytes(cls, data: Payload) -> ProfileLevel:
        """Read three bytes. Raise CodecDataError for another number, or an unknown profile or level."""
        if len(data) != 3:
            raise CodecDataError("profile and level are cut short")
        profile_level = cls(data[0], data[1], data[2])
        if profile_level.profile_idc not in _BY_IDC:
            raise CodecDataError(f"unknown H.264 profile {profile_level.profile_idc}")
        _ = profile_level.level
        return profile_level

    def __str__(self) -> str:
        """Six hex digits, for SDP."""
        return f"{self.profile_idc:02x}{self.constraints:02x}{self.level_idc:02x}"

    def has_constraint(self, number: int) -> bool:
        """Whether constraint_set`number`_flag is set."""
        return bool(self.constraints & 0x80 >> number)

    @property
    def level(self) -> Level:
        """The level."""
        is_high = self.profile_idc not in SIMPLE_PROFILE_IDCS
        return level_of(self.level_idc, constraint_set3=self.has_constraint(3), is_high=is_high)

    @property
    def profile(self) -> Profile:
        """The narrowest profile that the three bytes tell (RFC 6184 table 5)."""
        if Profile.CONSTRAINED_BASELINE in self.profiles:
            return Profile.CONSTRAINED_BASELINE
        if self.profile_idc == _EXTENDED and self.has_constraint(0):
            return Profile.BASELINE
        if self.profile_idc == _HIGH and self.has_constraint(4) and self.has_constraint(5):
            return Profile.CONSTRAINED_HIGH
        if self.has_constraint(3):
            return _INTRA.get(self.profile_idc, _BY_IDC[self.profile_idc])
        return _BY_IDC[self.profile_idc]

    @property
    def profiles(self) -> frozenset[Profile]:
        """The profiles that a stream so marked keeps to (A.2): its own, and those its constraints name."""
        kept = {_BY_IDC[self.profile_idc]}
        if self.profile_idc in SIMPLE_PROFILE_IDCS:
            named = (Profile.BASELINE, Profile.MAIN, Profile.EXTENDED)
            kept.update(profile for number, profile in enumerate(named) if self.has_constraint(number))
            if {Profile.BASELINE, Profile.MAIN} <= kept:
                kept.add(Profile.CONSTRAINED_BASELINE)
        return frozenset(kept)

    @property
    def can_have_b_pictures(self) -> bool:
        """Whether pictures can come in another order than they are shown."""
        without = (Profile.CONSTRAINED_BASELINE, Profile.BASELINE, Profile.CONSTRAINED_HIGH)
        return self.profile not in (*without, *_INTRA.values())

    def accepts(self, stream: ProfileLevel) -> bool:
        """Whether a decoder of this profile and level decodes such a stream."""
        decoded = _decoded_by(self.profile)
        is_decoded = stream.profile in decoded or not decoded.isdisjoint(stream.profiles)
        return is_decoded and self.level >= stream.level


def _decoded_by(profile: Profile) -> frozenset[Profile]:
    inner = (_decoded_by(narrower) for narrower in _DECODES.get(profile, ()))
    return frozenset({profile}).union(*inner)
