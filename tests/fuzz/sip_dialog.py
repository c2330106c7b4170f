"""What a SIP peer on a raw socket must know of messages and dialogs to take part in them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tests.fuzz.sip_oddities import HOST

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class SipMessage:
    """The parts of a message that are needed to answer it."""

    first_line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def parse(cls, data: bytes) -> SipMessage | None:
        """Split what the gateway sent; None for keep-alives."""
        head, _, body = data.partition(b"\r\n\r\n")
        first_line, *lines = head.decode("latin-1").split("\r\n")
        fields = [line.partition(":") for line in lines]
        headers = tuple((name.strip().lower(), value.strip()) for name, _, value in fields)
        return cls(first_line, headers, body) if first_line.strip() else None

    def get(self, name: str) -> str:
        """The first header of this name, or nothing."""
        return next((value for header, value in self.headers if header == name.lower()), "")

    @property
    def method(self) -> str:
        """The request's method, or that of the response's CSeq."""
        return self.get("cseq").rpartition(" ")[2]

    @property
    def code(self) -> int:
        """The response's status, 0 for a request."""
        parts = self.first_line.split(" ")
        return int(parts[1]) if parts[0] == "SIP/2.0" else 0


@dataclass(slots=True)
class Dialog:
    """One dialog of ours with the gateway, whoever began it."""

    call_id: str
    local: str
    remote: str
    target: str
    cseq: int = 1
    incoming_via: str = ""
    confirmed: bool = False
    rtp: Address | None = None
    responses: asyncio.Queue[SipMessage] = field(default_factory=asyncio.Queue)


def rtp_address(body: bytes) -> Address | None:
    """The gateway's address for audio, out of its description."""
    for line in body.decode("latin-1").split("\r\n"):
        fields = line.split()
        if line.startswith("m=audio") and len(fields) > 1 and fields[1].isdecimal() and int(fields[1]):
            return HOST, int(fields[1])
    return None
