"""What goes over the wire to and from a port, captured and read by tshark."""

import csv
import io
import signal
import socket
import subprocess
from collections import Counter
from typing import ClassVar

from tests.interop.peers.peer import OneProcessPeer, program_path
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST, free_port

END_MARK = b"end of the capture"
FAULTS = "_ws.malformed or (rtmpt and _ws.expert.group in {0x05000000, 0x07000000, 0x08000000, 0x09000000})"
"""What is malformed, or that tshark could not decode, reassemble, or match with the protocol.

Its remarks on TCP are left out: a full window is a fault of nobody.
"""
LARGEST_MESSAGE = "rtmpt.max_packet_size:10000000"


class RtmpCapture(OneProcessPeer):
    """Captures the TCP port of an RTMP server on the loopback interface; needs the right to do so."""

    program: ClassVar[str] = "tshark"

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port
        self._mark_port = free_port()

    async def start(self) -> None:
        """Start capturing, and wait until a packet is seen to be captured."""
        traffic = f"tcp port {self.port} or udp port {self._mark_port}"
        command = [program_path(self.program), "-i", "lo", "-f", traffic, "-w", str(self._file)]
        await self.launch([*command, "-q"])
        await until(lambda: self._sees(b"begin of the capture"), "the capture to begin")

    async def finish(self) -> None:
        """End the capture once all that was sent so far is in the file."""
        await until(lambda: self._sees(END_MARK), "the end of the capture")
        await self.process.stop(signal.SIGINT)

    def faults(self) -> str:
        """What tshark finds wrong, in its words; empty if nothing is."""
        return self._read("-Y", FAULTS, "-V")

    def messages(self) -> Counter[tuple[bool, int]]:
        """How many messages tshark sees, by whether they come from the server, and type."""
        table = self._read("-Y", "rtmpt", "-T", "fields", "-e", "tcp.srcport", "-e", "rtmpt.header.typeid")
        counts: Counter[tuple[bool, int]] = Counter()
        for source, types in csv.reader(io.StringIO(table), delimiter="\t"):
            counts.update(
                (int(source) == self.port, int(type_id, 0)) for type_id in types.split(",") if types
            )
        return counts

    @property
    def _file(self) -> str:
        return str(self.directory / "capture.pcap")

    def _sees(self, mark: bytes) -> bool:
        self.process.check_running()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(mark, (HOST, self._mark_port))
        path = self.directory / "capture.pcap"
        return path.exists() and mark in path.read_bytes()

    def _read(self, *arguments: str) -> str:
        decode = ["-d", f"tcp.port=={self.port},rtmpt", "-o", LARGEST_MESSAGE]
        command = [program_path(self.program), "-r", self._file, *decode, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
