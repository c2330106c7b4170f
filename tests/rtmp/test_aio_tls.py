"""RTMPS: what goes through TLS, what does not, and the renewal of certificates. On asyncio and on uvloop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from rtmp import events as ev
from rtmp.aio import Admission, RtmpClient, ServerTls
from rtmp.chunk_reader import ChunkReader
from rtmp.commands import Command
from rtmp.errors import CertificateError, ConnectRejected, NotRtmpError, PeerTimeout
from rtmp.limits import DEFAULT_TIMEOUTS, AdmissionLimits, Limits
from rtmp.messages import Message
from tests.rtmp.both_loops import on_both_loops
from tests.rtmp.certificates import make_certificate, make_server_tls, needs_openssl, trusting
from tests.rtmp.log_lines import log_lines
from tests.rtmp.running_server import HELLO, HELLO_ANSWER, EventLog, Running, command_bytes, full, running
from tests.rtmp.watched_admission import WatchedAdmission

pytestmark = needs_openssl


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ServerTls:
    return make_server_tls(tmp_path_factory.mktemp("tls"))


async def connect(run: Running, tls: ServerTls, app: str = "x") -> RtmpClient:
    async with asyncio.timeout(5):
        return await RtmpClient.connect(
            f"rtmps://127.0.0.1:{run.server.port}/{app}", ssl=trusting(tls.certificate)
        )


async def open_tls(run: Running, tls: ServerTls) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", run.server.port, ssl=trusting(tls.certificate))


@on_both_loops
async def test_calls_and_media_go_through_tls(tls: ServerTls) -> None:
    async with running(ssl=tls) as run:
        client = await connect(run, tls)
        log = await run.logs.get()
        stream = await client.create_stream()
        await stream.publish("cam")
        frames = [b"\x17\x01" + bytes([n]) * 100_000 for n in range(20)]
        for n, frame in enumerate(frames):
            stream.send_video(n, frame)
            await log.wait(lambda e, n=n: isinstance(e, ev.VideoReceived) and e.timestamp_ms == n)
        last = await log.wait(lambda e: isinstance(e, ev.VideoReceived) and e.timestamp_ms == 19)
        assert bytes(last.payload) == frames[-1]
        client.close()
        assert await log.closed() is None
        assert await client.closed is None


@on_both_loops
async def test_bytes_that_come_with_the_end_of_the_handshake_are_not_lost(tls: ServerTls) -> None:
    async with running(ssl=tls) as run:
        for _ in range(20):
            _, writer = await open_tls(run, tls)
            writer.write(HELLO + command_bytes("connect", {"app": "x"}))
            log = await run.logs.get()
            await log.wait(lambda e: isinstance(e, ev.ConnectRequested))
            writer.transport.abort()
            await log.closed()


class Leaving(EventLog):
    """Says more than the kernel takes at once, and closes."""

    def on_event(self, event: ev.Event) -> None:
        super().on_event(event)
        if isinstance(event, ev.CallReceived):
            for _ in range(500):
                self.connection.call("words", "x" * 1000)
            self.connection.call("lastWords")
            self.connection.close()


def send_first_read_later(address: tuple[str, int], context: ssl.SSLContext) -> bytes:
    """A client that reads what the server said when it has sent everything it had to send."""
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        plain.settimeout(5)
        plain.connect(address)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as sock:
            sock.sendall(HELLO + command_bytes("connect", {"app": "x"}) + command_bytes("leave"))
            for _ in range(100):
                sock.sendall(full(5, 128, 8, bytes(128)) * 100)
            received = bytearray()
            with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
                while data := sock.recv(65536):
                    received += data
            return bytes(received)


@on_both_loops
async def test_the_last_words_arrive_though_the_client_goes_on_sending(tls: ServerTls) -> None:
    async with running(ssl=tls) as run:
        run.log_class = Leaving
        address = ("127.0.0.1", run.server.port)
        received = await asyncio.to_thread(send_first_read_later, address, trusting(tls.certificate))
        messages: list[Message] = []
        ChunkReader(Limits()).receive_data(received[HELLO_ANSWER:], messages)
        last = Command.parse(messages[-1].type_id, messages[-1].payload)
        assert last.name == "lastWords"


@on_both_loops
async def test_a_rejected_connect_is_told(tls: ServerTls) -> None:
    class Rejecting(EventLog):
        def on_event(self, event: ev.Event) -> None:
            if isinstance(event, ev.ConnectRequested):
                self.connection.reject_connect(description="no")

    async with running(ssl=tls) as run:
        run.log_class = Rejecting
        for _ in range(10):
            with pytest.raises(ConnectRejected, match="no"):
                await connect(run, tls)


@on_both_loops
async def test_a_peer_that_never_closes_cannot_hold_a_closing_connection(tls: ServerTls) -> None:
    async with running(timeouts=replace(DEFAULT_TIMEOUTS, close=0.1), ssl=tls) as run:
        _, writer = await open_tls(run, tls)
        writer.write(HELLO + command_bytes("connect", {"app": "x"}))
        log = await run.logs.get()
        await log.wait(lambda e: isinstance(e, ev.ConnectRequested))
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        log.connection.close()
        async with asyncio.timeout(2):
            await run.server.wait_closed()
        writer.transport.abort()


# Bad beginnings


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (HELLO, "does not speak TLS"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "speaks HTTP"),
        (b"<policy-file-request/>\0", "does not speak TLS"),
        (bytes.fromhex("1603010200"), "longer than"),
        (b"", "longer than"),
    ],
    ids=["rtmp", "http", "policy", "half", "nothing"],
)
@on_both_loops
async def test_what_is_no_tls_costs_one_line(tls: ServerTls, data: bytes, message: str) -> None:
    timeouts = replace(DEFAULT_TIMEOUTS, handshake=0.2)
    async with log_lines() as lines, running(timeouts=timeouts, ssl=tls) as run:
        reader, writer = await asyncio.open_connection("127.0.0.1", run.server.port)
        port = writer.get_extra_info("sockname")[1]
        writer.write(data)
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionResetError):  # there was more than the server read
                await reader.read()
        writer.transport.abort()
        line = await lines.next()
        assert line.startswith(f"connection from 127.0.0.1:{port}: no TLS: ")
        assert message in line
        assert run.logs.empty()
        assert run.server.admission.count == 0


@on_both_loops
async def test_a_client_that_leaves_in_the_handshake_costs_one_line(tls: ServerTls) -> None:
    async with log_lines() as lines, running(ssl=tls) as run:
        _, writer = await asyncio.open_connection("127.0.0.1", run.server.port)
        writer.write(bytes.fromhex("1603010200"))
        writer.close()
        await writer.wait_closed()
        assert "closed during the TLS handshake" in await lines.next()


@on_both_loops
async def test_tls_1_1_is_refused(tls: ServerTls) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    with pytest.warns(DeprecationWarning):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with log_lines() as lines, running(ssl=tls) as run:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection("127.0.0.1", run.server.port, ssl=old)
        assert "TLS 1.2" in await lines.next()


@on_both_loops
async def test_tls_on_the_plain_port_is_refused(tls: ServerTls) -> None:
    async with running() as run:
        with pytest.raises((ssl.SSLError, OSError)):
            await open_tls(run, tls)
        assert isinstance(await (await run.logs.get()).closed(), NotRtmpError)


@on_both_loops
async def test_a_closing_server_gives_handshakes_up(tls: ServerTls) -> None:
    admission = WatchedAdmission()
    async with running(ssl=tls, admission=admission) as run:
        reader, writer = await asyncio.open_connection("127.0.0.1", run.server.port)
        await admission.came.wait()
        run.server.close()
        async with asyncio.timeout(5):
            await run.server.wait_closed()
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        assert run.server.admission.count == 0
        writer.close()


@on_both_loops
async def test_connections_are_refused_before_the_handshake(tls: ServerTls) -> None:
    admission = Admission(AdmissionLimits(max_connections=1))
    async with log_lines() as lines, running(ssl=tls, admission=admission) as run:
        client = await connect(run, tls)
        with pytest.raises((OSError, ssl.SSLError)):
            await open_tls(run, tls)
        assert "1 connections are open already" in await lines.next()
        client.close()
        await client.closed


@on_both_loops
async def test_a_silent_peer_behind_tls_is_given_up(tls: ServerTls) -> None:
    async with running(timeouts=replace(DEFAULT_TIMEOUTS, ping=0.02, dead_peer=0.1), ssl=tls) as run:
        _, writer = await open_tls(run, tls)
        writer.write(HELLO + command_bytes("connect", {"app": "x"}))
        log = await run.logs.get()
        assert isinstance(await log.closed(), PeerTimeout)
        writer.transport.abort()


# Certificates


@on_both_loops
async def test_a_renewed_certificate_is_for_new_connections(tmp_path: Path) -> None:
    tls = make_server_tls(tmp_path)
    old = trusting(tls.certificate)
    async with running(ssl=tls) as run:
        url = f"rtmps://127.0.0.1:{run.server.port}/x"
        first = await RtmpClient.connect(url, ssl=old)
        make_certificate(tmp_path)
        tls.reload()
        with pytest.raises(ssl.SSLCertVerificationError):
            await RtmpClient.connect(url, ssl=old)
        second = await connect(run, tls)
        await first.create_stream()
        for client in (first, second):
            client.close()
            await client.closed


def break_certificate(tls: ServerTls, directory: Path, how: str) -> str:
    """Break one of the two files; return words that the error must have."""
    if how == "missing certificate":
        tls.certificate.unlink()
        return f"cannot read certificate {tls.certificate}: No such file"
    if how == "directory":
        tls.key.unlink()
        tls.key.mkdir()
        return f"cannot read key {tls.key}: Is a directory"
    if how == "mismatch":
        make_certificate(directory, "other")[1].rename(tls.key)
        return "does not belong to certificate"
    if how == "passphrase":
        certificate, key = make_certificate(directory, "other", passphrase="correct horse")
        certificate.rename(tls.certificate)
        key.rename(tls.key)
        return "has a passphrase"
    if how == "swapped":
        tls.certificate, tls.key = tls.key, tls.certificate
        return "holds no certificate"
    text = tls.key.read_text().splitlines()
    tls.key.write_text("\n".join([text[0], "QUJD" + text[1][4:], *text[2:]]))
    return "cannot be used"


@pytest.mark.parametrize(
    "how", ["missing certificate", "directory", "mismatch", "passphrase", "swapped", "garbage"]
)
@on_both_loops
async def test_a_broken_pair_is_explained_and_the_old_one_stays(tmp_path: Path, how: str) -> None:
    tls = make_server_tls(tmp_path)
    trust = trusting(tls.certificate)
    secret = tls.key.read_text().splitlines()[1]
    async with running(ssl=tls) as run:
        expected = break_certificate(tls, tmp_path, how)
        with pytest.raises(CertificateError) as caught:
            tls.reload()
        assert expected in str(caught.value)
        assert "\n" not in str(caught.value)
        assert secret[4:20] not in str(caught.value)
        assert "correct horse" not in str(caught.value)
        client = await RtmpClient.connect(f"rtmps://127.0.0.1:{run.server.port}/x", ssl=trust)
        client.close()
        await client.closed
    with pytest.raises(CertificateError):
        ServerTls(tls.certificate, tls.key)


@on_both_loops
async def test_a_reset_in_the_handshake_is_no_traceback(tls: ServerTls) -> None:
    admission = WatchedAdmission()
    async with log_lines() as lines, running(ssl=tls, admission=admission) as run:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", run.server.port))
        await admission.came.wait()
        sock.close()
        assert "no TLS" in await lines.next()
