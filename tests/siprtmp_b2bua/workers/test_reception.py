"""Clients on their way from the front to a worker."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rtmp.aio import start_server
from rtmp.aio.handover import FrontConnection
from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.workers.reception import Reception
from tests.interop.peers.polling import until
from tests.rtmp.both_loops import on_both_loops
from tests.rtmp.certificates import make_server_tls, needs_openssl, trusting
from tests.rtmp.running_server import HELLO, command_bytes
from tests.siprtmp_b2bua.workers.gang import MakeGang, make_gang

__all__ = ["make_gang"]
CONNECT = command_bytes("connect", {"app": "sip/anonymous@invalid"})


@needs_openssl
@on_both_loops
@pytest.mark.parametrize("with_tls", [False, True])
async def test_clients_that_leave_meanwhile_leave_no_line_taken(
    make_gang: MakeGang, tmp_path: Path, with_tls: bool
) -> None:
    gang = make_gang()
    await gang.begin()
    gang.take_lines(1000)
    reception = Reception(GatewayConfig(), gang.crew, None)
    tls = make_server_tls(tmp_path) if with_tls else None
    server = await start_server(
        reception.make_handler, "127.0.0.1", 0, ssl=tls, connection_class=FrontConnection
    )
    for number in range(60):
        context = trusting(tls.certificate) if tls else None
        _, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=context, server_hostname="127.0.0.1" if tls else None
        )
        writer.write(HELLO + CONNECT)
        await asyncio.sleep(0.0005 * (number % 10))  # leave in every moment of the way
        writer.transport.abort()
    worker = gang.crew.workers[1]

    def agree() -> bool:
        return not server.connections and len(worker.member.clients) == len(worker._places)

    await until(agree, "the clients to be with the worker, or gone")
    server.close()
