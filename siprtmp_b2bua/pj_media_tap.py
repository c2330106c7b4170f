"""Shows the timestamps and the sender reports of a call's audio as they come in: pjsua2 keeps both to itself.

Lip-sync needs them (RFC 3550 §6.4.1), and pjmedia's own statistics have the NTP half of a report alone. So
the transport of the audio gets an operations table of its own, a copy in which `attach2` is ours: that is
where pjmedia's stream says who is to be called with packets. We put ourselves in front of it, in C by ctypes,
and hand everything on. Packets come on pjmedia's `media` thread; what they say ends in a queue. The transport
is the topmost one, that of SRTP, whether a call is encrypted or not; so what comes can be read.
"""

from __future__ import annotations

import ctypes
import logging
import time
from collections import deque
from typing import Any, Final, NamedTuple

from media_bridge.errors import PacketError
from media_bridge.rtp.ntp import from_ntp
from media_bridge.rtp.rtcp import parse_compound
from media_bridge.rtp.rtcp_reports import SenderReport

from .pj_events import AudioArrival

logger = logging.getLogger(__name__)

_MAX_WAITING: Final = 256
_RTP_HEADER: Final = 12
_OPERATIONS: Final = 13
_DETACH, _DESTROY, _ATTACH2 = 2, 11, 12


class MediaWatch:
    """What is to be known of one call's audio; `is_wanted` counts when its stream is made."""

    def __init__(self) -> None:
        self.is_wanted = False
        self.arrivals: deque[AudioArrival] = deque(maxlen=_MAX_WAITING)
        """What came since somebody looked; the oldest go first where nobody does."""


class _Packet(ctypes.Structure):
    """The beginning of pjmedia_tp_cb_param (transport.h)."""

    _fields_ = (("user_data", ctypes.c_void_p), ("data", ctypes.c_void_p), ("size", ctypes.c_ssize_t))


_OnRtp = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Packet))
_OnRtcp = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t)


class _Attachment(ctypes.Structure):
    """pjmedia_transport_attach_param (transport.h)."""

    _fields_ = (
        ("stream", ctypes.c_void_p),
        ("media_type", ctypes.c_int),
        ("remote_address", ctypes.c_uint32 * 7),
        ("remote_rtcp_address", ctypes.c_uint32 * 7),
        ("address_length", ctypes.c_uint),
        ("user_data", ctypes.c_void_p),
        ("on_rtp_without_source", ctypes.c_void_p),
        ("on_rtcp", ctypes.c_void_p),
        ("on_rtp", ctypes.c_void_p),
    )


class _Transport(ctypes.Structure):
    """The beginning of pjmedia_transport (transport.h)."""

    _fields_ = (
        ("name", ctypes.c_char * 32),
        ("type", ctypes.c_int),
        ("operations", ctypes.POINTER(ctypes.c_void_p * _OPERATIONS)),
    )


_Attach = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_Attachment))
_Detach = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
_Destroy = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class _Table(NamedTuple):
    """An operations table of pjmedia's with ours in it, and those of theirs that we stand in front of."""

    operations: Any
    theirs: dict[int, Any]


class _Watched(NamedTuple):
    """A transport, and who watches it."""

    theirs: dict[int, Any]
    watch: MediaWatch


class _Stream(NamedTuple):
    """A stream that is attached: pjmedia's callbacks of it, and who watches it."""

    on_rtp: Any
    on_rtcp: Any
    watch: MediaWatch


