"""A gateway for somebody with a SIP account: RTMP phones use the account without knowing its password.

It runs a `Gateway` within this program, which shows how to embed one. Phones connect with an empty password
to rtmp://HOST/sip/USER@DOMAIN; whoever reaches the RTMP port can use the account, so it listens on this
machine only, unless you say otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import logging
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

if __package__ in (None, ""):  # run as a file: python examples/softphone_gateway.py
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import uvloop
from pydantic import SecretStr, ValidationError

from examples.child_process import ChildFailed, ChildProcess, run_command
from examples.connect_error import explain_connect_error
from examples.local_stack import free_sip_port
from examples.place_call import UsageError, read_password
from examples.rtmp_phone import RtmpPhone
from rtmp.errors import RtmpError
from siprtmp_b2bua.app import Gateway
from siprtmp_b2bua.config import AccountConfig, GatewayConfig, Setting
from siprtmp_b2bua.errors import ConfigurationError, StartupError
from siprtmp_b2bua.logs import configure_logging

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2

_GUEST: Final = "anonymous@invalid"


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="softphone_gateway", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--account", metavar="SIP_URI", help="the account's address, such as sip:alice@pbx.example.com")
    add("--password-file", type=Path, metavar="FILE", help="file with the account's password")
    add("--login", default="", help="name that the registrar knows (default: the address's user)")
    add("--display-name", default="", metavar="NAME", help="name that other phones see")
    add("--outbound-proxy", metavar="PROXY", help="host[:port] that all requests go to first")
    add("--host", default="127.0.0.1", help="address to listen on for RTMP (default %(default)s)")
    add("--port", type=int, default=1935, help="TCP port for RTMP; 0: any (default %(default)s)")
    add("--int-ip", metavar="IP", help="address that SIP and RTP are bound to (default: all)")
    add("--ext-ip", metavar="IP", help="address written into SIP, if this machine is behind NAT")
    add("--sip-port", type=int, metavar="PORT", help="UDP and TCP port of SIP (default 5060)")
    add("--rtp-ports", metavar="LOW-HIGH", help="UDP ports of RTP (default 10000-10999)")
    add("--demo", action="store_true", help="no account: only a phone on this machine, which echoes")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if not arguments.demo and not (arguments.account and arguments.password_file):
        parser.error("name --account and --password-file, or use --demo")
    configure_logging(1)
    logging.getLogger("pjsip").setLevel(logging.WARNING)
    try:
        config = make_config(arguments)
    except (ConfigurationError, UsageError) as error:
        return _fail(str(error), EXIT_USAGE)
    try:
        uvloop.run(_run_demo(config) if arguments.demo else _run(config))
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_FAILED)
    except (StartupError, ChildFailed, UsageError) as error:
        return _fail(str(error), EXIT_FAILED)
    return EXIT_OK


def make_config(arguments: argparse.Namespace) -> GatewayConfig:
    """Return the gateway's configuration. Raises ConfigurationError, UsageError."""
    sip: dict[str, Setting] = {
        "int_ip": arguments.int_ip,
        "ext_ip": arguments.ext_ip,
        "port": arguments.sip_port,
        "outbound_proxy": arguments.outbound_proxy,
    }
    if arguments.demo:
        sip = {"int_ip": "127.0.0.1", "port": arguments.sip_port or free_sip_port()}
    given: dict[str, Setting] = {
        "rtmp": {"host": arguments.host, "port": arguments.port},
        "sip": _without_none(sip),
        "media": _without_none({"rtp_ports": arguments.rtp_ports}),
        "share_aor": True,  # several phones may use the account
    }
    config = GatewayConfig.load(flags=given)
    return config if arguments.demo else config.model_copy(update={"accounts": (_account(arguments),)})


async def _run(config: GatewayConfig) -> None:
    account = config.accounts[0]
    async with _running(config) as gateway:
        await _check_registration(_url(gateway, account.aor, local=True), account.aor)
        print(f"{account.aor} can register. Connect RTMP phones, with an empty password, to")
        print(f"  {_url(gateway, account.aor)}")
        print(f"for example: {run_command('place_call')} {_url(gateway, account.aor, local=True)} NUMBER")
        _warn_of_strangers(config.rtmp.host)
        await _until_signal()


async def _run_demo(config: GatewayConfig) -> None:
    async with (
        ChildProcess.run("the echo phone", "examples.echo_phone") as echo_phone,
        _running(config) as gateway,
    ):
        echo_uri = (await echo_phone.line(r'"uri": "([^"]+)"'))[1]
        print("Connect RTMP phones, with an empty password, to")
        print(f"  {_url(gateway, _GUEST)}")
        print(f"and call {echo_uri}, which echoes; for example:")
        print(f"  {run_command('place_call')} {_url(gateway, _GUEST, local=True)} {echo_uri} --duration 5")
        _warn_of_strangers(config.rtmp.host)
        await _until_signal()


@contextlib.asynccontextmanager
async def _running(config: GatewayConfig) -> AsyncIterator[Gateway]:
    """A gateway for as long as the context lasts. Raises StartupError."""
    gateway = Gateway(config)
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


async def _check_registration(url: str, aor: str) -> None:
    """Connect as a phone would: the gateway lets it in only if the registrar does. Raises UsageError."""
    try:
        phone = await RtmpPhone.connect(url)
    except (OSError, RtmpError) as error:
        raise UsageError(f"{aor} cannot register: {explain_connect_error(url, error)}") from None
    await phone.close()


async def _until_signal() -> None:
    print("Ctrl-C ends the gateway", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _account(arguments: argparse.Namespace) -> AccountConfig:
    aor = arguments.account.removeprefix("sip:")
    password = SecretStr(read_password(arguments.password_file))
    try:
        return AccountConfig(
            aor=aor, login=arguments.login, password=password, display_name=arguments.display_name
        )
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise UsageError(f"--account: {problem}") from None


def _without_none(section: dict[str, Setting]) -> dict[str, Setting]:
    return {name: value for name, value in section.items() if value is not None}


def _url(gateway: Gateway, aor: str, *, local: bool = False) -> str:
    host = gateway.config.rtmp.host
    if local and _listens_everywhere(host):
        host = "127.0.0.1"
    elif _listens_everywhere(host):
        host = "THIS-MACHINE"
    return f"rtmp://{f'[{host}]' if ':' in host else host}:{gateway.rtmp_port}/sip/{aor}"


def _listens_everywhere(host: str) -> bool:
    return host in ("", "0.0.0.0", "::")


def _warn_of_strangers(host: str) -> None:
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host or "0.0.0.0").is_loopback:
            return
    if host != "localhost":
        print(f"Everybody who can reach {host} can call at the account's expense.", file=sys.stderr)


def _fail(message: str, status: int) -> int:
    print(f"softphone_gateway: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
