"""What each worker gets of the ports."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.errors import ConfigurationError
from siprtmp_b2bua.workers.slots import MIN_RTP_PORTS, check_slots, config_of_worker


def config(low: int = 10000, high: int = 10999, sip_port: int = 5060) -> GatewayConfig:
    return GatewayConfig.load(
        flags={"sip": {"port": sip_port}, "media": {"rtp_ports": f"{low}-{high}"}},
    )


@given(st.integers(1024, 40000), st.integers(0, 20000), st.integers(1, 64))
def test_no_two_workers_share_a_port(low: int, extra: int, workers: int) -> None:
    whole = config(low, low + workers * (MIN_RTP_PORTS + 2) + extra)
    check_slots(whole, workers)
    shares = [config_of_worker(whole, number, workers) for number in range(1, workers + 1)]
    ranges = [share.media.rtp_ports for share in shares]
    assert all(r.low % 2 == 0 and r.high - r.low + 1 >= MIN_RTP_PORTS for r in ranges)
    assert all(before.high < after.low for before, after in pairwise(ranges))
    assert ranges[0].low >= low
    assert ranges[-1].high <= whole.media.rtp_ports.high
    assert len({share.sip.port for share in shares}) == workers


def test_all_else_is_the_same() -> None:
    whole = config()
    part = config_of_worker(whole, 3, 4)
    assert (part.sip.port, str(part.media.rtp_ports)) == (5062, "10500-10749")
    assert part.rtmp == whole.rtmp
    assert part.media.quality == whole.media.quality


def test_any_port_stays_any_port() -> None:
    assert config_of_worker(config(sip_port=0), 7, 8).sip.port == 0


def test_too_few_ports_are_refused_with_what_would_do() -> None:
    with pytest.raises(ConfigurationError, match="choose --rtp-ports 10000-11279, or fewer"):
        check_slots(config(), 32)
    with pytest.raises(ConfigurationError, match="choose a lower --sip-port"):
        check_slots(config(sip_port=65530), 8)
