"""Inputs to begin with: captures of real programs, and commands in the order in which they make sense."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from rtmp.amf0 import AmfValue, encode_all
from rtmp.amf3_writer import Amf3Writer
from rtmp.amf_common import EPOCH
from rtmp.amf_value import UNDEFINED, Dictionary, EcmaArray, TypedObject, Vector, VectorType, XmlDocument
from rtmp.chunk_reader import ChunkReader
from rtmp.commands import Command
from rtmp.handshake import PACKET_SIZE
from rtmp.messages import Message, MessageType, UserControl, UserControlType, join_aggregate
from tests.fuzz.targets import operations
from tests.fuzz.targets.operations import Kind, Operation
from tests.fuzz.targets.peer import COMMANDS, TRANSACTIONS
from tests.rtmp.interleaver import Interleaver

_FOLDER = Path(__file__).parents[2] / "vectors" / "rtmp"
_HANDSHAKE = 1 + 2 * PACKET_SIZE
_MAX_PAYLOAD = 300
_MAX_MESSAGES = 16
MAX_SIZE = 2000
"""Bytes of an input."""


def command(name: str, transaction: float, stream_id: int, *values: AmfValue) -> Operation:
    """Return the operation with which a peer sends a command; the first value is the command object."""
    b = TRANSACTIONS.index(transaction) << 4 | stream_id
    return Operation(Kind.COMMAND, COMMANDS.index(name), b, encode_all(values))


def _control(event_type: int, *values: int) -> Operation:
    return Operation(Kind.MESSAGE, MessageType.USER_CONTROL, 0, UserControl(event_type, values).serialize())


def _status(code: str, level: str = "status") -> Operation:
    return command("onStatus", 0.0, 1, None, {"level": level, "code": code, "description": "text"})


_AUDIO, _VIDEO, _DATA = (
    Operation(Kind.MESSAGE, MessageType.AUDIO, 0x21, b"\xb2speex"),
    Operation(Kind.MESSAGE, MessageType.VIDEO, 0x31, b"\x17\x01\0\0\0" + bytes(200)),
    Operation(
        Kind.MESSAGE, MessageType.DATA_AMF0, 0x21, encode_all(("@setDataFrame", "onMetaData", {"a": 1}))
    ),
)
_AGGREGATE = Operation(
    Kind.MESSAGE,
    MessageType.AGGREGATE,
    0x21,
    bytes(join_aggregate([Message(8, 1, 0, b"\xb2a"), Message(9, 1, 20, b"\x27b")]).payload),
)
_VALUES: tuple[AmfValue, ...] = (
    1.5, 7, True, "text", None, UNDEFINED, b"bytes", EPOCH, XmlDocument("<a/>"), XmlDocument("<b/>", True),
    [1, "a", [None]], {"a": 1, "b": {"c": "d"}}, EcmaArray(a="b"), TypedObject("Class", {"x": 1}),
    Vector(VectorType.INT, (1, -2)), Vector(VectorType.UINT, (1, 2)), Vector(VectorType.NUMBER, (0.5,)),
    Vector(VectorType.OBJECT, ({"a": 1}, None), class_name="Class"), Dictionary((("a", 1), (2, "b"))),
)  # fmt: skip
_BOTH = [
    _AUDIO,
    _VIDEO,
    _DATA,
    _AGGREGATE,
    command("anything", 3.0, 0, None, *_VALUES),
    Operation(Kind.REPEAT, 70),
    Operation(Kind.LOCAL, 9, 1, encode_all(_VALUES)),
    command("close", 0.0, 0, None),
    *(_control(kind, 1, 2) for kind in UserControlType),
    *(Operation(Kind.MESSAGE, kind, 0, b"\0\0\1\0\2") for kind in range(1, 8)),
    *(Operation(Kind.LOCAL, a, 1, encode_all(("text", 1.0, {"a": None}))) for a in range(25)),
    *(Operation(Kind.CHUNK_SIZE, 0, size) for size in (1, 3, 255)),
    Operation(Kind.TIME, body=b"\xff\xff\xff\xf0"),
    Operation(Kind.TIME, body=b"\x00\xff\xff\xff"),
    Operation(Kind.RAW, body=b"\xc3"),
]
KNOWN_TO_SERVER = [
    command("connect", 1.0, 0, {"app": "a", "tcUrl": "rtmp://h/a"}),
    command("connect", 1.0, 0, {"app": "a", "tcUrl": "rtmp://h/a", "objectEncoding": 3.0}, "user"),
    command("createStream", 2.0, 0, None),
    command("publish", 0.0, 1, None, "x", "live"),
    command("play", 0.0, 1, None, "x", -2000.0, -1.0, True),
    command("publish", 0.0, 1, None, False),
    command("deleteStream", 0.0, 0, None, 1.0),
    command("closeStream", 0.0, 1, None),
    command("pause", 0.0, 1, None, True, 5.0),
    command("receiveAudio", 0.0, 1, None, False),
    command("receiveVideo", 0.0, 1, None, False),
    command("seek", 0.0, 1, None, 100.0),
    command("play2", 0.0, 1, None, {}),
    command("releaseStream", 2.0, 0, None, "x"),
    command("FCPublish", 3.0, 0, None, "x"),
    command("checkBandwidth", 4.0, 0, None),
    command("getStreamLength", 4.0, 0, None, "x"),
    command("_result", 1.0, 0, None),
    *_BOTH,
]
_CHALLENGE = command(
    "_error", 1.0, 0, None,
    {"description": "[ authmod=adobe ] : ?reason=needauth&user=bob&salt=ab&challenge=cd&opaque=ef"},
)  # fmt: skip
KNOWN_TO_CLIENT = [
    command(
        "_result", 1.0, 0, {"fmsVer": "x"}, {"code": "NetConnection.Connect.Success", "objectEncoding": 3.0}
    ),
    command("_error", 1.0, 0, None, {"code": "NetConnection.Connect.Rejected"}),
    command("_result", 2.0, 0, None, 1.0),
    command("_result", 3.0, 0, None, 2.0),
    command("_error", 2.0, 0, None, {"code": "NetConnection.Call.Failed"}),
    Operation(
        Kind.LOCAL, 1, 0, encode_all((1.0,))
    ),  # a call, which is the fourth after connect and two streams
    command("_result", 4.0, 0, None, 1.0),
    command("_error", 4.0, 0, None, {"code": "NetConnection.Call.Failed"}),
    _status("NetStream.Publish.Start"),
    _status("NetStream.Play.Start"),
    _status("NetStream.Play.StreamNotFound", "error"),
    _status("NetStream.Publish.BadName", "error"),
    command("onBWDone", 0.0, 0, None),
    _CHALLENGE,
    *_BOTH,
]


def _messages(file: Path) -> list[Message]:
    """Return the first messages of a capture."""
    messages: list[Message] = []
    ChunkReader().receive_data(file.read_bytes()[_HANDSHAKE:], messages)
    return messages[:_MAX_MESSAGES]


def _operation(message: Message) -> Operation:
    if message.type_id == MessageType.COMMAND_AMF0:
        parsed = Command.parse(message.type_id, message.payload)
        if parsed.name in COMMANDS and parsed.transaction_id in TRANSACTIONS:
            values = (parsed.command_object, *parsed.arguments)
            return command(parsed.name, parsed.transaction_id, message.stream_id, *values)
    slot = message.type_id - 6 if message.type_id > 6 else 0
    body = bytes(message.payload[:_MAX_PAYLOAD])
    return Operation(Kind.MESSAGE, message.type_id, slot << 4 & 0xFF | message.stream_id & 15, body)


def _captured(folder: Path, start: bytes) -> list[bytes]:
    return [
        start + operations.serialize([_operation(message) for message in _messages(file)])
        for file in sorted(folder.glob("*.bin"))
    ]


def _sensible(known: Sequence[Operation], starts: Sequence[Sequence[int]], prefix: bytes) -> list[bytes]:
    """Return each known operation after some of the first ones, which connect and make streams."""
    return [
        prefix + operations.serialize([*(known[at] for at in start), *islice(known, at, at + 3)])
        for start in starts
        for at in range(0, len(known), 3)
    ]


_ACCEPT_CONNECT, _ACCEPT_PUBLISH, _ACCEPT_PLAY, _REJECT_PUBLISH, _REJECT_PLAY = (
    Operation(Kind.LOCAL, a, 1) for a in (0, 2, 3, 4, 5)
)
_BY_HAND = [
    [connect, _ACCEPT_CONNECT, KNOWN_TO_SERVER[2], start, end, _AUDIO, repeated, Operation(Kind.REPEAT, 70)]
    for connect in KNOWN_TO_SERVER[:2]
    for start, end in (
        (KNOWN_TO_SERVER[3], _ACCEPT_PUBLISH),
        (KNOWN_TO_SERVER[3], _REJECT_PUBLISH),
        (KNOWN_TO_SERVER[4], _ACCEPT_PLAY),
        (KNOWN_TO_SERVER[4], _REJECT_PLAY),
    )
    for repeated in (KNOWN_TO_SERVER[2], command("anything", 3.0, 0, None, 1.0))
]
"""Connections whose server says yes or no, and calls and streams beyond what there may be."""
_SERVER_STARTS = ((0, 2, 3), (0, 2, 4), (1, 2, 3), (1, 2, 4))
_CLIENT_STARTS = ((0, 2, 3, 8, 9),)


def server() -> list[bytes]:
    """Seeds of `server.run`."""
    return [
        *_captured(_FOLDER, b"\0\3"),
        *_sensible(KNOWN_TO_SERVER, _SERVER_STARTS, b"\0\3"),
        *(b"\7\0" + operations.serialize(steps) for steps in _BY_HAND),
        *_sensible(KNOWN_TO_SERVER, _SERVER_STARTS[:1], b"\0\7"),
    ]


def server_with_handshake() -> list[bytes]:
    """Seeds of `server.run_with_handshake`."""
    first = (_FOLDER / "ffmpeg_play.bin").read_bytes()[: MAX_SIZE - 10]
    plain = _captured(_FOLDER, b"\0\3\0\0")
    return [*plain, *(b"\0\3" + bytes((kind, 0)) + plain[0][4:] for kind in (1, 2)), b"\0\3\3\0" + first]


def client() -> list[bytes]:
    """Seeds of `client.run`."""
    starts = (b"\0\3\0\0", b"\0\3\1\0", b"\7\7\2\0", b"\0\4\0\0", b"\0\x0b\0\0")
    return [
        *_captured(_FOLDER / "from_servers", starts[0]),
        *(seed for start in starts for seed in _sensible(KNOWN_TO_CLIENT, _CLIENT_STARTS, start)),
        starts[0] + operations.serialize([_CHALLENGE]),
    ]


def chunk_cuts() -> list[bytes]:
    """Seeds of `chunks.run_cuts`: the bytes behind the handshakes."""
    files = [*_FOLDER.glob("*.bin"), *_FOLDER.glob("from_servers/*.bin")]
    captured = [file.read_bytes()[_HANDSHAKE:][:1500] for file in sorted(files)]
    return [b"\x05\x81\x02" + stream for stream in (*captured, *_interleaved())]


def _interleaved() -> Iterator[bytes]:
    """Yield two chunk streams whose chunks are mixed, with all kinds of times and ids."""
    for time in (5, 0xFFFFFF, 0x1000000):
        for slot in (3, 12, 15):
            writer = Interleaver(chunk_size=50)
            for length in (120, 120, 3):
                writer.queue(slot, 9, time, length)
                writer.queue(5, 8, time, length)
            writer.send_chunks(b"\0\1")
            yield bytes(writer.sent)


_TIMES = (b"\0\0\0\1", b"\0\xff\xff\xff", b"\1\0\0\0", b"\xff\xff\xff\xff")
_SHAPES = ((0x02, 0x17), (0x1F, 0x28), (0x4D, 0x39))
ROUND_TRIP_STEPS = [
    *(Operation(Kind.MESSAGE, a, b, time) for time in _TIMES for a, b in _SHAPES),
    Operation(Kind.CHUNK_SIZE, 0, 7),
    Operation(Kind.RAW, body=b"\0\1\2"),
]


def chunk_round_trip() -> list[bytes]:
    """Seeds of `chunks.run_round_trip`."""
    mixed = operations.serialize(ROUND_TRIP_STEPS * 2)
    return [size.to_bytes(3, "big") + b"\x05\xff\x02" + mixed for size in (1, 128, 4096, (1 << 24) - 1)]


def amf0() -> list[bytes]:
    """Seeds of `amf.run_amf0`."""
    return [encode_all(_VALUES), *(encode_all((value,)) for value in _VALUES), b"\x0a\0\0\0\1\5\7\0\0"]


def amf3() -> list[bytes]:
    """Seeds of `amf.run_amf3`: also references to strings, traits and objects, and Flex's collections."""
    written = [Amf3Writer().write_value(value) for value in _VALUES]
    collection = b"\x0a\x07\x43flex.messaging.io.ArrayCollection\x09\x03\x01\x04\x05"
    references = b"\x0a\x13\x03c\x03m\x06\x03s\x0a\x01\x06\x04\x0a\x00"
    return [b"".join(written), *written, collection, references]


