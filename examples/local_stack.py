"""A gateway and an echo phone on this machine, each a process of its own: for demonstrations and tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

from examples.child_process import ChildProcess


@dataclass(frozen=True, slots=True)
class LocalStack:
    """What runs, and how to reach it."""

    gateway: ChildProcess
    echo_phone: ChildProcess
    rtmp_port: int
    sip_port: int
    echo_uri: str

    @property
    def rtmp_url(self) -> str:
        """Where to connect, as a guest: such a client can call, and cannot be called."""
        return f"rtmp://127.0.0.1:{self.rtmp_port}/sip/anonymous@invalid"

    def sip_codec(self) -> str:
        """The codec of the latest call at the SIP phone, such as `PCMU/8000`; empty before the first."""
        codec = ""
        for line in self.echo_phone.lines:
            with contextlib.suppress(ValueError):
                codec = json.loads(line).get("codec", codec)
        return codec


def free_sip_port(host: str = "127.0.0.1") -> int:
    """A port that is free for both UDP and TCP, below those that the system gives to outgoing connections."""
    for port in random.sample(range(20000, 30000), 100):
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        ):
            udp.bind((host, port))
            tcp.bind((host, port))
            return port
    raise OSError(f"no free port between 20000 and 30000 on {host}")


@contextlib.asynccontextmanager
async def local_stack(
    *, echo_rate_hz: int = 16000, ring_ms: int = 0, rtmp_port: int = 0
) -> AsyncIterator[LocalStack]:
    """Start both on 127.0.0.1, on free ports unless named; end both with the context. Raises ChildFailed."""
    gateway_arguments = ["-d", "-i", "127.0.0.1", "-p", str(rtmp_port)]
    gateway_arguments += ["-l", "127.0.0.1", "--sip-port", str(free_sip_port())]
    echo_arguments = ["--rate", str(echo_rate_hz), "--ring-ms", str(ring_ms)]
    async with (
        ChildProcess.run("the gateway", "siprtmp_b2bua", *gateway_arguments) as gateway,
        ChildProcess.run("the echo phone", "examples.echo_phone", *echo_arguments) as echo_phone,
    ):
        listening, ready = await asyncio.gather(
            gateway.line(r"RTMP on \S+:(\d+), SIP on port (\d+)"),
            echo_phone.line(r'"uri": "([^"]+)"'),
        )
        try:
            yield LocalStack(gateway, echo_phone, int(listening[1]), int(listening[2]), ready[1])
        finally:
            await asyncio.gather(gateway.stop(), echo_phone.stop())  # each takes a second
