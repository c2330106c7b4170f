"""What a gateway survives: each bad peer gets its answer, one line in the log, and the others go on."""

import asyncio
import signal
import socket
import struct

import pytest

from examples.phone_events import Byed, Invited
from examples.rtmp_phone import CallRefused, RtmpPhone
from rtmp.aio import ClientStream, RtmpClient
from rtmp.errors import CallFailed, RtmpError, StreamFailed
from rtmp.events import StatusReceived
from tests.interop.conftest import Peers
from tests.interop.gateway_fixtures import ALICE, gateway, registrar
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.ports import HOST
from tests.interop.peers.sipp import Sipp
from tests.interop.signals import Listener, assert_tone_heard, send_tone

__all__ = ["gateway", "registrar"]
pytestmark = pytest.mark.interop("sipp")

HANDSHAKE_SIZE = 1536


async def raw(gateway: Gateway, data: bytes) -> bytes:
    """Send bytes to the RTMP port; what comes back until the gateway closes the connection."""
    reader, writer = await asyncio.open_connection(HOST, gateway.rtmp_port)
    writer.write(data)
    async with asyncio.timeout(15):
        answer = await reader.read()
    writer.close()
    return answer


async def still_works(gateway: Gateway) -> None:
    """Make a whole call."""
    async with Sipp("uas_answer", rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "pcmu")
        await assert_tone_heard(phone, seconds=0.5)
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()


PLAIN_HANDSHAKE = b"\x03" + bytes(8) + bytes(HANDSHAKE_SIZE - 8) + bytes(HANDSHAKE_SIZE)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\xff" * 4000,
        PLAIN_HANDSHAKE + b"\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00" + struct.pack(">I", 0x7FFFFFFF),
        PLAIN_HANDSHAKE + b"\x03\x00\x00\x00\xff\xff\xff\x14\x00\x00\x00\x00",
        PLAIN_HANDSHAKE + b"\x03\x00\x00\x00\x00\x00\x0a\x14\x00\x00\x00\x00\x02\xff\xffabcdefg",
    ],
    ids=["http", "tls", "noise", "chunk size", "message size", "broken amf"],
)
async def test_what_is_not_proper_rtmp_is_cut_off(gateway: Gateway, data: bytes) -> None:
    await raw(gateway, data)
    await gateway.wait_logged(r"WARNING rtmp: connection 1 .*127\.0\.0\.1")
    await still_works(gateway)


async def test_half_a_handshake(peers: Peers) -> None:
    gateway = await peers.start(Gateway(settings={"RTMP__CONNECT_TIMEOUT_S": "0.5"}))
    await raw(gateway, b"\x03" + bytes(700))
    await raw(gateway, PLAIN_HANDSHAKE)
    await still_works(gateway)
    gateway.check_clean()


async def test_unknown_commands_fail_by_name(gateway: Gateway) -> None:
    phone = await RtmpPhone.connect(gateway.url())
    for name in ("eval", "close_", "__init__", "open", "push_audio"):
        with pytest.raises(CallFailed) as caught:
            await phone.client.call(name)
        assert caught.value.code == "NetConnection.Call.Failed"
    await phone.close()
    await still_works(gateway)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("invite", ()),
        ("invite", (None,)),
        ("invite", (1.0,)),
        ("invite", ("sip:x@127.0.0.1", {"codec": "pcmu"})),
        ("invite", ("sip:x@127.0.0.1", *["pcmu"] * 100)),
        ("accept", ()),
        ("reject", ()),
        ("reject", ("soon",)),
        ("hold", ()),
        ("hold", (True,)),
        ("sendDTMF", ()),
        ("sendDTMF", ("hello",)),
        ("sendDTMF", ("1",)),
    ],
)
async def test_commands_with_bad_arguments_or_at_a_bad_time(
    gateway: Gateway, name: str, arguments: tuple[object, ...]
) -> None:
    phone = await RtmpPhone.connect(gateway.url())
    with pytest.raises(CallFailed) as caught:
        await phone.client.call(name, *arguments)  # type: ignore[arg-type]
    assert caught.value.code == "NetConnection.Call.Failed"
    await phone.close()


async def test_foreign_streams(gateway: Gateway) -> None:
    client = await RtmpClient.connect(gateway.url(), "", "", "")
    statuses: list[StatusReceived] = []

    async def attempt(stream: ClientStream, command: str) -> str:
        with pytest.raises(StreamFailed) as caught:
            await (stream.publish("other") if command == "publish" else stream.play("other"))
        return str(caught.value)

    stream = await client.create_stream()
    stream.on_status = statuses.append
    assert "NetStream.Publish.BadName" in await attempt(stream, "publish")
    assert "NetStream.Play.StreamNotFound" in await attempt(stream, "play")
    client.close()
    await client.wait_closed()
    await still_works(gateway)


async def test_media_before_and_without_a_call_is_dropped(gateway: Gateway) -> None:
    phone = await RtmpPhone.connect(gateway.url())
    await send_tone(phone, 0.3)
    async with Sipp("uas_answer", rtp_echo=True) as callee:
        await phone.invite(callee.sip_uri(), "ulaw")
        await phone.bye()
        (await callee.wait()).check()
    await send_tone(phone, 0.1)
    await phone.close()


