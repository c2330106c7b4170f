"""What `siprtmp status` tells of a call."""

from __future__ import annotations

from .call_audio import CallAudio
from .control.status import CallStatus
from .pj_events import StreamStats

_FRAME_MS = 20


def with_audio(status: CallStatus, audio: CallAudio | None, stats: StreamStats | None) -> CallStatus:
    """Add what is known of the audio; `stats` is None while there is no stream."""
    known: dict[str, object] = {}
    if audio is not None:
        known |= {
            "sip_audio": str(audio.sip_codec),
            "rtmp_audio": audio.rtmp_audio.reported_name,
            "chain": audio.chain or None,
            "queue_ms": audio.queue_ms,
        }
    if stats is not None:
        expected = stats.packets_received + stats.packets_lost
        known |= {
            "loss_percent": 100 * stats.packets_lost / expected if expected else None,
            "jitter_ms": stats.jitter_ms,
            "round_trip_ms": stats.round_trip_ms,
            "latency_ms": stats.buffered_ms + _FRAME_MS,
        }
    return status.model_copy(update=known)
