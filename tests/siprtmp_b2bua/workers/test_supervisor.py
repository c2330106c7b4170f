"""A gateway of several processes: who gets which client, and what happens when one of them dies."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from rtmp.aio import RtmpClient
from rtmp.errors import ConnectRejected
from siprtmp_b2bua.config import GatewayConfig, SipConfig
from siprtmp_b2bua.errors import ConfigurationError, StartupError
from siprtmp_b2bua.workers.supervisor import Supervisor
from tests.interop.peers.ports import HOST, free_port
from tests.rtmp.certificates import make_certificate, needs_openssl, trusting
from tests.siprtmp_b2bua.workers.running_workers import RunningWorkers, workers


async def numbers(gang: RunningWorkers, count: int) -> list[int]:
    """The workers that so many clients went to."""
    return [int(match[1]) for match in await gang.until(r"connection \d+ goes to worker (\d+)", count)]


async def test_workers_start_before_the_lines_run_out_and_then_clients_are_refused() -> None:
    async with workers(most=2) as gang:
        clients = [await gang.connect() for _ in range(8)]
        assert sorted(await numbers(gang, 8)) == [1] * 4 + [2] * 4
        with pytest.raises(ConnectRejected, match="503 Service Unavailable: busy: all lines"):
            await gang.connect()
        clients[0].close()
        await clients[0].closed
        async with asyncio.timeout(10):
            while (client := await try_to_connect(gang)) is None:
                pass
        assert not client.is_closed


class SilentRegistrar(asyncio.DatagramProtocol):
    """Hears who wants to register, and says nothing."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.put_nowait(data)

    async def wait_for(self, user: str) -> None:
        """Wait for the REGISTER of a user."""
        async with asyncio.timeout(20):
            while f"<sip:{user}@".encode() not in await self.heard.get():
                pass


async def test_clients_that_leave_while_they_register_have_their_lines_until_then() -> None:
    registrar = SilentRegistrar()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: registrar, local_addr=(HOST, 0)
    )
    port = transport.get_extra_info("sockname")[1]
    async with workers(most=2, SIPRTMP_SIP__REGISTER_TIMEOUT_S="60") as gang:
        url = f"rtmp://{HOST}:{gang.running.port}/sip"
        for number in range(8):
            connecting = asyncio.create_task(
                RtmpClient.connect(f"{url}/user{number}@{HOST}:{port}", "", "secret")
            )
            await registrar.wait_for(f"user{number}")
            connecting.cancel()
        assert sorted(await numbers(gang, 8)) == [1] * 4 + [2] * 4
    transport.close()


async def test_an_overloaded_worker_takes_nobody() -> None:
    async with workers(most=1, SIPRTMP_WORKERS__MAX_LAG_MS="50") as gang:
        worker = (await gang.call_workers(1))[1]
        refusal = ""
        async with asyncio.timeout(20):
            while not refusal:
                await stall(worker)
                try:
                    client = await gang.connect()
                except ConnectRejected as error:
                    refusal = str(error)
                else:
                    client.close()
                    await client.closed
        assert "503 Service Unavailable: busy: this gateway is overloaded" in refusal


async def try_to_connect(gang: RunningWorkers) -> RtmpClient | None:
    """Connect; None if the gateway is busy."""
    try:
        return await gang.connect()
    except ConnectRejected as error:
        assert "busy" in str(error)
        return None


async def stall(pid: int) -> None:
    """Have a process stand still again and again, as on a machine that is too busy."""
    for _ in range(3):
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(0.2)
        os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(0.1)


async def test_a_killed_worker_takes_its_own_clients_alone_and_is_replaced() -> None:
    async with workers(most=3) as gang:
        clients = [await gang.connect() for _ in range(5)]
        went_to = await numbers(gang, 5)
        pids = await gang.call_workers(2)
        os.kill(pids[1], signal.SIGKILL)
        hit = [client for client, number in zip(clients, went_to, strict=True) if number == 1]
        others = [client for client in clients if client not in hit]
        async with asyncio.timeout(10):
            await asyncio.gather(*(client.closed for client in hit))
        (match,) = await gang.until(r"worker 1 .* has died: killed by SIGKILL; with it (\d+) connections")
        assert int(match[1]) == len(hit)
        await gang.until(r"crew: worker 1 \(pid \d+\) has started", 2, timeout_s=20)
        assert not any(client.is_closed for client in others)
        for client in others:
            await client.create_stream()
        await gang.connect()


def oom_score(pid: int) -> int:
    """What an operator, or the process, has added to how willingly the kernel ends it."""
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


async def test_the_kernel_ends_a_worker_for_want_of_memory_and_not_the_supervisor() -> None:
    async with workers(most=1) as gang:
        worker = (await gang.call_workers(1))[1]
        assert oom_score(worker) == min(oom_score(gang.running.process.pid) + 200, 1000)


async def test_a_worker_that_hangs_is_killed_and_replaced() -> None:
    async with workers(most=2) as gang:
        pids = await gang.call_workers(1)
        client = await gang.connect()
        os.kill(pids[1], signal.SIGSTOP)
        async with asyncio.timeout(20):
            await client.closed
        await gang.until(r"worker 1 .* has died: nothing was heard of it for \d+\.\d s, so it was killed")
        await gang.connect()


