import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.errors import OversizeError
from media_bridge.x_flv import (
    MAX_BODY,
    MAX_CHUNK,
    FlvMessage,
    XFlvDepacketizer,
    XFlvDropReason,
    XFlvPacketizer,
)

MISSING, MALFORMED, NOT_X_FLV = (
    XFlvDropReason.MISSING_CHUNK,
    XFlvDropReason.MALFORMED,
    XFlvDropReason.NOT_X_FLV,
)


def put_together(depacketizer: XFlvDepacketizer, payloads: list[bytes]) -> list[FlvMessage]:
    found = (depacketizer.push(payload) for payload in payloads)
    return [message for message in found if message is not None]


messages = st.builds(
    FlvMessage,
    st.sampled_from([8, 9]),
    st.integers(0, 2**32 - 1),
    st.tuples(st.binary(min_size=1, max_size=8), st.integers(0, 700)).map(lambda parts: parts[0] * parts[1]),
)


def test_the_bytes_of_a_small_message() -> None:
    (payload,) = XFlvPacketizer().payloads(FlvMessage(8, 0x01020304, b"\xb2speex"))
    assert payload == (
        b"RTMP" + bytes.fromhex("00000000 0000 0012 00000008 00000006 01020304") + b"\xb2speex"
    )


def test_the_bytes_of_a_large_message() -> None:
    packetizer = XFlvPacketizer()
    packetizer.payloads(FlvMessage(8, 0, b""))
    body = bytes(range(250)) * 9
    payloads = packetizer.payloads(FlvMessage(9, 40, body))
    assert [payload[:10] for payload in payloads] == [
        struct.pack(">4sIH", b"RTMP", 1, chunk) for chunk in range(3)
    ]
    assert payloads[0][10:12] == struct.pack(">H", 12 + len(body))
    assert [len(payloads[0]) - 12, *(len(payload) - 10 for payload in payloads[1:])] == [1000, 1000, 262]
    assert (payloads[0][12:] + payloads[1][10:] + payloads[2][10:])[12:] == body


@given(st.lists(messages, max_size=5))
def test_messages_come_out_as_they_went_in(sent: list[FlvMessage]) -> None:
    packetizer, depacketizer = XFlvPacketizer(), XFlvDepacketizer()
    payloads = [payload for message in sent for payload in packetizer.payloads(message)]
    assert put_together(depacketizer, payloads) == sent
    assert depacketizer.dropped == {}
    assert all(len(payload) <= MAX_CHUNK + 12 for payload in payloads)


@given(st.lists(messages, min_size=1, max_size=5), st.data())
def test_a_message_comes_whole_or_not_at_all(sent: list[FlvMessage], data: st.DataObject) -> None:
    packetizer, depacketizer = XFlvPacketizer(), XFlvDepacketizer()
    payloads = [(n, payload) for n, message in enumerate(sent) for payload in packetizer.payloads(message)]
    lost = data.draw(st.sets(st.integers(0, len(payloads) - 1)))
    damaged = {payloads[number][0] for number in lost}
    arrived = [payload for number, (_, payload) in enumerate(payloads) if number not in lost]
    expected = [message for number, message in enumerate(sent) if number not in damaged]
    assert put_together(depacketizer, arrived) == expected
    assert depacketizer.dropped.get(MISSING, 0) <= len(damaged)


def test_what_is_missing_is_counted_once() -> None:
    packetizer, depacketizer = XFlvPacketizer(), XFlvDepacketizer()
    first, second, third = (packetizer.payloads(FlvMessage(9, 0, bytes(3500))) for _ in range(3))
    assert put_together(depacketizer, [*first[1:], second[0], second[2], second[3], *third, third[3]]) == [
        FlvMessage(9, 0, bytes(3500))
    ]
    assert depacketizer.dropped == {MISSING: 2}


def test_the_largest_message() -> None:
    largest = FlvMessage(9, 1, bytes(MAX_BODY))
    assert put_together(XFlvDepacketizer(), XFlvPacketizer().payloads(largest)) == [largest]
    with pytest.raises(OversizeError, match="65524 bytes"):
        XFlvPacketizer().payloads(FlvMessage(9, 1, bytes(MAX_BODY + 1)))


def test_one_that_cannot_be_sent_takes_no_number() -> None:
    packetizer = XFlvPacketizer()
    with pytest.raises(OversizeError):
        packetizer.payloads(FlvMessage(9, 1, bytes(MAX_BODY + 1)))
    (payload,) = packetizer.payloads(FlvMessage(9, 1, b""))
    assert payload[4:8] == bytes(4)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("", NOT_X_FLV),
        ("52544d51 00000000 0000 000d 00000008 00000001 00000000 aa", NOT_X_FLV),
        ("52544d50 00000000 00", NOT_X_FLV),
        ("52544d50 00000000 0000 00", MALFORMED),
        ("52544d50 00000000 0000 0000", MALFORMED),
        ("52544d50 00000000 0000 0004 00000008", MALFORMED),
        ("52544d50 00000000 0000 000c 00000008 00000001 00000000 aa", MALFORMED),
        ("52544d50 00000000 0000 000d 00000008 00000002 00000000 aa", MALFORMED),
        ("52544d50 00000000 0000 000d 00000014 00000001 00000000 aa", MALFORMED),
        ("52544d50 00000000 0000 000d", MALFORMED),
    ],
)
def test_what_is_dropped(payload: str, reason: XFlvDropReason) -> None:
    depacketizer = XFlvDepacketizer()
    assert depacketizer.push(bytes.fromhex(payload)) is None
    assert depacketizer.dropped == {reason: 1}
    message = FlvMessage(8, 0, b"\xb2")
    assert put_together(depacketizer, XFlvPacketizer().payloads(message)) == [message]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.binary(max_size=30)), max_size=12))
def test_any_payloads(payloads: list[tuple[int, int, bytes]]) -> None:
    depacketizer = XFlvDepacketizer()
    for number, chunk, rest in payloads:
        message = depacketizer.push(struct.pack(">4sIH", b"RTMP", number, chunk) + rest)
        assert message is None or message.type_id in (8, 9)
