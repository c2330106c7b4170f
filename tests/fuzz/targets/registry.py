"""All targets by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.fuzz.targets import amf, chunks, client, seeds, server, small
from tests.fuzz.targets.operations import Operation


@dataclass(frozen=True, slots=True)
class Target:
    """What is run with any bytes, and must not raise; and inputs to begin with.

    If the input ends in operations, `prefix` is how many bytes come before them, and `known` are operations
    to put in.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    known: Sequence[Operation] = ()
    prefix: int = 0


TARGETS = {
    "server": Target(server.run, seeds.server, seeds.KNOWN_TO_SERVER, 2),
    "server_handshake": Target(
        server.run_with_handshake, seeds.server_with_handshake, seeds.KNOWN_TO_SERVER, 4
    ),
    "client": Target(client.run, seeds.client, seeds.KNOWN_TO_CLIENT, 4),
    "chunk_cuts": Target(chunks.run_cuts, seeds.chunk_cuts),
    "chunk_round_trip": Target(chunks.run_round_trip, seeds.chunk_round_trip, seeds.ROUND_TRIP_STEPS, 6),
    "amf0": Target(amf.run_amf0, seeds.amf0),
    "amf3": Target(amf.run_amf3, seeds.amf3),
    "command": Target(amf.run_command, seeds.commands),
    "enhanced_flv": Target(small.run_enhanced_flv, seeds.enhanced_flv),
    "flv": Target(small.run_flv, seeds.flv),
    "messages": Target(small.run_messages, seeds.messages),
    "url": Target(small.run_url, seeds.url),
}
