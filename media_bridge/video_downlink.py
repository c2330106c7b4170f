"""Video from SIP to RTMP without touching the pictures: payloads of RFC 6184 to FLV AVC tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from media_bridge.arrival_clock import ArrivalClock
from media_bridge.errors import CodecDataError
from media_bridge.frames import Payload
from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.avc_tag import picture_body, sequence_header_body
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.decode_order import DecodeOrder
from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.h264.drop_reason import DepacketizerStats

_TICKS_PER_MS: Final = 90
_SLEW_MS: Final = 2.0
_SLEW_SHARE: Final = 1 / 8
"""How far the delay moves with one picture, at least, and of what is left: nobody sees that."""


class TimedTag(NamedTuple):
    """The body of an FLV video tag and its time in ms."""

    timestamp_ms: int
    body: bytes


class VideoDownlink:
    """Takes the peer's packets in order and makes tags of whole pictures.

    Their times never go back, whatever the peer's do. `delay_ms`, which may be set at any time, is how much
    later than on arrival they are due: as much as the audio of the same call is, so that both stay together.
    """

    def __init__(self, depacketizer: Depacketizer, *, delay_ms: float = 0.0) -> None:
        self.delay_ms = delay_ms
        self.decoding_timestamp = 0
        """When the last picture is to be decoded, by the clock of RTP; that of 32 bits may wrap around."""
        self._depacketizer = depacketizer
        self._delay_ms: float | None = None
        self._order = DecodeOrder()
        self._clock = ArrivalClock()
        self._last_ms = 0
        self._configuration: bytes | None = None
        self._is_configuration_due = False
        self._dropped = 0

    def wants_key_picture(self) -> bool:
        """Return whether the peer is to be asked for a key picture: pictures have come in vain.

        Says so once for each of them; the first one of all may be a key picture that is under way.
        """
        if not self._depacketizer.wants_key_picture:
            return False
        dropped = sum(self._depacketizer.stats().dropped.values())
        before, self._dropped = self._dropped, dropped
        return dropped > before

    def stats(self) -> DepacketizerStats:
        """A snapshot."""
        return self._depacketizer.stats()

    def add_parameter_sets(self, parameter_sets: Iterable[Payload]) -> None:
        """Take the parameter sets that a session description names for the peer's stream."""
        self._depacketizer.add_parameter_sets(parameter_sets)

    def restart(self) -> None:
        """Note that the peer's stream is another one, with times of its own."""
        self._depacketizer.restart()
        self._order = DecodeOrder()
        self._clock = ArrivalClock()

    def configuration_tag(self) -> TimedTag | None:
        """Return the newest sequence header, for a client that begins to play; None before there is one."""
        return None if self._configuration is None else TimedTag(self._last_ms, self._configuration)

    def push(
        self, payload: Payload, *, timestamp: int, marker: bool, is_after_loss: bool, now_ms: float
    ) -> list[TimedTag]:
        """Take a packet's payload and return the tags that are complete with it; `now_ms` is our stream's."""
        tags: list[TimedTag] = []
        for part in self._depacketizer.push(
            payload, timestamp=timestamp, marker=marker, is_after_loss=is_after_loss
        ):
            if isinstance(part, AvcConfiguration):
                self._begin_sequence(part)
                continue
            picture = self._picture(part, now_ms)
            if self._is_configuration_due and self._configuration is not None:
                tags.append(TimedTag(picture.timestamp_ms, self._configuration))
                self._is_configuration_due = False
            tags.append(picture)
        return tags

    def _begin_sequence(self, configuration: AvcConfiguration) -> None:
        try:
            self._order.begin_sequence(configuration.first_sps())
            self._configuration = sequence_header_body(configuration)
        except CodecDataError:  # the pictures go on with what is known
            return
        self._is_configuration_due = True

    def _picture(self, access_unit: AccessUnit, now_ms: float) -> TimedTag:
        time = self._order.next(access_unit.timestamp)
        due_ms = self._clock.place(time.decoding_ms, now_ms) + self._slewed_delay_ms()
        self._last_ms = max(self._last_ms, round(due_ms))
        self.decoding_timestamp = access_unit.timestamp - time.composition_ms * _TICKS_PER_MS
        return TimedTag(self._last_ms, picture_body(access_unit, time.composition_ms))

    def _slewed_delay_ms(self) -> float:
        before = self.delay_ms if self._delay_ms is None else self._delay_ms
        error_ms = self.delay_ms - before
        step_ms = max(_SLEW_MS, abs(error_ms) * _SLEW_SHARE)
        self._delay_ms = before + max(-step_ms, min(step_ms, error_ms))
        return self._delay_ms
