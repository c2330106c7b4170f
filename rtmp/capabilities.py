"""What client and server tell each other in `connect` that they support (Enhanced RTMP v2, "Enhancing
NetConnection connect Command")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Final

from rtmp.amf_value import AmfValue

ANY_CODEC: Final = "*"
_MAX_CODECS: Final = 64
_MAX_FLAGS: Final = 0xFFFFFFFF
_KNOWN_CAPS: Final = 0xF


class FourCcInfo(IntFlag):
    """What can be done with a codec."""

    NONE = 0
    CAN_DECODE = 1
    CAN_ENCODE = 2
    CAN_FORWARD = 4
    ALL = CAN_DECODE | CAN_ENCODE | CAN_FORWARD


class CapsEx(IntFlag):
    """Extended capabilities."""

    NONE = 0
    RECONNECT = 1
    MULTITRACK = 2
    MOD_EX = 4
    TIMESTAMP_NANO_OFFSET = 8


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Codecs by FourCC, of which `ANY_CODEC` stands for every one, and extended capabilities.

    `four_ccs` is the list of version 1, which does not tell audio from video and says nothing of what can be
    done with a codec. Flags that are reserved are left out: an IntFlag keeps every value it was ever made of.
    """

    four_ccs: tuple[str, ...] = ()
    video: Mapping[str, FourCcInfo] = field(default_factory=dict)
    audio: Mapping[str, FourCcInfo] = field(default_factory=dict)
    caps_ex: CapsEx = CapsEx.NONE

    @classmethod
    def from_command_object(cls, command_object: AmfValue) -> Capabilities:
        """Return what a command object, or the answer's properties or information object, says.

        Never raises: what is missing, odd, or beyond 64 codecs counts as not supported.
        """
        if not isinstance(command_object, Mapping):
            return cls()
        return cls(
            _read_list(command_object.get("fourCcList")),
            _read_map(command_object.get("videoFourCcInfoMap")),
            _read_map(command_object.get("audioFourCcInfoMap")),
            CapsEx((_read_flags(command_object.get("capsEx")) or 0) & _KNOWN_CAPS),
        )

    def to_command_object(self) -> dict[str, AmfValue]:
        """Return the members to add to a command object; none for what is empty."""
        members: dict[str, AmfValue] = {}
        if self.four_ccs:
            members["fourCcList"] = list(self.four_ccs)
        if self.video:
            members["videoFourCcInfoMap"] = {codec: float(info) for codec, info in self.video.items()}
        if self.audio:
            members["audioFourCcInfoMap"] = {codec: float(info) for codec, info in self.audio.items()}
        if self.caps_ex:
            members["capsEx"] = float(self.caps_ex)
        return members

    def video_info(self, four_cc: str) -> FourCcInfo:
        """Return what can be done with a video codec; for one in `four_ccs` that is everything."""
        return self._info(self.video, four_cc)

    def audio_info(self, four_cc: str) -> FourCcInfo:
        """Return what can be done with an audio codec; for one in `four_ccs` that is everything."""
        return self._info(self.audio, four_cc)

    def _info(self, infos: Mapping[str, FourCcInfo], four_cc: str) -> FourCcInfo:
        if four_cc in self.four_ccs or ANY_CODEC in self.four_ccs:
            return FourCcInfo.ALL
        return infos.get(four_cc, FourCcInfo.NONE) | infos.get(ANY_CODEC, FourCcInfo.NONE)


def _read_list(value: AmfValue) -> tuple[str, ...]:
    # some encoders write the strict array as an ECMA array
    items: object = tuple(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(items, Sequence) or isinstance(items, str | bytes):
        return ()
    return tuple(item for item in items[:_MAX_CODECS] if _is_codec(item))


def _read_map(value: AmfValue) -> dict[str, FourCcInfo]:
    infos: dict[str, FourCcInfo] = {}
    if isinstance(value, Mapping):
        for codec, number in value.items():
            flags = _read_flags(number)
            if _is_codec(codec) and flags is not None and len(infos) < _MAX_CODECS:
                infos[codec] = FourCcInfo(flags & FourCcInfo.ALL)
    return infos


def _read_flags(value: AmfValue) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _MAX_FLAGS else None  # what is not a number compares as False


def _is_codec(value: object) -> bool:
    return isinstance(value, str) and (value == ANY_CODEC or (len(value) == 4 and value.isascii()))