class PjMediaTap:
    """One for the endpoint; keep it until `libDestroy` has returned."""

    def __init__(self) -> None:
        self._transports: dict[int, _Watched] = {}
        """By their addresses."""
        self._streams: dict[int, _Stream] = {}
        """By what pjmedia gives to a stream's callbacks."""
        self._callbacks = _OnRtp(self._on_rtp), _OnRtcp(self._on_rtcp)
        self._ours = {
            _ATTACH2: _Attach(self._attach),
            _DETACH: _Detach(self._detach),
            _DESTROY: _Destroy(self._destroy),
        }
        self._tables: dict[int, _Table] = {}
        """By the address of pjmedia's; each kind of transport has one."""

    def watch(self, address: int, watch: MediaWatch) -> None:
        """Have the streams of a new transport watched; on the pjsip thread."""
        transport = _Transport.from_address(address)
        if address in self._transports or not transport.operations:
            return
        table = self._table_of(transport.operations.contents)
        if table is None:
            logger.error("unknown build of pjmedia: lip-sync towards RTMP goes by arrival alone")
            return
        transport.operations = ctypes.pointer(table.operations)
        self._transports[address] = _Watched(table.theirs, watch)

    def _table_of(self, operations: Any) -> _Table | None:
        """Make one of each kind; None if it is not what we think it is."""
        address = ctypes.addressof(operations)
        if address not in self._tables:
            if not all(operations[number] for number in self._ours):
                return None
            theirs = {number: type(ours)(operations[number]) for number, ours in self._ours.items()}
            copy = type(operations)(*operations)
            for number, ours in self._ours.items():
                copy[number] = ctypes.cast(ours, ctypes.c_void_p).value
            self._tables[address] = _Table(copy, theirs)
        return self._tables[address]

    # -- in place of pjmedia's operations, on the pjsip thread -------------------------------------------

    def _attach(self, address: int, attachment: Any) -> int:
        theirs, watch = self._transports[address]
        if watch.is_wanted:
            self._put_in_front(attachment.contents, watch)
        return int(theirs[_ATTACH2](address, attachment))

    def _put_in_front(self, attachment: _Attachment, watch: MediaWatch) -> None:
        if not (attachment.user_data and attachment.on_rtp and attachment.on_rtcp):
            return
        stream = _Stream(_OnRtp(attachment.on_rtp), _OnRtcp(attachment.on_rtcp), watch)
        self._streams[attachment.user_data] = stream
        on_rtp, on_rtcp = self._callbacks
        attachment.on_rtp = ctypes.cast(on_rtp, ctypes.c_void_p)
        attachment.on_rtcp = ctypes.cast(on_rtcp, ctypes.c_void_p)

    def _detach(self, address: int, user_data: int) -> None:
        self._transports[address].theirs[_DETACH](address, user_data)
        self._streams.pop(user_data, None)

    def _destroy(self, address: int) -> int:
        return int(self._transports.pop(address).theirs[_DESTROY](address))

    # -- in place of pjmedia's callbacks, on its media thread --------------------------------------------

    def _on_rtp(self, packet: Any) -> None:
        user_data, data, size = packet.contents.user_data, packet.contents.data, packet.contents.size
        stream = self._streams.get(user_data)
        if stream is None:
            return  # detached in this moment
        if size >= _RTP_HEADER:
            header = ctypes.string_at(data, _RTP_HEADER)
            timestamp, ssrc = int.from_bytes(header[4:8]), int.from_bytes(header[8:12])
            stream.watch.arrivals.append(AudioArrival(ssrc, timestamp, time.monotonic()))
        stream.on_rtp(packet)

    def _on_rtcp(self, user_data: int, data: int, size: int) -> None:
        stream = self._streams.get(user_data)
        if stream is None:
            return
        if size > 0:
            _note_reports(ctypes.string_at(data, size), stream.watch)
        stream.on_rtcp(user_data, data, size)


def _note_reports(datagram: bytes, watch: MediaWatch) -> None:
    try:
        packets = parse_compound(datagram).packets
    except PacketError:
        return
    now_s = time.monotonic()
    for packet in packets:
        if isinstance(packet, SenderReport) and packet.ntp:
            unix_s = from_ntp(packet.ntp)
            watch.arrivals.append(AudioArrival(packet.ssrc, packet.rtp_timestamp, now_s, unix_s))
