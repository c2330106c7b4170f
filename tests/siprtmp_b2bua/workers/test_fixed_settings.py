"""What a restart alone can change."""

from __future__ import annotations

from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.workers.fixed_settings import keep_fixed


def test_ports_stay_and_the_rest_changes() -> None:
    old = GatewayConfig.load(flags={"media": {"rtp_ports": "10000-10999"}})
    new = GatewayConfig.load(
        flags={
            "rtmp": {"port": 1936},
            "sip": {"port": 5070, "max_calls": 7},
            "media": {"rtp_ports": "20000-20999", "quality": 4},
            "workers": {"max": 3, "idle_timeout_s": 5.0},
            "share_aor": True,
        }
    )
    kept, differences = keep_fixed(old, new)
    assert (kept.rtmp, kept.sip.port, kept.media.rtp_ports) == (old.rtmp, old.sip.port, old.media.rtp_ports)
    assert (kept.sip.max_calls, kept.media.quality, kept.share_aor) == (7, 4, True)
    assert (kept.workers.max, kept.workers.idle_timeout_s) == (None, 5.0)
    assert {text.split(" ")[0] for text in differences} == {
        "rtmp.port",
        "sip.port",
        "media.rtp_ports",
        "workers.max",
    }


def test_the_same_is_the_same() -> None:
    config = GatewayConfig.load()
    assert keep_fixed(config, GatewayConfig.load()) == (config, [])
