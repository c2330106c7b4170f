"""When a registration that failed is sent again."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from siprtmp_b2bua import registration as module
from siprtmp_b2bua.credentials import Credentials
from siprtmp_b2bua.pj_events import RegistrationState
from siprtmp_b2bua.registration import Registration
from siprtmp_b2bua.sip_address import AddressOfRecord

REFUSED, REGISTERED = RegistrationState(503, "Busy", 0), RegistrationState(200, "OK", 300)
FIRST_S, LAST_S = 0.02, 0.08


class Account:
    """A registrar that answers when the test says so."""

    def __init__(self) -> None:
        self._renewals: asyncio.Queue[float] = asyncio.Queue()

    async def renew(self) -> None:
        self._renewals.put_nowait(asyncio.get_running_loop().time())

    async def close(self, timeout_s: float) -> None:
        """Nothing to take back."""

    async def renewed(self) -> float:
        """Wait for the next REGISTER, and return when it came; two are never under way."""
        async with asyncio.timeout(5):
            time_s = await self._renewals.get()
        assert self._renewals.empty()
        return time_s

    async def stays_quiet(self) -> bool:
        """Whether none comes for longer than any wait."""
        await asyncio.sleep(2 * LAST_S)
        return self._renewals.empty()


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def registration(account: Account, monkeypatch: pytest.MonkeyPatch) -> Registration:
    """Of an account of the configuration."""
    monkeypatch.setattr(module, "_FIRST_RETRY_S", FIRST_S)
    monkeypatch.setattr(module, "_LAST_RETRY_S", LAST_S)
    endpoint, config = SimpleNamespace(context=None), SimpleNamespace(shutdown_timeout_s=1.0)
    services: Any = SimpleNamespace(endpoint=endpoint, config=config)
    credentials = Credentials(AddressOfRecord.parse("alice@pbx"), "alice", "", "")
    made = Registration(services, credentials, "account alice@pbx", standing=True)
    monkeypatch.setattr(made, "_account", account)
    return made


async def test_each_retry_waits_twice_as_long_however_many_answers_came(
    registration: Registration, account: Account
) -> None:
    for least_s in (FIRST_S, 2 * FIRST_S, LAST_S, LAST_S):
        for _ in range(3):
            registration.on_registration(REFUSED)
        failed_s = asyncio.get_running_loop().time()
        assert await account.renewed() - failed_s > least_s * 0.9


async def test_answers_without_a_retry_do_not_make_the_wait_longer(
    registration: Registration, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        registration.on_registration(REFUSED)
    waits = [record.getMessage().rpartition(" in ")[2] for record in caplog.records]
    assert waits == [f"{FIRST_S:g} s"] * 5


async def test_a_register_that_gets_no_answer_is_sent_again(
    registration: Registration, account: Account
) -> None:
    registration.on_registration(REFUSED)
    before_s = await account.renewed()
    for least_s in (2 * FIRST_S, LAST_S):
        now_s = await account.renewed()
        assert now_s - before_s > least_s * 0.7
        before_s = now_s
    await registration.close()


async def test_a_success_ends_it_and_the_next_failure_is_the_first_again(
    registration: Registration, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    registration.on_registration(REFUSED)
    await account.renewed()
    registration.on_registration(REFUSED)
    registration.on_registration(REGISTERED)
    assert await account.stays_quiet()
    registration.on_registration(REFUSED)
    assert caplog.records[-1].getMessage().endswith(f"trying again in {FIRST_S:g} s")
    await account.renewed()
    await registration.close()


async def test_closing_ends_it(registration: Registration, account: Account) -> None:
    registration.on_registration(REFUSED)
    await registration.close()
    registration.on_registration(REFUSED)  # the answer to what was under way
    assert await account.stays_quiet()
