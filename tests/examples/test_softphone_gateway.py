import signal

import pytest

from examples.child_process import ChildProcess
from examples.local_stack import free_sip_port

pytestmark = pytest.mark.asyncio(loop_scope="module")


def run_gateway(*arguments: str):
    return ChildProcess.run("softphone_gateway", "examples.softphone_gateway", "--port", "0", *arguments)


def account_arguments(registrar, password_file) -> list[str]:
    account = ["--account", f"sip:alice@127.0.0.1:{registrar.port}", "--password-file", str(password_file)]
    return [*account, "--int-ip", "127.0.0.1", "--sip-port", str(free_sip_port())]


async def test_phones_register_without_the_password(registrar, password_file):
    async with run_gateway(*account_arguments(registrar, password_file)) as gateway:
        url = (await gateway.line(r"^  (rtmp://\S+)"))[1]
        assert url.endswith(f"/sip/alice@127.0.0.1:{registrar.port}")
        async with ChildProcess.run("place_call", "examples.place_call", url, "--answer") as phone:
            await phone.line("waiting for a call")
            assert registrar.contact_uri.startswith("sip:alice@127.0.0.1:")
        gateway.send_signal(signal.SIGTERM)
        assert await gateway.wait() == 0
    assert not any("correct horse" in line for line in gateway.lines)


async def test_a_wrong_password_is_said_at_once(registrar, tmp_path):
    (tmp_path / "password").write_text("battery staple")
    async with run_gateway(*account_arguments(registrar, tmp_path / "password")) as gateway:
        assert await gateway.wait() == 1
    assert "cannot register" in gateway.lines[-1]
    assert "403 Forbidden (check login and password)" in gateway.lines[-1]
    assert not any("battery staple" in line for line in gateway.lines)


async def test_demo_needs_no_account():
    async with run_gateway("--demo") as gateway:
        command = await gateway.line(r"place_call.py (\S+) (\S+)")
        arguments = [command[1], command[2], "--duration", "0.5"]
        async with ChildProcess.run("place_call", "examples.place_call", *arguments) as call:
            assert await call.wait() == 0, list(call.lines)


async def test_usage_errors(tmp_path):
    (tmp_path / "empty").write_text("")
    (tmp_path / "password").write_text("x")
    for arguments, reason in (
        ((), "name --account and --password-file, or use --demo"),
        (("--account", "sip:a@b", "--password-file", str(tmp_path / "empty")), "is empty"),
        (("--account", "alice", "--password-file", str(tmp_path / "password")), "'alice' is not an address"),
        (("--demo", "--rtp-ports", "9"), "rtp_ports"),
    ):
        async with run_gateway(*arguments) as gateway:
            assert await gateway.wait() == 2
        assert any(reason in line for line in gateway.lines), list(gateway.lines)
