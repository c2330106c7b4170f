"""Messages and descriptors between processes."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from siprtmp_b2bua.workers.channel import MAX_MESSAGE, Channel, socket_pair


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


class End:
    """An end that keeps what it gets."""

    def __init__(self, sock: socket.socket) -> None:
        self.messages: asyncio.Queue[tuple[bytes, Sequence[int]]] = asyncio.Queue()
        self.lost = asyncio.Event()
        self.channel = Channel(
            sock, lambda message, fds: self.messages.put_nowait((message, fds)), self.lost.set
        )


async def test_messages_stay_apart_and_in_order() -> None:
    a, b = map(End, socket_pair())
    said = [bytes([n]) * size for n, size in enumerate((1, 2, 1000, MAX_MESSAGE, 3))]
    for message in said * 20:  # more than the kernel keeps
        a.channel.send(message)
    async with asyncio.timeout(5):
        assert [(await b.messages.get())[0] for _ in range(100)] == said * 20
    a.channel.close()
    async with asyncio.timeout(5):
        await b.lost.wait()
    assert not a.lost.is_set()


async def test_a_socket_goes_over_and_is_closed_here() -> None:
    a, b = map(End, socket_pair())
    mine, theirs = socket.socketpair()
    for _ in range(3):
        a.channel.send(b"before")
    a.channel.send(b"take it", (theirs,))
    async with asyncio.timeout(5):
        got = [await b.messages.get() for _ in range(4)]
    assert [message for message, _ in got] == [b"before"] * 3 + [b"take it"]
    assert [list(fds) for _, fds in got[:3]] == [[], [], []]
    assert theirs.fileno() == -1
    with socket.socket(fileno=got[3][1][0]) as taken:
        taken.send(b"hello")
        assert mine.recv(10) == b"hello"
    assert mine.recv(10) == b""
    mine.close()
    a.channel.close()
    b.channel.close()


async def test_nothing_leaks_when_the_other_process_has_gone() -> None:
    a, b = map(End, socket_pair())
    b.channel.close()
    mine, theirs = socket.socketpair()
    a.channel.send(b"take it", (theirs,))
    async with asyncio.timeout(5):
        await a.lost.wait()
    assert theirs.fileno() == -1
    later, also = socket.socketpair()
    a.channel.send(b"too late", (also,))
    assert also.fileno() == -1
    mine.close()
    later.close()


async def test_what_waits_is_closed_with_the_channel() -> None:
    a, b = map(End, socket_pair())
    before = open_descriptors()
    pairs = [socket.socketpair() for _ in range(50)]
    for _, theirs in pairs:
        a.channel.send(bytes(MAX_MESSAGE), (theirs,))
    a.channel.close()
    async with asyncio.timeout(5):
        await b.lost.wait()
    for mine, _ in pairs:
        mine.close()
    while not b.messages.empty():
        for descriptor in b.messages.get_nowait()[1]:
            os.close(descriptor)
    assert open_descriptors() <= before
