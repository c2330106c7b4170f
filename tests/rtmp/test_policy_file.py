"""Flash's policy file: the text, and the request in place of a handshake."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.errors import LocalProtocolError, NotRtmpError, PolicyFileRequested
from rtmp.handshake import ClientHandshake, ServerHandshake
from rtmp.policy_file import REQUEST, PolicyFile
from tests.rtmp.running_server import HELLO, HELLO_ANSWER, running


def rules(data: bytes) -> list[tuple[str, str]]:
    assert data.endswith(b"\0")
    root = ET.fromstring(data[:-1].decode())
    assert root.tag == "cross-domain-policy"
    return [(rule.attrib["domain"], rule.attrib["to-ports"]) for rule in root]


def test_any_domain_to_this_port_alone() -> None:
    assert rules(PolicyFile().serialize(1935)) == [("*", "1935")]


def test_domains_and_ports() -> None:
    policy_file = PolicyFile(("*.example.com", "www.example.net", "192.0.2.1"), ("80", "1935-1940"))
    assert rules(policy_file.serialize(1)) == [
        ("*.example.com", "80,1935-1940"),
        ("www.example.net", "80,1935-1940"),
        ("192.0.2.1", "80,1935-1940"),
    ]


@pytest.mark.parametrize("domain", ["", 'a"/><x', "a b", "**", "http://a", "a&b", "-a", "é.example"])
def test_what_is_no_domain(domain: str) -> None:
    with pytest.raises(LocalProtocolError):
        PolicyFile((domain,))


@pytest.mark.parametrize("port", ["", "a", "1-", "123456", "1,2", "١٢٣"])
def test_what_is_no_port(port: str) -> None:
    with pytest.raises(LocalProtocolError):
        PolicyFile(ports=(port,))


@pytest.mark.parametrize("trailing", [b"", b"\0", b"more"])
def test_a_request_whole_and_byte_by_byte(trailing: bytes) -> None:
    with pytest.raises(PolicyFileRequested):
        ServerHandshake().receive_data(REQUEST + trailing)
    handshake = ServerHandshake()
    for n in range(len(REQUEST) - 1):
        assert handshake.receive_data(REQUEST[n : n + 1]) == (b"", b"")
    with pytest.raises(PolicyFileRequested):
        handshake.receive_data(REQUEST[-1:] + trailing)


@pytest.mark.parametrize("end", range(1, len(REQUEST)))
def test_what_only_begins_like_a_request(end: int) -> None:
    handshake = ServerHandshake()
    handshake.receive_data(REQUEST[:end])
    with pytest.raises(NotRtmpError) as caught:
        handshake.receive_data(b"\xff")
    assert not isinstance(caught.value, PolicyFileRequested)


@given(st.binary(max_size=100))
def test_rtmp_is_never_a_request(data: bytes) -> None:
    ServerHandshake().receive_data(b"\x03" + data)


def test_a_client_takes_no_request() -> None:
    with pytest.raises(NotRtmpError) as caught:
        ClientHandshake().receive_data(REQUEST)
    assert not isinstance(caught.value, PolicyFileRequested)


# A server


async def ask(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return answer


async def test_a_server_answers_and_closes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rtmp")
    async with running() as run:
        port = run.server.port
        assert rules(await ask(port, REQUEST)) == [("*", str(port))]
        assert await (await run.logs.get()).closed() is None
        assert [record.levelno for record in caplog.records] == [logging.INFO]
        assert rules(await ask(port, REQUEST + bytes(50_000))) == [("*", str(port))]


async def test_a_server_answers_byte_by_byte() -> None:
    async with running(policy_file=PolicyFile(("www.example.com",), ("80",))) as run:
        reader, writer = await asyncio.open_connection("127.0.0.1", run.server.port)
        log = await run.logs.get()
        for n in range(len(REQUEST)):
            assert not log.connection.is_closed
            writer.write(REQUEST[n : n + 1])
            session = log.connection.session
            while session.bytes_received < n + 1:  # noqa: ASYNC110 - a part causes no event
                await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert rules(await reader.read()) == [("www.example.com", "80")]
        writer.close()


async def test_without_a_policy_file_a_request_is_no_rtmp() -> None:
    async with running(policy_file=None) as run:
        assert await ask(run.server.port, REQUEST) == b""
        assert isinstance(await (await run.logs.get()).closed(), PolicyFileRequested)


async def test_a_request_is_none_after_rtmp_began() -> None:
    async with running() as run:
        answer = await ask(run.server.port, HELLO + REQUEST)
        assert len(answer) >= HELLO_ANSWER
        assert b"cross-domain" not in answer
