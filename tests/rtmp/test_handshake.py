from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmp.errors import NotRtmpError
from rtmp.handshake import (
    CLIENT_KEY,
    CLIENT_VERSION,
    PACKET_SIZE,
    SERVER_KEY,
    ClientHandshake,
    ServerHandshake,
    find_digest,
    make_first_packet,
)


def feed(handshake: Any, data: bytes, step: int) -> tuple[bytes, bytes]:
    """Give bytes in pieces; return what was sent and what was left, unread bytes included."""
    sent = b""
    for at in range(0, len(data), step):
        answer, rest = handshake.receive_data(data[at : at + step])
        sent += answer
        if handshake.done:
            return sent, rest + data[at + step :]
    return sent, b""


@settings(max_examples=60, deadline=None)
@given(st.booleans(), st.integers(0, 1), st.integers(1, 4000), st.randoms(use_true_random=False))
def test_both_sides(digest: bool, scheme: int, step: int, random: Any) -> None:
    client = ClientHandshake(digest=digest, scheme=scheme, random_bytes=random.randbytes)
    server = ServerHandshake(random_bytes=random.randbytes)
    to_client, rest = feed(server, client.first_bytes, step)
    assert (len(to_client), rest) == (1 + 2 * PACKET_SIZE, b"")
    c2, left = feed(client, to_client + b"early", step)
    assert (len(c2), left, client.done) == (PACKET_SIZE, b"early", True)
    assert feed(server, c2 + b"next", step) == (b"", b"next")
    assert client.used_digest == server.used_digest == digest
    if not digest:
        assert c2 == to_client[1 : 1 + PACKET_SIZE]
        assert to_client[1 + PACKET_SIZE :] == client.first_bytes[1:]


@pytest.mark.parametrize("scheme", [0, 1])
def test_digest_is_found_in_either_place_and_only_under_its_key(scheme: int) -> None:
    for seed in range(20):
        packet = make_first_packet(CLIENT_VERSION, CLIENT_KEY, scheme, lambda n, s=seed: bytes((s,)) * n)
        found = find_digest(packet, CLIENT_KEY)
        assert found is not None
        assert found[0] == scheme
        assert find_digest(packet, SERVER_KEY) is None


def test_server_answers_plainly_to_version_bytes_without_a_digest() -> None:
    server = ServerHandshake()
    answer, _ = server.receive_data(b"\x03" + bytes(4) + CLIENT_VERSION + bytes(PACKET_SIZE - 8))
    assert answer[1 + PACKET_SIZE :] == bytes(4) + CLIENT_VERSION + bytes(PACKET_SIZE - 8)
    assert not server.used_digest


def test_c2_is_not_checked() -> None:
    server = ServerHandshake()
    server.receive_data(b"\x03" + bytes(PACKET_SIZE))
    assert server.receive_data(b"\xff" * PACKET_SIZE) == (b"", b"")
    assert server.done


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"POST /open/1 HTTP/1.1\r\n", "HTTP"),
        (bytes.fromhex("1603010200"), "TLS"),
        (b"\x06" + bytes(10), "RTMPE"),
        (b"\xff", "0xff"),
        (b"SSH-2.0", "0x53"),
    ],
)
@pytest.mark.parametrize("side", [ServerHandshake, ClientHandshake])
def test_other_protocols(data: bytes, message: str, side: Any) -> None:
    with pytest.raises(NotRtmpError, match=message):
        side().receive_data(data)
