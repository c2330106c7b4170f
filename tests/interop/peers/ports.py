"""Ports on 127.0.0.1 that are free now and that no other test process will pick.

Ports come from below the kernel's ephemeral range, in blocks. A block is leased across processes by
binding an abstract Unix socket of its name, which the kernel frees when the process ends, however it ends.
Blocks in a row are looked for from the top, single ones among the others: so there are some in a row left
when many are leased.
"""

import atexit
import errno
import random
import socket
from collections.abc import Iterator
from pathlib import Path

FIRST_PORT = 12_000
BLOCK_SIZE = 20
BLOCK_COUNT = 1000
SINGLE_BLOCKS = 600
"""How many, from the bottom, are leased one by one while there are any left."""
HOST = "127.0.0.1"

_leases: list[socket.socket] = []
_current: Iterator[int] = iter(())


def free_port() -> int:
    """A port on which neither UDP nor TCP is bound."""
    global _current  # noqa: PLW0603 - the block in use belongs to the process, as its leases do
    while True:
        for port in _current:
            if _is_free(port):
                return port
        _current = iter(_lease_block())


def free_rtp_port() -> int:
    """An even port with the three after it free: RTP and RTCP of audio, then of video (SIPp's -mp)."""
    while True:
        first = free_port()
        ports = [first, *(free_port() for _ in range(4))]
        start = first + first % 2
        if ports == list(range(first, first + 5)):
            return start


def free_port_range(count: int = BLOCK_SIZE) -> range:
    """`count` consecutive free ports, the first one even."""
    blocks = -(-count // BLOCK_SIZE)
    starts = _single_blocks() if blocks == 1 else range(BLOCK_COUNT - blocks, -1, -1)
    for number in starts:
        leases = [_lease(each) for each in range(number, number + blocks)]
        first = FIRST_PORT + number * BLOCK_SIZE
        if all(leases) and all(_is_free(port) for port in range(first, first + count)):
            _leases.extend(filter(None, leases))
            return range(first, first + count)
        for lease in filter(None, leases):
            lease.close()
    raise RuntimeError(f"there are no {blocks} blocks of test ports in a row")


def udp_is_bound(port: int) -> bool:
    """Whether some process of this machine has the UDP port (binding it to find out would take it away)."""
    return any(local == port for local, _ in _sockets("udp"))


def tcp_is_listening(port: int) -> bool:
    """Whether some process of this machine listens on the TCP port."""
    return any(local == port and state == _TCP_LISTEN for local, state in _sockets("tcp"))


_TCP_LISTEN = 0x0A


def _sockets(protocol: str) -> Iterator[tuple[int, int]]:
    for table in (f"/proc/net/{protocol}", f"/proc/net/{protocol}6"):
        path = Path(table)
        if path.exists():
            for line in path.read_text().splitlines()[1:]:
                fields = line.split()
                yield int(fields[1].rpartition(":")[2], 16), int(fields[3], 16)


def _single_blocks() -> list[int]:
    low, high = list(range(SINGLE_BLOCKS)), list(range(SINGLE_BLOCKS, BLOCK_COUNT))
    random.shuffle(low)
    return low + high


def _lease_block() -> range:
    for number in _single_blocks():
        if (lease := _lease(number)) is not None:
            _leases.append(lease)
            start = FIRST_PORT + number * BLOCK_SIZE
            return range(start, start + BLOCK_SIZE)
    raise RuntimeError("every block of test ports is leased")


def _lease(number: int) -> socket.socket | None:
    lease = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lease.bind(f"\0siprtmp-b2bua-test-ports-{number}")
    except OSError as error:
        lease.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return lease


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def _close_leases() -> None:
    for lease in _leases:
        lease.close()


atexit.register(_close_leases)