async def test_clients_of_one_address_go_to_one_worker() -> None:
    async with workers(most=2, SIPRTMP_SIP__REGISTER_TIMEOUT_S="1") as gang:
        await gang.connect()
        url = f"rtmp://{HOST}:{gang.running.port}/sip/alice@{HOST}:9"  # where no registrar answers
        async with asyncio.timeout(15):
            await asyncio.gather(
                *(RtmpClient.connect(url, "alice", "secret") for _ in range(3)), return_exceptions=True
            )
        assert len(set((await numbers(gang, 4))[1:])) == 1


async def test_live_streams_are_in_one_process_of_their_own() -> None:
    async with workers() as gang:
        publisher = await gang.connect("live")
        player = await gang.connect("live")
        played = await player.create_stream()
        await played.play("cam")
        await (await publisher.create_stream()).publish("cam")
        await gang.until(r"goes to live worker 1", 2)


async def test_new_settings_are_for_new_clients_and_calls_go_on(tmp_path: Path) -> None:
    file = tmp_path / "siprtmp.toml"
    file.write_text("share_aor = false\n")
    async with workers("--config", str(file)) as gang:
        before = await gang.connect()
        file.write_text("share_aor = 7\n")
        gang.running.process.send_signal(signal.SIGHUP)
        await gang.until(r"ERROR .* bad configuration .* share_aor: .*; what was in force stays so")
        file.write_text("share_aor = true\n[workers]\nidle_timeout_s = 9.0\n[live]\nenabled = false\n")
        gang.running.process.send_signal(signal.SIGHUP)
        await gang.until(r"live\.enabled changes with a restart only; it stays True")
        after = await gang.connect()
        assert (await numbers(gang, 2))[1] != 1
        await before.create_stream()
        before.close()
        await before.closed
        await gang.until(r"worker 1 \(pid \d+\) has ended")
        await after.create_stream()


async def reload(file: Path, control: Path, text: str) -> tuple[int | None, str]:
    """Write another configuration and run `siprtmp reload`; return its exit status and output."""
    await asyncio.to_thread(file.write_text, text)
    command = (sys.executable, "-m", "siprtmp_b2bua", "reload", "--control", str(control))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_reload_says_what_became_of_it(tmp_path: Path) -> None:
    file, control = tmp_path / "siprtmp.toml", tmp_path / "control"
    file.write_text("share_aor = false\n")
    async with workers("--config", str(file), "--control", str(control)):
        status, said = await reload(file, control, "share_aor = false\n")
        assert (status, said) == (0, "read again; the settings in force have not changed\n")
        status, said = await reload(file, control, "share_aor = true\n[live]\nenabled = false\n")
        assert status == 0
        assert said.startswith(
            "live.enabled changes with a restart only; it stays True\nnew settings are in force"
        )
        status, said = await reload(file, control, f'[live]\nrecordings = "{file}"\n')
        assert status == 1
        assert "is not a directory" in said


async def test_more_calls_than_there_are_ports_for_are_no_settings_to_reload(tmp_path: Path) -> None:
    file, control = tmp_path / "siprtmp.toml", tmp_path / "control"
    file.write_text("[sip]\nmax_calls = 1\n")
    async with workers("--config", str(file), "--control", str(control), "--rtp-ports", "11000-11059"):
        status, said = await reload(file, control, "[sip]\nmax_calls = 4\n")
        assert (status, "20 ports for each of 3 workers, which need 40" in said) == (1, True)
        status, said = await reload(file, control, "share_aor = true\n[sip]\nmax_calls = 1\n")
        assert status == 0


async def test_more_accounts_than_workers_can_register_are_neither_started_nor_reloaded(
    tmp_path: Path,
) -> None:
    file, control = tmp_path / "siprtmp.toml", tmp_path / "control"
    file.write_text("[sip]\nmax_calls = 1\n")
    accounts = "".join(
        f'[[accounts]]\naor = "user{number}@{HOST}:9"\npassword = "secret"\n' for number in range(2)
    )
    async with workers("--config", str(file), "--control", str(control), most=1):
        status, said = await reload(file, control, f"[sip]\nmax_calls = 1\n{accounts}")
        assert (status, "2 accounts are to be kept registered" in said) == (1, True)
    supervisor = Supervisor(GatewayConfig.load(file, {"workers": {"max": 1}}))
    with pytest.raises(ConfigurationError, match="2 accounts are to be kept registered"):
        await supervisor.start()


async def test_an_address_of_another_machine_is_none_to_reload() -> None:
    config = GatewayConfig(sip=SipConfig(int_ip=HOST))
    supervisor = Supervisor(config)
    with pytest.raises(
        StartupError, match=r"cannot listen for SIP on 192\.0\.2\.1: .*; choose another --int-ip"
    ):
        supervisor.reload(GatewayConfig(sip=SipConfig(int_ip="192.0.2.1")))
    assert supervisor.config == config


@needs_openssl
async def test_rtmps_clients_are_given_to_workers_too(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    port = str(free_port())
    flags = ("--rtmps-port", port, "--certificate", str(certificate), "--key", str(key))
    async with workers(*flags) as gang:
        url = f"rtmps://{HOST}:{port}/sip/anonymous@invalid"
        client = await RtmpClient.connect(url, ssl=trusting(certificate))
        await gang.until("goes to worker 1")
        pids = await gang.call_workers(1)
        os.kill(pids[1], signal.SIGKILL)
        async with asyncio.timeout(10):
            await client.closed


async def test_nothing_is_left_when_the_supervisor_is_killed() -> None:
    async with workers() as gang:
        await gang.call_workers(1)
        client = await gang.connect()
        gang.running.process.kill()
        async with asyncio.timeout(10):
            await client.closed
        await gang.running.process.wait()
