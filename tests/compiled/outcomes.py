"""What fixed inputs lead to in the modules that can be compiled, by `python -m tests.compiled.outcomes`.

A line each. Two builds are alike if they print the same.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from media_bridge.codecs.registry import decoder_for, encoder_for
from media_bridge.frames import AudioCodec
from media_bridge.pcm_queue import PcmQueue
from media_bridge.pipeline import DownlinkChain, UplinkChain
from rtmp import chunk_reader
from rtmp.chunk_reader import ChunkReader
from rtmp.chunk_writer import ChunkWriter
from rtmp.errors import RtmpError
from rtmp.limits import Limits
from rtmp.messages import Message, MessageType
from rtmp.relay.limits import RelayLimits
from rtmp.relay.live_stream import LiveStream
from tests.fuzz.fuzzer import COMMITTED
from tests.fuzz.targets.chunks import cut, read
from tests.fuzz.targets.registry import TARGETS
from tests.media_bridge.pcm_sim import paced, run
from tests.rtmp.relay.live_outlet import Outlet
from tests.rtmp.test_captures import replay, replay_to_client
from tests.vectors.record_rtmp import FOLDER, FROM_SERVERS

_LIMITS = Limits(max_message_size=1 << 20, max_audio_size=4096, max_chunk_streams=8)
_CUTS = (b"\xff", b"\x00", b"\x02\x28\x01")
_RELAYED = {MessageType.AUDIO, MessageType.VIDEO, MessageType.DATA_AMF0}


def digest(value: object) -> str:
    """Of what it looks like."""
    return hashlib.sha256(repr(plain(value)).encode()).hexdigest()[:16]


def plain(value: object) -> object:
    """A value whose `repr` says all of it: that of a view is its address."""
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    if is_dataclass(value):
        return type(value).__name__, [plain(getattr(value, member.name)) for member in fields(value)]
    return value


def chunk_inputs() -> Iterator[tuple[str, bytes]]:
    """Chunk streams, most of them broken."""
    for name in ("chunk_cuts", "server", "client", "relay"):
        for number, seed in enumerate(TARGETS[name].seeds()):
            yield f"{name} seed {number}", seed
        for file in sorted((COMMITTED / name).iterdir()):
            yield f"{name} {file.name}", file.read_bytes()


def of_chunks(data: bytes) -> Iterator[object]:
    """The messages in all cuts, and these written and relayed."""
    messages: list[Message] = []
    for sizes in _CUTS:
        found, error, held = read(ChunkReader(_LIMITS), cut(data, sizes))
        messages = [message._replace(payload=bytes(message.payload)) for message in found]
        yield messages, error, held
    yield from written(messages)
    yield relayed(messages)


def written(messages: list[Message]) -> Iterator[object]:
    """The messages as bytes again."""
    for chunk_size in (128, 1000):
        writer = ChunkWriter()
        writer.chunk_size = chunk_size
        for message in messages:
            try:
                pieces = writer.write(4 + message.type_id % 3, *message)
            except RtmpError as error:
                yield repr(error)
            else:
                yield b"".join(pieces)


def relayed(messages: list[Message]) -> object:
    """What players get of them: one from the beginning, one that joins late, one with room for a few."""
    stream = LiveStream("x", RelayLimits(max_behind_ms=500))
    outlets = Outlet(), Outlet(), Outlet(room=3)
    players = [stream.add_player(outlets[0]), stream.add_player(outlets[2])]
    stream.begin()
    for number, message in enumerate(messages):
        if message.type_id in _RELAYED:
            stream.push(message.type_id, message.timestamp_ms, message.payload)
        if number == len(messages) // 2:
            players.append(stream.add_player(outlets[1]))
            outlets[2].room = 2
            stream.drained(players[1])
    stream.end()
    lost = [player.lost for player in players]
    return [(outlet.got, outlet.notices) for outlet in outlets], lost, stream.newest_ms


def of_audio() -> Iterator[object]:
    """A jittery sender's queue, and both chains of a call."""
    for jitter_ms in (0.0, 15.0, 90.0):
        queue = PcmQueue(16000)
        yield list(run(queue, paced(6, jitter_ms=jitter_ms, seed=3), 6)), queue.stats()
    noise = random.Random(5).randbytes(640)
    encoder = encoder_for(AudioCodec.SPEEX, 16000)
    downlink = DownlinkChain(encoder, 8000)
    uplink = UplinkChain(decoder_for(AudioCodec.SPEEX, 16000), PcmQueue(16000))
    for _ in range(20):
        downlink.feed(noise[:320])
        downlink.feed(b"")
        for packet in downlink.drain():
            yield packet
            uplink.push(bytes(packet.payload))
        uplink.push(b"\xff" * 7)
        yield uplink.queue.pop(640)
    yield str(uplink), str(downlink), uplink.stats(), downlink.stats(), uplink.queue.stats()


def captures() -> Iterator[tuple[str, object]]:
    """Events of real clients' and servers' bytes."""
    for file in sorted(FOLDER.glob("*.bin")):
        for step in (13, 4096):
            yield f"{file.name} by {step}", replay(file.read_bytes(), step)
    for file in sorted(FROM_SERVERS.glob("*.bin")):
        publishes = "publish" in file.stem
        yield f"from {file.name}", replay_to_client(file.read_bytes(), 1000, publishes=publishes)


def main() -> None:
    """Print all, after the kind of build."""
    print("pure" if str(chunk_reader.__file__).endswith(".py") else "compiled")
    for name, data in chunk_inputs():
        print(name, *map(digest, of_chunks(data)))
    for name, events in captures():
        print(name, digest(events))
    for number, outcome in enumerate(of_audio()):
        print("audio", number, digest(outcome))


if __name__ == "__main__":
    main()
