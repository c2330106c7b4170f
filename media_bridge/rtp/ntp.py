"""NTP's time stamps: 64 bits, 32 of them seconds since 1900 (RFC 3550 §4)."""

from __future__ import annotations

NTP_EPOCH_S = 2_208_988_800
"""From 1900, where NTP begins, to 1970, where Unix does."""

_FRACTION = 1 << 32
_COMPACT_FRACTION = 1 << 16


def to_ntp(unix_s: float) -> int:
    """Return Unix time as a 64-bit NTP time stamp."""
    whole = int(unix_s // 1)
    fraction = int((unix_s - whole) * _FRACTION)
    return ((whole + NTP_EPOCH_S) % _FRACTION) << 32 | min(fraction, _FRACTION - 1)


def from_ntp(ntp: int) -> float:
    """Return a 64-bit NTP time stamp as Unix time; the small ones are taken to be after 2036."""
    seconds = ntp >> 32
    era = 0 if seconds & 0x80000000 else _FRACTION
    return seconds + era - NTP_EPOCH_S + (ntp & 0xFFFFFFFF) / _FRACTION


def compact_ntp(ntp: int) -> int:
    """Return the middle 32 bits, which report blocks use (§6.4.1)."""
    return ntp >> 16 & 0xFFFFFFFF


def to_compact(duration_s: float) -> int:
    """Return a duration in units of 1/65536 s, at most 32 bits of them."""
    return min(max(round(duration_s * _COMPACT_FRACTION), 0), 0xFFFFFFFF)


def from_compact(duration: int) -> float:
    """Return the seconds of a duration in units of 1/65536 s."""
    return duration / _COMPACT_FRACTION
