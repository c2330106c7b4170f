"""The pictures of one stream in payloads of RTP, from a key picture on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from media_bridge.errors import OversizeError
from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.packetizer import Packetizer


@dataclass(frozen=True, slots=True)
class PacketizedPicture:
    """A picture in RTP payloads; the last one has the marker. `timestamp` counts 90 kHz, 32 bits."""

    payloads: Sequence[bytes]
    timestamp: int
    is_key: bool


class PicturePacketizer:
    """Packetizes with `packetizer`, which may be replaced, and counts what goes on.

    It begins with a key picture, and again after a picture that does not fit.
    """

    def __init__(self, packetizer: Packetizer) -> None:
        self.packetizer = packetizer
        self.pictures = self.key_pictures = 0
        self.without_key = 0
        """Pictures left out, as no key picture had come."""
        self._waits_for_key = True

    def wait_for_key_picture(self) -> None:
        """Let nothing go on before the next key picture: the peer has missed some."""
        self._waits_for_key = True

    def packetize(self, unit: AccessUnit, parameter_sets: Sequence[bytes]) -> PacketizedPicture | None:
        """Return the picture in payloads; None before a key picture, and for one without a payload.

        Raises OversizeError as `Packetizer.payloads` does.
        """
        is_key = unit.is_key
        if self._waits_for_key and not is_key:
            self.without_key += 1
            return None
        try:
            payloads = self.packetizer.payloads(unit, parameter_sets)
        except OversizeError:
            self._waits_for_key = True
            raise
        self._waits_for_key = False
        if not payloads:
            return None
        self.pictures += 1
        self.key_pictures += is_key
        return PacketizedPicture(payloads, unit.timestamp, is_key)
