"""All targets by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.fuzz.targets import (
    amf,
    auth,
    chunks,
    client,
    flv_files,
    h264,
    kinds,
    live_seeds,
    media_seeds,
    names,
    relay,
    rtp,
    seeds,
    server,
    sip,
    small,
    text_seeds,
    turns,
)
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
    "server_turns": Target(turns.run_server, live_seeds.turns_of_server, seeds.KNOWN_TO_SERVER, 4),
    "client_turns": Target(turns.run_client, live_seeds.turns_of_client, seeds.KNOWN_TO_CLIENT, 4),
    "relay": Target(relay.run, live_seeds.relay, live_seeds.KNOWN_TO_RELAY),
    "recording": Target(flv_files.run_recording, live_seeds.recording, live_seeds.KNOWN_TO_RECORDING, 1),
    "flv_file": Target(flv_files.run_file, live_seeds.flv_file),
    "media_kind": Target(kinds.run, live_seeds.kinds),
    "names": Target(names.run_names, text_seeds.names),
    "connect_arguments": Target(names.run_connect_arguments, text_seeds.connect_arguments),
    "policy_file": Target(names.run_policy_file, text_seeds.policy_file),
    "auth_refusal": Target(auth.run_refusal, text_seeds.refusals),
    "auth_server": Target(auth.run_server, text_seeds.auth_server),
    "capabilities": Target(amf.run_capabilities, text_seeds.capabilities),
    "nal_units": Target(h264.run_nal_units, media_seeds.nal_units),
    "avc_configuration": Target(h264.run_configuration, media_seeds.configuration),
    "sps": Target(h264.run_sps, media_seeds.sps),
    "video_tag": Target(h264.run_video_tag, media_seeds.video_tag),
    "h264_depacketizer": Target(h264.run_depacketizer, media_seeds.depacketizer),
    "video_downlink": Target(h264.run_downlink, media_seeds.depacketizer),
    "rtp_packet": Target(rtp.run_packet, media_seeds.packet),
    "rtcp": Target(rtp.run_rtcp, media_seeds.rtcp),
    "rtp_session": Target(rtp.run_session, media_seeds.session),
    "x_flv": Target(rtp.run_x_flv, media_seeds.x_flv),
    "session_description": Target(sip.run_description, media_seeds.description),
    "sip_message": Target(sip.run_message, media_seeds.message),
}
