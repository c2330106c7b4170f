"""Messages that are cut once for many: each receiver reads what it was sent, whatever it was sent before."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.chunk_reader import ChunkReader
from rtmp.chunk_writer import ChunkWriter
from rtmp.errors import LocalProtocolError
from rtmp.messages import Message
from rtmp.shared_message import SharedMessage

_TIMES = st.one_of(st.integers(0, 100), st.sampled_from([0xFFFFFE, 0xFFFFFF, 0x1000000, 0xFFFFFFFF]))
_MESSAGES = st.lists(st.tuples(st.sampled_from([8, 9]), _TIMES, st.integers(0, 300)), max_size=12)


class Receiver:
    """A writer, and the reader at its other end."""

    def __init__(self, chunk_size: int, chunk_stream: int, stream_id: int) -> None:
        self.writer, self.reader = ChunkWriter(), ChunkReader()
        self.writer.chunk_size = self.reader.chunk_size = chunk_size
        self.sent: list[Message] = []
        self.read: list[Message] = []
        self._chunk_stream, self._stream_id = chunk_stream, stream_id

    def send(self, message: SharedMessage, way: int) -> None:
        """Leave it out, send it as all do, or as a message of this receiver alone."""
        where = self._chunk_stream, self._stream_id
        if way == 0:
            return
        if way == 1:
            pieces = self.writer.write(
                self._chunk_stream, message.type_id, self._stream_id, message.timestamp_ms, message.payload
            )
        else:
            pieces = [self.writer.write_shared(*where, message)]
        self.reader.receive_data(b"".join(pieces), self.read)
        self.sent.append(
            Message(message.type_id, self._stream_id, message.timestamp_ms, memoryview(message.payload))
        )


@given(_MESSAGES, st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_each_receiver_reads_what_it_was_sent(items: list[tuple[int, int, int]], ways: list[int]) -> None:
    receivers = [Receiver(*shape) for shape in ((128, 6, 1), (128, 6, 1), (50, 6, 1), (128, 70, 2))]
    before: SharedMessage | None = None
    turn = 0
    for number, (type_id, timestamp_ms, length) in enumerate(items):
        message = SharedMessage(type_id, timestamp_ms, bytes((number,)) * length, before)
        for receiver in receivers:
            receiver.send(message, ways[turn % len(ways)])
            turn += 1
        message.forget_chunks()
        before = message
    for receiver in receivers:
        assert receiver.read == receiver.sent
        assert receiver.reader.assembling_bytes == 0


@given(_MESSAGES)
def test_receivers_of_all_messages_get_the_same_bytes(items: list[tuple[int, int, int]]) -> None:
    """They are cut once: the second gets the very object that the first got."""
    first, second = ChunkWriter(), ChunkWriter()
    messages = [SharedMessage(9, time_ms, bytes(length)) for _, time_ms, length in items[:1]]
    for _, time_ms, length in items[1:]:
        messages.append(SharedMessage(9, time_ms, bytes(length), messages[-1]))
    for before, message in pairwise([None, *messages]):
        assert message is not None
        cuts = [writer.write_shared(6, 1, message) for writer in (first, second)]
        assert cuts[0] == cuts[1]
        if before is not None and message.follows == before.id:
            assert cuts[0] is cuts[1]


@pytest.mark.parametrize("sent_before", [False, True])
def test_what_a_header_cannot_say_is_refused_and_what_follows_is_sent_in_full(sent_before: bool) -> None:
    receiver = Receiver(128, 6, 1)
    first = SharedMessage(9, 10, b"first")
    too_long = SharedMessage(9, 20, bytes(1 << 24), first)
    if sent_before:
        receiver.send(first, 2)
    for _ in range(2):
        with pytest.raises(LocalProtocolError, match="16777216 bytes"):
            receiver.writer.write_shared(6, 1, too_long)
    receiver.send(SharedMessage(9, 30, bytes(1 << 24)[:5], too_long), 2)
    assert receiver.read == receiver.sent
