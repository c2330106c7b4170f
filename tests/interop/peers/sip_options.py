"""SIP OPTIONS as a sign of life: any response at all means that somebody speaks SIP there."""

import asyncio
import secrets

from tests.interop.peers.ports import HOST

ANSWER_TIMEOUT_S = 0.3


class _Answer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        if not self.received.done():
            self.received.set_result(data)


async def answers_options(port: int) -> bool:
    """Send one OPTIONS (RFC 3261 section 11) to 127.0.0.1:`port` by UDP; whether SIP comes back soon."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(_Answer, local_addr=(HOST, 0))
    try:
        transport.sendto(_options(port, transport.get_extra_info("sockname")[1]), (HOST, port))
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return (await protocol.received).startswith(b"SIP/2.0 ")
    except TimeoutError:
        return False
    finally:
        transport.close()


def _options(port: int, local_port: int) -> bytes:
    token = secrets.token_hex(8)
    return (
        f"OPTIONS sip:{HOST}:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {HOST}:{local_port};rport;branch=z9hG4bK{token}\r\n"
        f"From: <sip:probe@{HOST}:{local_port}>;tag={token}\r\n"
        f"To: <sip:{HOST}:{port}>\r\n"
        f"Call-ID: {token}\r\n"
        "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()
