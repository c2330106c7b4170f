"""The RTMP handshake (RTMP 1.0 §5.2), plain and with the digests of Flash Player 9 and later.

Each side sends one version byte and two packets of 1536 bytes: C0 C1 C2 and S0 S1 S2. In the plain form the
second packet echoes the peer's first. In the digest form, which Adobe never published, the first packet hides
an HMAC-SHA256 of itself at an offset that four of its bytes give, in one of two places (scheme 0 or 1), and
the second packet ends in an HMAC whose key is derived from the peer's digest. Flash Player plays H.264 only
from a server that does so; FFmpeg checks it too. Nobody checks C2 strictly, nor do we: librtmp, FFmpeg and
OBS each fill it differently.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from typing import TypeAlias

from rtmp.errors import NotRtmpError, PolicyFileRequested
from rtmp.policy_file import REQUEST, begins_request

PACKET_SIZE = 1536
DIGEST_SIZE = 32
VERSION = 3
CLIENT_VERSION = bytes((9, 0, 124, 2))
SERVER_VERSION = bytes((4, 5, 0, 1))
_KEY_TAIL = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
CLIENT_KEY = b"Genuine Adobe Flash Player 001"
SERVER_KEY = b"Genuine Adobe Flash Media Server 001"
# (where the four offset bytes are, where the offset counts from)
_SCHEMES = ((8, 12), (772, 776))
_OFFSET_RANGE = 728

RandomBytes = Callable[[int], bytes]


def _hmac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, hashlib.sha256)


def _digest_position(packet: bytes, scheme: int) -> int:
    at, base = _SCHEMES[scheme]
    return sum(packet[at : at + 4]) % _OFFSET_RANGE + base


def _digest(packet: bytes, position: int, key: bytes) -> bytes:
    return _hmac(key, packet[:position] + packet[position + DIGEST_SIZE :])


def find_digest(packet: bytes, key: bytes) -> tuple[int, bytes] | None:
    """Return (scheme, digest) of a C1 or S1, or None if it holds no digest under this key."""
    for scheme in range(len(_SCHEMES)):
        position = _digest_position(packet, scheme)
        digest = packet[position : position + DIGEST_SIZE]
        if hmac.compare_digest(digest, _digest(packet, position, key)):
            return scheme, digest
    return None


def make_first_packet(version: bytes, key: bytes, scheme: int, random_bytes: RandomBytes) -> bytes:
    """Return a C1 or S1 with a digest. The time field is 0: nobody needs it, and the core reads no clock."""
    packet = bytes(4) + version + random_bytes(PACKET_SIZE - 8)
    position = _digest_position(packet, scheme)
    digest = _digest(packet, position, key)
    return packet[:position] + digest + packet[position + DIGEST_SIZE :]


def make_second_packet(peer_digest: bytes, key: bytes, random_bytes: RandomBytes) -> bytes:
    """Return a C2 or S2 that answers the digest of the peer's first packet."""
    body = random_bytes(PACKET_SIZE - DIGEST_SIZE)
    return body + _hmac(_hmac(key + _KEY_TAIL, peer_digest), body)


def check_version(version: int) -> None:
    """Raise NotRtmpError, saying what the peer speaks instead, unless the first byte is RTMP version 3."""
    if version == VERSION:
        return
    if version == 0x16:
        raise NotRtmpError("the peer speaks TLS (rtmps or https), this is a plain RTMP port")
    if chr(version) in "GPHOCDT":
        raise NotRtmpError("the peer speaks HTTP (or RTMPT), this is an RTMP port")
    if version in (6, 8, 9):
        raise NotRtmpError(
            f"the peer wants encrypted RTMPE (handshake type {version}), which is not supported"
        )
    raise NotRtmpError(f"the first byte is 0x{version:02x} instead of 0x03: the peer does not speak RTMP")


class _Handshake:
    """Collects the peer's 1 + 1536 + 1536 bytes; subclasses answer them."""

    def __init__(self, random_bytes: RandomBytes = os.urandom) -> None:
        self._random_bytes = random_bytes
        self._received = bytearray()
        self._answered = False
        self.done = False
        self.used_digest = False

    def receive_data(self, data: bytes | memoryview) -> tuple[bytes, bytes]:
        """Take bytes from the peer; return (bytes to send, bytes that already follow the handshake).

        Raises NotRtmpError. Once `done` is true, the object must not be given more.
        """
        self._received += data
        if self._received:
            self._check_start()
        answer = b""
        if not self._answered and self._has_what_is_answered():
            self._answered = True
            answer = self._answer(bytes(self._received[1 : 1 + PACKET_SIZE]))
        end = 1 + 2 * PACKET_SIZE
        if len(self._received) < end:
            return answer, b""
        self.done = True
        rest, self._received = bytes(self._received[end:]), bytearray()
        return answer, rest

    def _check_start(self) -> None:
        check_version(self._received[0])

    def _has_what_is_answered(self) -> bool:
        return len(self._received) > PACKET_SIZE

    def _answer(self, first_packet: bytes) -> bytes:
        raise NotImplementedError


class ServerHandshake(_Handshake):
    """Answers C0 C1 with S0 S1 S2, with digests if and only if C1 has one.

    Raises PolicyFileRequested for the request of Flash Player that may come in place of a handshake.
    """

    def _check_start(self) -> None:
        if not begins_request(self._received):
            super()._check_start()
        elif len(self._received) >= len(REQUEST):
            raise PolicyFileRequested("the peer asks for Flash's policy file")

    def _answer(self, first_packet: bytes) -> bytes:
        found = find_digest(first_packet, CLIENT_KEY)
        if found is None:
            return bytes((VERSION,)) + bytes(8) + self._random_bytes(PACKET_SIZE - 8) + first_packet
        self.used_digest = True
        scheme, digest = found
        first = make_first_packet(SERVER_VERSION, SERVER_KEY, scheme, self._random_bytes)
        return bytes((VERSION,)) + first + make_second_packet(digest, SERVER_KEY, self._random_bytes)


class ClientHandshake(_Handshake):
    """Sends C0 C1 and answers S0 S1 with C2; S2 is read, and not checked."""

    def __init__(
        self, *, digest: bool = True, scheme: int = 0, random_bytes: RandomBytes = os.urandom
    ) -> None:
        super().__init__(random_bytes)
        if digest:
            first = make_first_packet(CLIENT_VERSION, CLIENT_KEY, scheme, random_bytes)
        else:
            first = bytes(8) + random_bytes(PACKET_SIZE - 8)
        self.first_bytes = bytes((VERSION,)) + first
        self._digest = digest

    def _answer(self, first_packet: bytes) -> bytes:
        found = find_digest(first_packet, SERVER_KEY) if self._digest else None
        if found is None:
            return first_packet
        self.used_digest = True
        return make_second_packet(found[1], CLIENT_KEY, self._random_bytes)


Handshake: TypeAlias = ServerHandshake | ClientHandshake
