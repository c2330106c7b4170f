"""A gateway with an echo phone, and a registrar that asks for a password, both on loopback."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from examples.local_stack import LocalStack, local_stack

PASSWORD = "correct horse"
_REALM, _NONCE = "pbx", "8f2a"


def _header(message: str, name: str) -> str:
    match = re.search(rf"^{name}\s*:\s*(.*?)\r?$", message, re.MULTILINE | re.IGNORECASE)
    return match[1] if match else ""


class Registrar(asyncio.DatagramProtocol):
    """Answers REGISTER (RFC 3261 §10.3, §22): 401 first, then 200 or 403 by the digest; keeps the contact."""

    def __init__(self) -> None:
        self.password = PASSWORD
        self.contact = ""
        self.refused = 0
        self.port = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = data.decode()
        if not message.startswith("REGISTER "):
            return
        if not _header(message, "Authorization"):
            extra = [f'WWW-Authenticate: Digest realm="{_REALM}", nonce="{_NONCE}", algorithm=MD5']
            self._answer(message, addr, "401 Unauthorized", extra)
        elif self._knows(message):
            self.contact = _header(message, "Contact")
            uri = self.contact.partition(">")[0] + ">"
            expires = _header(message, "Expires") or "300"
            self._answer(message, addr, "200 OK", [f"Contact: {uri};expires={expires}"])
        else:
            self.refused += 1
            self._answer(message, addr, "403 Forbidden", [])

    @property
    def contact_uri(self) -> str:
        match = re.search(r"<([^>]+)>", self.contact)
        return match[1] if match else ""

    def _knows(self, message: str) -> bool:
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', _header(message, "Authorization")))
        first = _md5(f"alice:{_REALM}:{PASSWORD}")
        second = _md5(f"REGISTER:{fields.get('uri')}")
        return fields.get("response") == _md5(f"{first}:{_NONCE}:{second}")

    def _answer(self, request: str, addr: tuple[str, int], status: str, extra: list[str]) -> None:
        to = _header(request, "To")
        lines = [
            f"SIP/2.0 {status}",
            f"Via: {_header(request, 'Via').replace(';rport', f';rport={addr[1]}')}",
            f"From: {_header(request, 'From')}",
            f"To: {to};tag=r1",
            f"Call-ID: {_header(request, 'Call-ID')}",
            f"CSeq: {_header(request, 'CSeq')}",
            *extra,
            "Content-Length: 0",
        ]
        self._transport.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), addr)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[LocalStack]:
    """A gateway and an echo phone for all tests of a file, as starting and ending them takes two seconds."""
    async with local_stack() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def registrar() -> AsyncIterator[Registrar]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Registrar, local_addr=("127.0.0.1", 0))
    yield protocol
    transport.close()


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    return path
