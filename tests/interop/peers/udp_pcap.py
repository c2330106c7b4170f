"""UDP datagrams as a capture file, for tshark to dissect."""

from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from struct import pack

from media_bridge.rtp.latch import Address

_RAW_IP = 101


def write_pcap(path: Path, datagrams: Iterable[tuple[Address, Address, bytes]]) -> None:
    """Write datagrams, each with its source and destination (IPv4), one a millisecond."""
    with path.open("wb") as file:
        file.write(pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _RAW_IP))
        for number, (source, destination, data) in enumerate(datagrams):
            udp = pack("!HHHH", source[1], destination[1], 8 + len(data), 0) + data
            ip = pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
            frame = ip + ip_address(source[0]).packed + ip_address(destination[0]).packed + udp
            file.write(pack("<IIII", number // 1000, number % 1000 * 1000, len(frame), len(frame)) + frame)
