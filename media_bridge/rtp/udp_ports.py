"""UDP sockets for RTP and RTCP: an even port and the odd one above it (RFC 3550 §11), or one for both."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass
from random import Random, SystemRandom

from media_bridge.errors import PortsInUseError

MAX_TRIES = 200
"""Pairs of ports that are tried; each costs some microseconds."""

RECEIVE_BUFFER_BYTES = 1024 * 1024
"""Holds a key picture of 200 kB, which Linux counts twice, while the loop is busy with something else. The
kernel gives less where `net.core.rmem_max` says so.
"""

SEND_BUFFER_BYTES = 256 * 1024

_TAKEN = {errno.EADDRINUSE, errno.EACCES}


@dataclass(frozen=True, slots=True)
class UdpPorts:
    """Bound sockets that do not block; `rtcp` is None where RTCP shares the port."""

    rtp: socket.socket
    rtcp: socket.socket | None

    @property
    def rtp_port(self) -> int:
        """The port to be written into the m-line."""
        port: int = self.rtp.getsockname()[1]
        return port

    def close(self) -> None:
        """Close the sockets."""
        self.rtp.close()
        if self.rtcp is not None:
            self.rtcp.close()


def bind_udp_ports(
    host: str, low: int, high: int, *, rtcp_mux: bool = False, random: Random | None = None
) -> UdpPorts:
    """Bind ports of a range, both ends included, at an IP address of this machine.

    Bind both unless it is certain that RTCP will share the port: who offers that learns it from the answer.
    An even port is taken all the same, so that the range serves both. The search begins at a random place,
    since ports that a call has just left may still get its packets. Raises `PortsInUseError` if none is free
    within `MAX_TRIES`, `ValueError` if the range has none, and OSError if the address is not ours.
    """
    first = low + low % 2
    count = (high - first + 1) // 2
    if count < 1:
        raise ValueError(f"{low}-{high} has no even port with the odd one above it")
    start = (random or SystemRandom()).randrange(count)
    for number in range(min(count, MAX_TRIES)):
        ports = _bind_pair(host, first + 2 * ((start + number) % count), rtcp_mux)
        if ports is not None:
            return ports
    raise PortsInUseError(f"no free UDP port in {low}-{high} at {host}, {min(count, MAX_TRIES)} pairs tried")


def _bind_pair(host: str, port: int, rtcp_mux: bool) -> UdpPorts | None:
    rtp = _bind(host, port)
    if rtp is None or rtcp_mux:
        return None if rtp is None else UdpPorts(rtp, None)
    try:
        rtcp = _bind(host, port + 1)
    except OSError:
        rtp.close()
        raise
    if rtcp is None:
        rtp.close()
        return None
    return UdpPorts(rtp, rtcp)


def _bind(host: str, port: int) -> socket.socket | None:
    """Return a socket, or None if the port is taken."""
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        if error.errno in _TAKEN:
            return None
        raise
    return bound
