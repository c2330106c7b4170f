"""RTP payloads to access units (RFC 6184 5.6, 5.7.1, 5.8, 7).

Only whole access units come out, and only those whose references were whole. So once one is thrown away, all
are, up to the next IDR picture. A recovery point (gradual intra refresh) does not end the wait: the pictures
up to it would be shown damaged, players of RTMP begin at IDR pictures alone, and a peer that is asked for a
key picture (PLI, FIR) answers with one.

A sender that sets the marker before the end of its pictures is noticed by the first one of which that is
seen (`MarkerWatch`). What has been handed on of that picture cannot be taken back; its rest is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from media_bridge.errors import CodecDataError
from media_bridge.frames import Payload
from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.assembly import Assembly
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.drop_reason import DepacketizerStats, DropReason
from media_bridge.h264.limits import DEFAULT_LIMITS, AccessUnitLimits
from media_bridge.h264.marker_watch import MarkerWatch
from media_bridge.h264.parameter_sets import ParameterSets


class Depacketizer:
    """Takes the payloads of one RTP stream in the order of their sequence numbers.

    Whatever they say, it never raises.

    `parameter_sets` are those of the SDP, if any. They and those that come in band are not part of the
    access units: they come out as an AvcConfiguration, before the first picture and before each one that
    follows a change. That is how FLV has them, and players look for them nowhere else. What no decoder needs
    (`DISPENSABLE_TYPES`) is left out, too.
    """

    __slots__ = (
        "_access_units",
        "_assembly",
        "_dropped",
        "_has_loss",
        "_key_pictures",
        "_limits",
        "_markers",
        "_parameter_sets",
        "_waits",
    )

    def __init__(
        self, parameter_sets: Iterable[Payload] = (), *, limits: AccessUnitLimits = DEFAULT_LIMITS
    ) -> None:
        self._limits = limits
        self._parameter_sets = ParameterSets()
        self._dropped: Counter[DropReason] = Counter()
        self._assembly: Assembly | None = None
        self._markers = MarkerWatch()
        self._waits = True
        self._has_loss = False
        self._access_units = self._key_pictures = 0
        self.add_parameter_sets(parameter_sets)

    def add_parameter_sets(self, parameter_sets: Iterable[Payload]) -> None:
        """Take those of a later SDP; the stream goes on. What cannot be read is counted and passed over."""
        for nal in parameter_sets:
            try:
                self._parameter_sets.add(nal)
            except CodecDataError:
                self._dropped[DropReason.BAD_PARAMETER_SET] += 1

    @property
    def wants_key_picture(self) -> bool:
        """Whether nothing comes out until a key picture has come: ask the peer for one, again and again."""
        return self._waits

    def stats(self) -> DepacketizerStats:
        """A snapshot."""
        return DepacketizerStats(self._access_units, self._key_pictures, dict(self._dropped))

    def restart(self) -> None:
        """Note that the stream is another one, whose markers are trusted until it shows otherwise."""
        self._markers = MarkerWatch()

    def push(
        self, payload: Payload, *, timestamp: int, marker: bool, is_after_loss: bool = False
    ) -> Sequence[AvcConfiguration | AccessUnit]:
        """Take a packet and return what is complete with it, mostly nothing; an access unit comes after its
        configuration.

        `is_after_loss` says that packets before this one are missing for good. An access unit ends with the
        marker, if the sender's are trusted, or when the timestamp changes. The payload is kept until its
        access unit is complete, so its bytes must not change.
        """
        self._has_loss = self._has_loss or is_after_loss
        if len(payload) == 0:  # some keep a path through a NAT open with these (RFC 6263 4.1)
            self._dropped[DropReason.EMPTY] += 1
            return ()
        out: Sequence[AvcConfiguration | AccessUnit] = ()
        assembly = self._assembly
        if assembly is None or timestamp != assembly.timestamp:
            out = self._end()
            assembly = Assembly(timestamp, self._limits, self._parameter_sets, self._dropped)
            self._assembly = assembly
        is_rest = self._markers.is_rest(payload, timestamp, is_after_loss=self._has_loss)
        if self._has_loss:
            # What is missing may be the end of the one before, the start of this one, or both.
            assembly.spoil(DropReason.LOSS)
            self._has_loss = False
        elif is_rest:
            assembly.spoil(DropReason.EARLY_MARKER)
        assembly.add(payload)
        return (*out, *self._end_at_marker(assembly)) if marker else out

    def _end_at_marker(self, assembly: Assembly) -> Sequence[AvcConfiguration | AccessUnit]:
        if assembly.is_within_nal_unit:
            self._markers.is_trusted = False  # nothing can end there
        if not self._markers.is_trusted:
            return ()
        if assembly.may_have_slices:
            self._markers.picture_marked(assembly.timestamp)
        return self._end()

    def _end(self) -> Sequence[AvcConfiguration | AccessUnit]:
        """End the access unit that is coming in, if there is one."""
        assembly, self._assembly = self._assembly, None
        if assembly is None:
            return ()
        if self._has_loss:
            assembly.spoil(DropReason.LOSS)
        assembly.finish()
        reason = self._reason_to_drop(assembly)
        if reason is not None:
            self._drop(reason)
            return ()
        if not assembly.nal_units:
            return ()
        return self._deliver(assembly)

    def _reason_to_drop(self, assembly: Assembly) -> DropReason | None:
        if assembly.damage is not None:
            return assembly.damage
        if self._waits and assembly.has_slice and not assembly.is_key:
            return DropReason.WAITING
        if assembly.has_slice and not self._parameter_sets.is_usable:
            return DropReason.NO_PARAMETER_SETS
        return None

    def _drop(self, reason: DropReason) -> None:
        self._dropped[reason] += 1
        # Without a slice nothing is missing that another picture depends on.
        self._waits = self._waits or reason is not DropReason.NO_PICTURE

    def _deliver(self, assembly: Assembly) -> Sequence[AvcConfiguration | AccessUnit]:
        self._waits = False
        self._access_units += 1
        self._key_pictures += assembly.is_key
        access_unit = AccessUnit(tuple(assembly.nal_units), assembly.timestamp)
        configuration = self._parameter_sets.take_change()
        return (access_unit,) if configuration is None else (configuration, access_unit)
