"""Fixtures of the tests that call through the gateway."""

from collections.abc import AsyncIterator

import pytest

from tests.interop.peers.gateway import Gateway
from tests.interop.peers.sipp import Sipp

ALICE = "alice"


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway that must outlive the test with a clean log and end in time on SIGTERM."""
    async with Gateway("-d", settings={"SIP__REGISTER_TIMEOUT_S": "2"}) as running:
        yield running
        running.check_clean()


@pytest.fixture
async def registrar() -> AsyncIterator[Sipp]:
    """A registrar that takes any client, and expects it to unregister."""
    async with Sipp("uas_register_ok", timeout_s=60) as running:
        yield running
