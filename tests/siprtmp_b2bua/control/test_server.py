"""The control socket: what is asked, what is answered, who else is there."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siprtmp_b2bua.control import client
from siprtmp_b2bua.control.server import Answer, ControlServer
from siprtmp_b2bua.control.status import GatewayStatus
from siprtmp_b2bua.errors import StartupError

STATUS = GatewayStatus(version="1.2.3", pid=77, rtmp_port=1935)


async def tell_status() -> Answer:
    return STATUS.model_dump(mode="json")


async def fail() -> Answer:
    raise ZeroDivisionError("no luck")


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "control.sock"
    server = ControlServer(path, {"status": tell_status, "drain": fail})
    await server.start()
    yield path
    await server.stop()
    assert not path.exists()


async def ask(path: Path, line: bytes) -> dict[str, object]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    writer.write_eof()
    answer: dict[str, object] = json.loads(await reader.read())
    writer.close()
    return answer


async def test_a_command_is_answered(path: Path) -> None:
    assert GatewayStatus.model_validate(await ask(path, b'{"command": "status"}\n')) == STATUS
    assert (await asyncio.to_thread(path.stat)).st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "line", [b"\n", b"{}\n", b"[]\n", b"7\n", b'{"command": "x"}\n', b'{"command": []}\n', b""]
)
async def test_what_is_no_command_is_told(path: Path, line: bytes) -> None:
    assert await ask(path, line) == {"error": "the commands are drain, status"}


async def test_a_command_that_fails_is_told_and_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL + 1):
        assert await ask(path, b'{"command": "drain"}\n') == {"error": "drain failed: no luck"}


async def test_one_that_says_too_much_is_closed(path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"x" * 100_000)
    async with asyncio.timeout(5):
        with pytest.raises((AssertionError, ConnectionError)):
            assert await reader.read()
    writer.close()


async def test_a_second_gateway_does_not_take_the_socket_and_a_dead_one_leaves_it(path: Path) -> None:
    with pytest.raises(StartupError, match="another gateway"):
        await ControlServer(path, {}).start()
    dead = path.with_name("dead.sock")
    (await asyncio.start_unix_server(lambda _r, _w: None, dead)).close()
    assert dead.exists()
    successor = ControlServer(dead, {"status": tell_status})
    await successor.start()
    assert await ask(dead, b'{"command": "status"}\n')
    await successor.stop()


async def test_the_command_line_asks(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def run(*arguments: str) -> tuple[int, str, str]:
        status = await asyncio.to_thread(client.main, [*arguments, "--control", str(path)])
        return (status, *capsys.readouterr())

    assert await run("status") == (0, "siprtmp 1.2.3, pid 77, RTMP on port 1935\n\n" + HEADER, "")
    status, out, _ = await run("status", "--json")
    assert (status, GatewayStatus.model_validate_json(out)) == (0, STATUS)
    assert await run("reload") == (1, "", "siprtmp: the commands are drain, status\n")


HEADER = "worker  pid  state  clients  lines  calls  streams  SIP port\n"


def test_nobody_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert client.main(["drain", "--control", str(tmp_path / "none")]) == 1
    assert "no gateway answers at" in capsys.readouterr().err