def commands() -> list[bytes]:
    """Seeds of `amf.run_command`."""
    payloads = [
        bytes(message.payload)
        for file in sorted(_FOLDER.rglob("*.bin"))
        for message in _messages(file)
        if message.type_id == MessageType.COMMAND_AMF0
    ]
    amf3 = Command("call", 2.0, None, _VALUES).serialize(amf3=True)[1]
    return [b"\1" + amf3, *(b"\0" + payload for payload in payloads)]


def _media() -> list[bytes]:
    return [
        bytes(message.payload[:20])
        for file in sorted(_FOLDER.glob("*publish*.bin"))
        for message in _messages(file)
        if message.type_id in (MessageType.AUDIO, MessageType.VIDEO)
    ]


def flv() -> list[bytes]:
    """Seeds of `small.run_flv`."""
    return _media()


def enhanced_flv() -> list[bytes]:
    """Seeds of `small.run_enhanced_flv`: one and many tracks, modifiers, metadata and a command."""
    return [
        bytes.fromhex(text)
        for text in (
            "91 4f707573 aabb", "95 00 4f707573 01 aabb", "95 11 4f707573 01 000001 aa 02 000001 bb",
            "95 21 4f707573 01 000001 aa 6d703461 02 000001 bb", "97 02 0003e8 01 4f707573 aa",
            "91 68766331 aa", "80 68766331 aa", "91 68766331 000005 aa", "93 61763031 aa", "d3 00",
            "84 68766331 02", "96 11 61766331 00 000004 ffffffaa 01 000003 000000",
        )
    ]  # fmt: skip


def messages() -> list[bytes]:
    """Seeds of `small.run_messages`."""
    aggregate = join_aggregate(
        [Message(8, 1, 5, b"a"), Message(9, 1, 1 << 24, b"bc"), Message(18, 1, 7, b"")]
    )
    controls = [UserControl(kind, (1, 2)).serialize() for kind in UserControlType]
    return [b"\xff\xff\xff\xfe" + bytes(aggregate.payload), *controls]


def url() -> list[bytes]:
    """Seeds of `small.run_url`."""
    return [
        b"rtmp://host/app",
        b"rtmps://user:pass@[::1%25a]:443/a/b?c=d#e",
        b"[fe80::1]:1935/live?k=%20",
        b"h:0/",
    ]
