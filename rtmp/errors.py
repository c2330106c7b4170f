# ruff: noqa: N818 - an end such as ConnectionLost is named for what happened
"""The errors of the RTMP library; the class says who is at fault.

RtmpError
├── RemoteProtocolError      the peer broke the protocol or a limit; the connection must be closed
│   ├── NotRtmpError         what arrived is another protocol (HTTP, TLS, RTMPE, ...)
│   │   └── PolicyFileRequested  Flash Player asks for the socket policy file
│   ├── AmfDecodeError       malformed or too large AMF0/AMF3 data
│   └── LimitExceeded        well-formed, but larger than `rtmp.limits.Limits` allows
├── LocalProtocolError       our caller asked for something the present state forbids
│   ├── AmfEncodeError       a value that AMF cannot express
│   ├── InvalidUrl           not an rtmp:// URL
│   └── InvalidConnectArgument  not an argument of `connect` as rtmpdump writes them
├── ConnectionLost           the transport ended
│   ├── HandshakeTimeout / ConnectTimeout / PeerTimeout
│   ├── IdleTimeout          nothing was done with the connection
│   ├── PublisherSilent      (server) a stream was published, and nothing sent
│   ├── WriteBufferExceeded  the peer does not read
│   ├── WriteStalled         the peer has stopped reading
│   └── TooManyConnections   the server has as many connections as it may, in all or of one address
├── CertificateError         certificate or key of an RTMPS server cannot be used
├── ConnectRejected          (client) the server answered `connect` with `_error`
│   └── AuthenticationFailed it wants other credentials than ours
├── CallFailed               (client) the server answered a call with `_error`
├── StreamFailed             (client) the server refused `publish` or `play`
├── FlvError                 an FLV file is broken, or none
├── RecordingFull            a recording is as long or as large as it may be
└── InvalidStreamName        a stream name that no file may have
"""

from __future__ import annotations

from collections.abc import Mapping

from rtmp.amf_value import AmfValue


class RtmpError(Exception):
    """Base of every error this library raises on purpose."""


class RemoteProtocolError(RtmpError):
    """The peer broke the protocol; nothing more can be read from it."""


class NotRtmpError(RemoteProtocolError):
    """The first bytes belong to another protocol."""


class PolicyFileRequested(NotRtmpError):
    """Flash Player asks for the socket policy file instead of speaking RTMP (`rtmp.policy_file`)."""


class AmfDecodeError(RemoteProtocolError):
    """The peer sent AMF data that is malformed or exceeds a limit."""


class LimitExceeded(RemoteProtocolError):
    """The peer exceeded a bound set by `rtmp.limits.Limits`."""


class LocalProtocolError(RtmpError):
    """The caller gave a command that the present state does not allow."""


class AmfEncodeError(LocalProtocolError):
    """The caller gave a value that AMF cannot express."""


class InvalidUrl(LocalProtocolError):
    """The text is not an rtmp:// or rtmps:// URL."""


class InvalidConnectArgument(LocalProtocolError):
    """The text at `index` is not an argument of `connect`; its value, maybe a password, is not told."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(f"connect argument {index + 1}: {problem}")
        self.index = index


class ConnectionLost(RtmpError):
    """The transport ended, or was ended, before the protocol said so."""


class TransportReset(ConnectionLost):
    """The peer went without ending the transport in order, as programs do that are ended by their user."""


class HandshakeTimeout(ConnectionLost):
    """The peer did not finish the handshake in time."""


class ConnectTimeout(ConnectionLost):
    """The peer did not send (server) or answer (client) `connect` in time."""


class PeerTimeout(ConnectionLost):
    """The peer stayed silent, even to pings, for too long."""


class IdleTimeout(ConnectionLost):
    """No stream was published or played, and no command went either way, for too long."""


class PublisherSilent(ConnectionLost):
    """The client publishes, and has sent nothing to publish for too long."""


class WriteBufferExceeded(ConnectionLost):
    """The peer does not read what it is sent."""


class WriteStalled(ConnectionLost):
    """The peer has not read what waits for it for too long."""


class TooManyConnections(ConnectionLost):
    """The server has as many connections as it may have, in all or of one address, or they come too fast."""


class CertificateError(RtmpError):
    """The certificate or the key of an RTMPS server is missing, unreadable or of no use."""


class _RefusedByServer(RtmpError):
    """A refusal that carries the server's information object."""

    def __init__(self, code: str, description: str, info: Mapping[str, AmfValue]) -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code
        self.description = description
        self.info = info


class ConnectRejected(_RefusedByServer):
    """The server answered `connect` with `_error`."""


class AuthenticationFailed(ConnectRejected):
    """The server does not accept the user or the password, or wants a method that is not known here."""


class CallFailed(_RefusedByServer):
    """The server answered a call with `_error`."""


class StreamFailed(_RefusedByServer):
    """The server answered `publish` or `play` with a status of level "error"."""


class FlvError(RtmpError):
    """A file is not FLV, or is broken: a tag is not where the one before it says."""


class RecordingFull(RtmpError):
    """A recording has reached one of its bounds."""


class InvalidStreamName(RtmpError):
    """A stream is called something that no recording may be called."""
