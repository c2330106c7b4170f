"""What a person is told when connecting fails: only hints that fit."""

import asyncio
import ssl
from pathlib import Path

import pytest

from examples.connect_error import explain_connect_error
from examples.rtmp_phone import RtmpPhone
from rtmp.aio import start_server
from rtmp.aio.live import LiveApplication
from rtmp.aio.tls import ServerTls
from rtmp.errors import ConnectRejected
from tests.rtmp.certificates import make_certificate, needs_openssl

URL = "rtmp://gateway/sip/a@b"


def rejected(description: str) -> str:
    return explain_connect_error(URL, ConnectRejected("NetConnection.Connect.Rejected", description, {}))


@pytest.mark.parametrize(
    ("description", "hint"),
    [
        ("503 Service Unavailable", "the registrar cannot be reached"),
        ("502 Bad Gateway", "the registrar cannot be reached"),
        ("403 Forbidden", "check login and password"),
    ],
)
def test_a_registrar_s_refusal_has_a_hint(description: str, hint: str) -> None:
    assert f"{description} ({hint}" in rejected(description)


@pytest.mark.parametrize(
    "sentence",
    [
        "this gateway takes no more clients: it is about to end",
        "busy: all lines of this gateway are in use; try again later",
        "busy: this gateway is overloaded; try again later",
    ],
)
def test_the_gateway_s_own_refusal_is_left_alone(sentence: str) -> None:
    assert rejected(f"503 Service Unavailable: {sentence}").endswith(f": {sentence}")


@needs_openssl
async def test_a_certificate_that_is_not_trusted_is_called_so(tmp_path: Path) -> None:
    server = await start_server(
        LiveApplication().make_handler, "127.0.0.1", 0, ssl=ServerTls(*make_certificate(tmp_path))
    )
    url = f"rtmps://127.0.0.1:{server.port}/sip/a@b"
    try:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            await RtmpPhone.connect(url)
    finally:
        server.close()
        await server.wait_closed()
    told = explain_connect_error(url, caught.value)
    assert told == f"cannot connect to {url}: its certificate is not trusted: self-signed certificate"


async def test_a_plain_port_of_rtmp_is_called_so() -> None:
    server = await start_server(LiveApplication().make_handler, "127.0.0.1", 0)
    url = f"rtmps://127.0.0.1:{server.port}/sip/a@b"
    try:
        with pytest.raises(ConnectionResetError) as caught:
            await RtmpPhone.connect(url)
    finally:
        server.close()
        await server.wait_closed()
    assert explain_connect_error(url, caught.value).endswith("is that a port of RTMPS?")


async def test_what_speaks_no_tls_is_called_so() -> None:
    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"rtmps://127.0.0.1:{server.sockets[0].getsockname()[1]}/sip/a@b"
        with pytest.raises(ssl.SSLError) as caught:
            await RtmpPhone.connect(url)
    assert (
        explain_connect_error(url, caught.value) == f"cannot connect to {url}: no TLS: WRONG_VERSION_NUMBER"
    )
