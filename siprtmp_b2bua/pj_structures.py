"""pjsip's C structures as far as we read them, of the wheel's build (pjproject 2.15.1)."""

from __future__ import annotations

import ctypes
from typing import Final

_MAX_PACKET: Final = 4000
"""`PJSIP_MAX_PKT_LEN` of the wheel."""


class SipSettings(ctypes.Structure):
    """The beginning of pjsip_cfg_t (sip_config.h), which `pjsip_sip_cfg_var` is."""

    _fields_ = (
        ("allow_port_in_from_to", ctypes.c_int),
        ("accept_replace_in_early_state", ctypes.c_int),
        ("allow_header_parameters_in_uri", ctypes.c_int),
        ("disable_rport", ctypes.c_int),
        ("disable_tcp_switch", ctypes.c_int),
    )


class PjText(ctypes.Structure):
    """pj_str_t."""

    _fields_ = (("pointer", ctypes.c_char_p), ("length", ctypes.c_ssize_t))


class _StatusLine(ctypes.Structure):
    _fields_ = (("code", ctypes.c_int), ("reason", PjText))


class _Message(ctypes.Structure):
    """The beginning of pjsip_msg of a response."""

    _fields_ = (("type", ctypes.c_int), ("status", _StatusLine))


class Header(ctypes.Structure):
    """What all headers begin with, PJSIP_DECL_HDR_MEMBER."""

    _fields_ = (
        ("previous", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("type", ctypes.c_int),
        ("name", PjText),
        ("short_name", PjText),
        ("methods", ctypes.c_void_p),
    )


class _CallIdHeader(ctypes.Structure):
    """pjsip_cid_hdr."""

    _fields_ = (("header", Header), ("id", PjText))


class _AddressHeader(ctypes.Structure):
    """pjsip_fromto_hdr up to the tag."""

    _fields_ = (("header", Header), ("uri", ctypes.c_void_p), ("tag", PjText))


class InviteSession(ctypes.Structure):
    """The beginning of pjsip_inv_session (sip_inv.h)."""

    _fields_ = (("name", ctypes.c_char * 32), ("pools", ctypes.c_void_p * 3), ("state", ctypes.c_int))


class ReceivedData(ctypes.Structure):
    """pjsip_rx_data up to the headers that name the dialog (sip_transport.h)."""

    _fields_ = (
        ("pool", ctypes.c_void_p),
        ("transport", ctypes.c_void_p),
        ("transport_data", ctypes.c_void_p),
        ("operation_key", ctypes.c_void_p * 35),
        ("timestamp", ctypes.c_long * 2),
        ("packet", ctypes.c_char * _MAX_PACKET),
        ("zero", ctypes.c_uint32),
        ("packet_length", ctypes.c_ssize_t),
        ("source_address", ctypes.c_uint32 * 7),
        ("source_address_length", ctypes.c_int),
        ("source_name", ctypes.c_char * 46),
        ("source_port", ctypes.c_int),
        ("text", ctypes.c_void_p),
        ("text_length", ctypes.c_int),
        ("message", ctypes.POINTER(_Message)),
        ("summary", ctypes.c_void_p),
        ("call_id", ctypes.POINTER(_CallIdHeader)),
        ("from_", ctypes.POINTER(_AddressHeader)),
        ("to", ctypes.POINTER(_AddressHeader)),
    )

    def read(self) -> str | None:
        """The raw message; None if the structure is not what we think it is."""
        packet = ctypes.addressof(self) + type(self).packet.offset
        offset = (self.text or 0) - packet
        if not (0 <= offset < _MAX_PACKET and 0 < self.text_length <= _MAX_PACKET - offset and self.message):
            return None
        return ctypes.string_at(self.text, self.text_length).decode("latin-1")

    def body_address(self, length: int) -> int:
        """Where the body is, which has this length: it ends with the message."""
        return int(self.text + self.text_length - length)


PjCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class PjModule(ctypes.Structure):
    """pjsip_module (sip_module.h)."""

    _fields_ = (
        ("previous", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("name", PjText),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", ctypes.c_void_p),
        ("start", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("unload", ctypes.c_void_p),
        ("on_request", PjCallback),
        ("on_response", PjCallback),
        ("on_sent_request", ctypes.c_void_p),
        ("on_sent_response", ctypes.c_void_p),
        ("on_transaction_state", ctypes.c_void_p),
    )