async def test_audio_of_unknown_codecs_in_a_call(gateway: Gateway) -> None:
    async with Sipp("uas_answer", rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "ulaw")
        assert phone._publisher is not None
        for timestamp, tag in enumerate(
            [b"", b"\xff", b"\x10abc", b"\xaf", b"\xaf\x01abc", b"\xb2" + b"\xff" * 300]
        ):
            phone._publisher.send_audio(timestamp, tag)
        await assert_tone_heard(phone)
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()
    await gateway.wait_logged("audio that cannot be played")


async def test_a_client_that_never_reads(gateway: Gateway) -> None:
    """It loses audio, not the call, and nobody else notices."""
    async with Sipp("uas_answer", rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "pcmu")
        phone.client.pause_reading()
        await asyncio.gather(send_tone(phone, 2.0), still_works(gateway))
        phone.client.resume_reading()
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()


async def test_the_fifth_call_is_refused_and_the_others_go_on(gateway: Gateway) -> None:
    async with Sipp("uas_answer", rtp_echo=True, calls=4) as callee:
        phones = [await RtmpPhone.connect(gateway.url()) for _ in range(5)]
        for phone in phones[:4]:
            await phone.invite(callee.sip_uri(), "pcmu")
        with pytest.raises(CallRefused, match="503"):
            await phones[4].invite(callee.sip_uri(), "pcmu")
        await assert_tone_heard(phones[3], seconds=0.5)
        for phone in phones[:4]:
            await phone.bye()
        (await callee.wait()).check()
        for phone in phones:
            await phone.close()


async def test_the_fifth_incoming_call_is_told_to_try_again_later(gateway: Gateway, registrar: Sipp) -> None:
    alice = await RtmpPhone.connect(gateway.url(f"{ALICE}@{HOST}:{registrar.port}"), ALICE, "pw")
    async with Sipp("uas_answer", calls=4) as callee:
        phones = [await RtmpPhone.connect(gateway.url()) for _ in range(4)]
        for phone in phones:
            await phone.invite(callee.sip_uri(), "pcmu")
        fifth = Sipp("uac_expect_reject", remote=gateway.sip_address, service=ALICE, keys={"code": 503})
        async with fifth:
            (await fifth.wait()).check()
            assert "Retry-After: 10" in fifth.messages()
        for phone in phones:
            await phone.bye()
            await phone.close()
        (await callee.wait()).check()
    await alice.close()


async def test_a_peer_that_vanishes_ends_the_call(peers: Peers) -> None:
    gateway = await peers.start(Gateway("-d", settings={"MEDIA__RTP_TIMEOUT_S": "1"}))
    callee = await peers.start(Sipp("uas_answer", rtp_echo=True))
    phone = await RtmpPhone.connect(gateway.url())
    await phone.invite(callee.sip_uri(), "pcmu")
    talking = asyncio.ensure_future(send_tone(phone, 8.0))
    await asyncio.sleep(0)
    listener = Listener(phone)
    await listener.wait_for_tone()
    callee.freeze()
    await phone.wait_for(Byed, 45)
    talking.cancel()
    await gateway.wait_logged("no RTP from the peer for 1 s")
    await phone.close()
    callee.process.send_signal(signal.SIGCONT)
    gateway.check_clean()


def request(method: str, target: str, *headers: str) -> bytes:
    """Make a SIP request from nobody."""
    lines = [
        f"{method} {target} SIP/2.0",
        f"Via: SIP/2.0/UDP {HOST}:9;branch=z9hG4bK-{method}",
        f"From: <sip:mallory@{HOST}>;tag=1",
        f"To: <{target}>",
        f"Call-ID: {method}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:mallory@{HOST}:9>",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, *headers, "", ""]).encode()


async def test_sip_garbage(gateway: Gateway) -> None:
    packets = [
        b"",
        b"\r\n",
        bytes(2000),
        b"INVITE\r\n\r\n",
        request("INVITE", "tel:+12125551234"),
        request("INVITE", f"sip:@{HOST}"),
        request("REFER", f"sip:x@{HOST}", f"Refer-To: <sip:premium@{HOST}>"),
        request("SUBSCRIBE", f"sip:x@{HOST}", "Event: presence", "Expires: 3600"),
        request("MESSAGE", f"sip:x@{HOST}"),
        request("BYE", f"sip:x@{HOST}"),
        request("CANCEL", f"sip:x@{HOST}"),
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(packet, gateway.sip_address)
    await still_works(gateway)


async def test_a_client_that_dies_while_it_rings(gateway: Gateway, registrar: Sipp) -> None:
    alice = await RtmpPhone.connect(gateway.url(f"{ALICE}@{HOST}:{registrar.port}"), ALICE, "pw")
    async with Sipp(
        "uac_expect_reject", remote=gateway.sip_address, service=ALICE, keys={"code": 603}
    ) as sipp:
        await alice.wait_for(Invited, 5)
        alice.client.abort(RtmpError("the test pulls the plug"))
        (await sipp.wait()).check()
