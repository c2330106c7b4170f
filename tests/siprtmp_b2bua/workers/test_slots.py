"""What each worker gets of the ports."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.pj_build import PjBuild
from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.errors import ConfigurationError
from siprtmp_b2bua.workers.slots import (
    check_slots,
    config_of_worker,
    is_one_process,
    min_rtp_ports,
    most_workers,
)


def config(low: int = 10000, high: int = 10999, sip_port: int = 5060) -> GatewayConfig:
    return GatewayConfig.load(
        flags={"sip": {"port": sip_port}, "media": {"rtp_ports": f"{low}-{high}"}},
    )


@given(st.integers(1024, 40000), st.integers(0, 20000), st.integers(1, 64))
def test_no_two_workers_share_a_port(low: int, extra: int, workers: int) -> None:
    high = low + workers * (min_rtp_ports(config()) + 2) + extra
    whole = config(low, high, sip_port=low - workers)
    check_slots(whole, workers)
    shares = [config_of_worker(whole, number, workers) for number in range(1, workers + 1)]
    ranges = [share.media.rtp_ports for share in shares]
    assert all(r.low % 2 == 0 and r.high - r.low + 1 >= min_rtp_ports(whole) for r in ranges)
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


@pytest.mark.parametrize(
    ("low", "high", "sip_port", "workers", "choose"),
    [
        (10000, 10999, 9990, 25, "9990-10014 of 25 .* choose --sip-port 9975 or a lower one"),
        (10000, 10999, 9999, 2, "9999-10000 of 2 .* choose --sip-port 9998 or a lower one"),
        (10000, 10999, 10999, 2, "10999-11000 of 2 .* choose --sip-port 9998 or a lower one"),
        (1024, 9999, 5060, 25, "5060-5084 of 25 .* choose --sip-port 10000 or a higher one"),
    ],
)
def test_ports_of_sip_among_those_of_rtp_are_refused_with_what_would_do(
    low: int, high: int, sip_port: int, workers: int, choose: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"{choose}, or other --rtp-ports"):
        check_slots(config(low, high, sip_port), workers)
    chosen = int(re.findall(r"--sip-port (\d+)", choose)[0])
    check_slots(config(low, high, chosen), workers)


def test_where_rtp_has_all_ports_it_has_to_have_fewer() -> None:
    with pytest.raises(ConfigurationError, match=r"overlap media\.rtp_ports 1024-65535: choose other --rtp"):
        check_slots(config(1024, 65535), 25)


@pytest.mark.parametrize(("sip_port", "workers"), [(9975, 25), (11000, 25), (0, 25), (10000, 1)])
def test_ports_of_sip_beside_those_of_rtp_will_do(sip_port: int, workers: int) -> None:
    check_slots(config(sip_port=sip_port), workers)


def test_without_a_number_there_are_as_many_as_there_are_ports_for() -> None:
    assert most_workers(config()) == 25
    assert most_workers(config(10000, 19999)) == 32
    assert most_workers(config(sip_port=65530)) == 6
    assert most_workers(config(10000, 10020)) == 1
    few = {"media": {"rtp_ports": "10000-10999"}, "workers": {"count": 40}}
    assert most_workers(GatewayConfig.load(flags=few)) == 40  # which is refused, with what would do


@pytest.mark.parametrize(("max_calls", "workers"), [(40, 3), (32, 3), (8, 13), (4, 25)])
def test_workers_with_more_lines_need_more_ports(
    max_calls: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = PjBuild(calls=40, accounts=64, sockets=512)
    monkeypatch.setattr("siprtmp_b2bua.room.installed_build", lambda: build)
    settings = {"media": {"rtp_ports": "10000-10999"}, "sip": {"max_calls": max_calls}}
    assert most_workers(GatewayConfig.load(flags=settings)) == workers


@pytest.mark.parametrize(
    ("workers", "rtp_ports", "is_one"),
    [
        ({}, "10000-10999", False),
        ({}, "10000-10078", True),
        ({"count": 1}, "10000-10999", True),
        ({"max": 1}, "10000-10999", False),
        ({"count": 2}, "10000-10999", False),
    ],
)
def test_all_is_one_process_if_that_is_asked_for_or_there_are_too_few_ports(
    workers: dict[str, int], rtp_ports: str, is_one: bool
) -> None:
    config = GatewayConfig.load(flags={"media": {"rtp_ports": rtp_ports}, "workers": workers})
    assert is_one_process(config) == is_one
