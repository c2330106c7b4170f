"""Fixtures of the tests with real peers (see README.md).

A missing peer skips its test and says how to get it; with CI=true or SIPRTMP_REQUIRE_PEERS=1 it fails.
"""

import os
from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from tests.interop.peers import Peer, PeerMissing, require

PeerT = TypeVar("PeerT", bound=Peer)

HERE = Path(__file__).parent
TRUE = {"1", "true", "yes", "on"}
started_peers = pytest.StashKey[list[Peer]]()


class Peers:
    """Starts peers for one test; all of them are stopped after it, the last one first."""

    def __init__(self, stack: AsyncExitStack, started: list[Peer]) -> None:
        self._stack = stack
        self._started = started

    async def start(self, peer: PeerT) -> PeerT:
        """Start a peer and return it ready. A program that is not installed skips the test, or fails it."""
        self._started.append(peer)
        missing: PeerMissing | None = None
        try:
            await self._stack.enter_async_context(peer)
        except PeerMissing as error:
            missing = error
        if missing is not None:
            skip_or_fail(missing)
        return peer


@pytest.fixture
async def peers(request: pytest.FixtureRequest) -> AsyncIterator[Peers]:
    """Starts peers with `await peers.start(Asterisk())`; their logs are shown if the test fails."""
    started = request.node.stash.setdefault(started_peers, [])
    async with AsyncExitStack() as stack:
        yield Peers(stack, started)


def skip_or_fail(missing: PeerMissing) -> None:
    """Skip the running test because of a missing peer, or fail it where peers are required."""
    if any(os.environ.get(name, "").lower() in TRUE for name in ("CI", "SIPRTMP_REQUIRE_PEERS")):
        pytest.fail(str(missing), pytrace=False)
    pytest.skip(str(missing))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this directory as `interop`."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("interop") is None:
            item.add_marker(pytest.mark.interop)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ask for the programs that the test names: `@pytest.mark.interop("ffmpeg", "rtmpdump")`."""
    for marker in item.iter_markers("interop"):
        for program in marker.args:
            try:
                require(program)
            except PeerMissing as missing:
                skip_or_fail(missing)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the logs of the peers to the report of a failed test, while they are still there."""
    report = yield
    if report.failed:
        for peer in item.stash.get(started_peers, []):
            report.sections.append((f"{type(peer).__name__} ({peer.program})", peer.log()))
    return report
