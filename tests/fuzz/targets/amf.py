"""AMF: what can be read can be written, and then reads and writes the same."""

from __future__ import annotations

from collections.abc import Callable

from rtmp.amf0 import decode_all, encode_all
from rtmp.amf3 import Amf3Reader
from rtmp.amf3_writer import Amf3Writer
from rtmp.amf_value import AmfValue
from rtmp.capabilities import Capabilities, FourCcInfo
from rtmp.commands import Command
from rtmp.errors import AmfDecodeError, AmfEncodeError, RemoteProtocolError
from rtmp.limits import DEFAULT_LIMITS, MIB, Limits
from rtmp.messages import MessageType

# In AMF0 some values cost or nest more than in the AMF3 that they came from.
_MORE = Limits(max_amf_depth=100, max_amf_elements=100_000, max_amf_string=4 * MIB)
_MAX_CODECS = 3 * 64


def run_amf0(data: bytes) -> None:
    """AMF0 values one after the other."""
    _check(data, decode_all, encode_all)


def run_amf3(data: bytes) -> None:
    """AMF3 values one after the other."""
    _check(data, _decode_amf3, _encode_amf3)


def _check(
    data: bytes,
    decode: Callable[[bytes, Limits], list[AmfValue]],
    encode: Callable[[list[AmfValue]], bytes],
) -> None:
    try:
        written = encode(decode(data, DEFAULT_LIMITS))
    except (AmfDecodeError, AmfEncodeError):
        return
    # compared as bytes, because NaN is not equal to itself
    assert encode(decode(written, _MORE)) == written


def _decode_amf3(data: bytes, limits: Limits) -> list[AmfValue]:
    reader = Amf3Reader(data, limits)
    values, at = [], 0
    while at < len(data):
        value, at = reader.read_value_at(at)
        values.append(value)
    return values


def _encode_amf3(values: list[AmfValue]) -> bytes:
    return b"".join(Amf3Writer().write_value(value) for value in values)


def run_command(data: bytes) -> None:
    """A command of either type, by the first byte."""
    amf3 = bool(data[:1] and data[0] & 1)
    try:
        command = Command.parse(MessageType.COMMAND_AMF3 if amf3 else MessageType.COMMAND_AMF0, data[1:])
        type_id, payload = command.serialize(amf3=amf3)
    except (RemoteProtocolError, AmfEncodeError):
        return
    assert Command.parse(type_id, payload, _MORE).serialize(amf3=amf3) == (type_id, payload)


def run_capabilities(data: bytes) -> None:
    """Values that may be command objects: never an error, and bounds on what is taken."""
    try:
        values = decode_all(data)
    except AmfDecodeError:
        return
    for value in values:
        capabilities = Capabilities.from_command_object(value)
        written = decode_all(encode_all((capabilities.to_command_object(),)))
        assert Capabilities.from_command_object(written[0]) == capabilities
        codecs = {*capabilities.four_ccs, *capabilities.video, *capabilities.audio}
        assert len(codecs) <= _MAX_CODECS
        for codec in (*codecs, "none"):
            assert capabilities.video_info(codec) in FourCcInfo.ALL
            assert capabilities.audio_info(codec) in FourCcInfo.ALL
