"""Real peers for tests: each starts a program on 127.0.0.1, waits until it works, and ends it again."""

from tests.interop.peers.asterisk import Asterisk
from tests.interop.peers.baresip import Baresip
from tests.interop.peers.errors import PeerError, PeerFailed, PeerMissing, PeerTimeout
from tests.interop.peers.kamailio import USERS, Kamailio
from tests.interop.peers.peer import Peer
from tests.interop.peers.pjsua_phone import PjsuaPhone
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST, free_port, free_port_range, free_rtp_port
from tests.interop.peers.process import PeerProcess
from tests.interop.peers.programs import is_available, missing_programs, require
from tests.interop.peers.rtp_capture import CapturedPacket, RtpCapture
from tests.interop.peers.sipp import Sipp
from tests.interop.peers.sipp_result import SippResult
from tests.interop.peers.telephone_event import TelephoneEvent

__all__ = [
    "HOST",
    "USERS",
    "Asterisk",
    "Baresip",
    "CapturedPacket",
    "Kamailio",
    "Peer",
    "PeerError",
    "PeerFailed",
    "PeerMissing",
    "PeerProcess",
    "PeerTimeout",
    "PjsuaPhone",
    "RtpCapture",
    "Sipp",
    "SippResult",
    "TelephoneEvent",
    "free_port",
    "free_port_range",
    "free_rtp_port",
    "is_available",
    "missing_programs",
    "require",
    "until",
]
