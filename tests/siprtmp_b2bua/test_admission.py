"""Clients beyond the number of connections that is configured are told that the gateway is busy."""

from __future__ import annotations

import asyncio

import pytest

from rtmp.aio import RtmpClient
from rtmp.errors import ConnectRejected
from tests.siprtmp_b2bua.running_gateway import RunningGateway, gateway


@pytest.mark.parametrize("workers", ["1", "auto"])
async def test_one_connection_too_many(workers: str) -> None:
    async with gateway("--workers", workers, "--max-connections", "2") as running:
        first, second = await running.connect("live"), await running.connect("sip/anonymous@invalid")
        for app in ("live", "sip/anonymous@invalid"):
            with pytest.raises(ConnectRejected, match="busy: this gateway has 2 connections"):
                await running.connect(app)
        second.close()
        await second.closed
        third = await connect_when_there_is_room(running)
        assert not first.is_closed
        assert not third.is_closed


async def test_of_many_at_once_as_many_get_in_as_there_may_be() -> None:
    async with gateway("--workers", "1", "--max-connections", "3") as running:
        all_at_once = (running.connect("live") for _ in range(10))
        clients = await asyncio.gather(*all_at_once, return_exceptions=True)
        assert sum(isinstance(client, RtmpClient) for client in clients) == 3
        assert sum(isinstance(client, ConnectRejected) for client in clients) == 7


async def connect_when_there_is_room(running: RunningGateway) -> RtmpClient:
    """Connect; the gateway may yet have to notice that another client has gone."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await running.connect("live")
            except ConnectRejected as busy:
                assert "busy" in str(busy)
