"""rtmps:// as the client checks it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rtmp.aio import RtmpClient, start_server
from rtmp.errors import ConnectTimeout
from rtmp.limits import Timeouts
from tests.rtmp.certificates import CertifiedServer, certify, needs_openssl
from tests.rtmp.running_server import Running

pytestmark = needs_openssl


@pytest.fixture(scope="module")
def by_name(tmp_path_factory: pytest.TempPathFactory) -> CertifiedServer:
    return certify(tmp_path_factory.mktemp("name"), "DNS:localhost")


@asynccontextmanager
async def serving(certificates: CertifiedServer) -> AsyncIterator[int]:
    run = Running()
    run.server = await start_server(run.make, "127.0.0.1", 0, ssl=certificates.server_context())
    try:
        async with asyncio.timeout(10):
            yield run.server.port
    finally:
        run.server.close()
        await asyncio.wait_for(run.server.wait_closed(), 5)


async def test_accepted_by_its_authority(by_name: CertifiedServer) -> None:
    async with serving(by_name) as port:
        url = f"rtmps://localhost:{port}/live"
        # localhost may be ::1 first, where nobody listens
        client = await RtmpClient.connect(url, ssl=by_name.client_context(), address=("127.0.0.1", port))
        client.close()
        assert await client.wait_closed() is None


async def test_an_unknown_authority_is_refused(by_name: CertifiedServer) -> None:
    async with serving(by_name) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
            await RtmpClient.connect(f"rtmps://localhost:{port}/live", address=("127.0.0.1", port))


async def test_another_authority_is_refused(by_name: CertifiedServer, tmp_path: Path) -> None:
    other = certify(tmp_path, "DNS:localhost")
    async with serving(by_name) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await RtmpClient.connect(
                f"rtmps://localhost:{port}/live", ssl=other.client_context(), address=("127.0.0.1", port)
            )


@pytest.mark.parametrize("host", ["127.0.0.1", "example.com"])
async def test_a_wrong_host_is_refused(by_name: CertifiedServer, host: str) -> None:
    """The URL's host counts, wherever `address` leads."""
    async with serving(by_name) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match=host):
            await RtmpClient.connect(
                f"rtmps://{host}:{port}/live", ssl=by_name.client_context(), address=("127.0.0.1", port)
            )


async def test_an_address_can_be_certified(tmp_path: Path) -> None:
    certificates = certify(tmp_path, "IP:127.0.0.1")
    async with serving(certificates) as port:
        url = f"rtmps://127.0.0.1:{port}/live"
        client = await RtmpClient.connect(url, ssl=certificates.client_context())
        client.close()
        assert await client.wait_closed() is None


async def test_a_server_that_says_nothing() -> None:
    held = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        held.set()

    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent:
        with pytest.raises(ConnectTimeout, match="no connection to 127"):
            await RtmpClient.connect(f"rtmps://127.0.0.1:{port}/live", timeouts=Timeouts(connect=0.1))
        await asyncio.wait_for(held.wait(), 5)
