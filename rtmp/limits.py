"""Bounds on everything a peer can size, and the times it is given."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer may cost us. Sizes are bytes. A peer that exceeds one of them is disconnected.

    `max_write_buffer_media` is the exception: above it audio and video for a slow reader are dropped and
    counted; only above `max_write_buffer` is the connection given up. So are the rates: a peer that sends
    more than `max_bytes_per_second` or `max_messages_per_second` is read no faster than that, and TCP holds
    it back; what `rate_burst_s` seconds allow may come at once, and 0 is no limit. Live media need 30 to 200
    messages a second; a file sent at full speed is held to a hundred times that, and a flood of the smallest
    messages cannot take more than a part of one core.

    `max_file_bytes_per_second`, with `rate_burst_s` as well, is how fast files are read for a peer that plays
    them, however long its buffer is; 0 is no limit. It is some ten times what films need.

    A stream that is played may have `max_playlist` plays behind it, with `max_playlist_names` characters in
    their names together; one more fails, and the others stay.
    """

    max_message_size: int = 4 * MIB
    max_audio_size: int = 256 * KIB
    max_chunk_streams: int = 64
    max_assembling_bytes: int = 8 * MIB
    max_amf_depth: int = 32
    max_amf_elements: int = 10_000
    max_amf_string: int = 1 * MIB
    max_streams: int = 8
    max_playlist: int = 64
    max_playlist_names: int = 64 * KIB
    max_pending_calls: int = 64
    max_write_buffer_media: int = 1 * MIB
    max_write_buffer: int = 4 * MIB
    max_bytes_per_second: int = 64 * MIB
    max_messages_per_second: int = 20_000
    max_file_bytes_per_second: int = 8 * MIB
    rate_burst_s: float = 2.0


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """How many connections a server takes. One that exceeds a limit is closed at once, before any handshake.

    An address is an IPv4 address or the /64 of an IPv6 address, which is what one customer has. The limit of
    its connections at a time leaves room for an office or a proxy behind one address, and stays well below
    that of all addresses, so that one alone cannot shut the others out. `new_per_second` bounds the rate of
    new connections of one address, `new_burst` those at once after a rest. It is 0, off: thousands of clients
    behind one address may all come back in the second after a cut, and a refused connection costs almost as
    much as an accepted one that sends nothing.

    What clients send together, in all and from one address, is read no faster than `max_bytes_per_second` and
    `max_bytes_per_second_per_address`; what `rate_burst_s` seconds allow may come at once, and 0 is no limit.
    `max_file_bytes_per_second` and its `_per_address` bound in the same way how fast files are read for those
    who play them, whatever `Limits` allow to each: live streams must have their share of disk, core and line.
    They are enough for a thousand films of 2 Mb/s, and for a quarter of that behind one address.
    """

    max_connections: int = 10_000
    max_connections_per_address: int = 2_000
    new_per_second: float = 0.0
    new_burst: int = 100
    max_bytes_per_second: int = 1024 * MIB
    max_bytes_per_second_per_address: int = 128 * MIB
    max_file_bytes_per_second: int = 256 * MIB
    max_file_bytes_per_second_per_address: int = 64 * MIB
    rate_burst_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long the asyncio shell waits, in seconds.

    `handshake` (of TLS, then of RTMP) and `connect` count from the start of the respective phase; `ping` is
    the silence after which a ping is sent, `dead_peer` the silence that ends the connection; `close` is how
    long a closing connection may take to flush and to see the peer close. A peer for which so much waits that
    media are dropped (`Limits.max_write_buffer_media`) is given up when it reads less than 16 KiB in
    `stalled_write`.

    `idle` ends a connection on which no stream has been used and no command gone either way for so long, and
    `silent_publisher`, on a server, one that publishes and has sent neither media nor data, on any of its
    streams; both are noticed up to `ping` later. 0 is never: a phone may wait for a call for days, and an
    encoder on standby may hold its name.
    """

    handshake: float = 10.0
    connect: float = 10.0
    ping: float = 30.0
    dead_peer: float = 90.0
    close: float = 2.0
    stalled_write: float = 20.0
    idle: float = 0.0
    silent_publisher: float = 0.0


DEFAULT_LIMITS = Limits()
DEFAULT_TIMEOUTS = Timeouts()
DEFAULT_ADMISSION_LIMITS = AdmissionLimits()
