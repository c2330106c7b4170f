"""Texts that users and clients write: names of streams and recordings, arguments of connect, policy files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from rtmp.connect_arguments import format_connect_arguments, parse_connect_arguments
from rtmp.errors import (
    InvalidConnectArgument,
    InvalidStreamName,
    LocalProtocolError,
    NotRtmpError,
    RemoteProtocolError,
)
from rtmp.handshake import ServerHandshake
from rtmp.policy_file import REQUEST, PolicyFile, begins_request
from rtmp.recording.recording_name import SUFFIX, recording_path
from rtmp.relay.names import MAX_NAME, StreamName
from tests.fuzz.targets.chunks import cut

_SECRET = "?key=secret"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def run_names(data: bytes) -> None:
    """The name of an application, NUL, and that of a stream."""
    app, _, name = _text(data).partition("\0")
    _check_recording(app, name)
    try:
        stream = StreamName.parse(app, name)
    except RemoteProtocolError:
        return
    assert 0 < len(stream.name) <= MAX_NAME
    assert str(stream).isprintable()
    again = StreamName.parse(stream.app, stream.name + _SECRET)
    assert (again.app, again.name, again.query) == (stream.app, stream.name, {"key": "secret"})
    assert "secret" not in repr(again)


def _check_recording(app: str, name: str) -> None:
    try:
        path = recording_path(app, name)
    except InvalidStreamName as error:
        assert "?" not in str(error)
        return
    assert not path.is_absolute()
    assert path.suffix == SUFFIX
    assert str(path).isascii()
    assert str(path).isprintable()
    assert not any(part.startswith((".", "-")) for part in path.parts)
    plain = name.partition("?")[0]
    assert recording_path(app, plain + _SECRET) == path
    if not plain.endswith(SUFFIX):
        assert recording_path(app, plain + SUFFIX) == path


def run_connect_arguments(data: bytes) -> None:
    """Arguments with NUL between them."""
    texts = _text(data).split("\0")
    try:
        values = parse_connect_arguments(texts)
    except InvalidConnectArgument as error:
        assert 0 <= error.index < len(texts)
        return
    assert parse_connect_arguments(format_connect_arguments(values)) == values


def run_policy_file(data: bytes) -> None:
    """A domain, NUL, and ports; and all of it as the first bytes of a client."""
    domain, _, port = _text(data).partition("\0")
    with contextlib.suppress(LocalProtocolError):
        answer = PolicyFile((domain,), (port,)).serialize(1935)
        (rule,) = ET.fromstring(answer[:-1].decode())
        assert (rule.attrib["domain"], rule.attrib["to-ports"]) == (domain, port)
    whole = _greet((data,))
    assert _greet(cut(data, b"\0")) == whole
    assert (whole == "PolicyFileRequested") == data.startswith(REQUEST)
    assert begins_request(data) == (data[: len(REQUEST)] == REQUEST[: len(data)])


def _greet(pieces: Iterable[bytes]) -> str:
    handshake = ServerHandshake()
    try:
        for piece in pieces:
            if not handshake.done:
                handshake.receive_data(piece)
    except NotRtmpError as error:
        return type(error).__name__
    return ""
