"""The command `siprtmp`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import uvloop

from rtmp import chunk_reader

from . import __version__
from .app import Gateway
from .applications import check_recordings
from .config import GatewayConfig, Setting
from .control import client as control
from .errors import ConfigurationError, StartupError
from .logs import configure_logging
from .rtmp_front import load_certificate
from .service import ServiceRunner
from .workers.slots import check_slots, is_one_process, most_workers
from .workers.supervisor import Supervisor

EXIT_OK, EXIT_STARTUP, EXIT_CONFIGURATION = 0, 1, 2

_EPILOG = """\
siprtmp status [--json], siprtmp drain and siprtmp reload talk to a gateway that runs: siprtmp status --help.

Phones connect to rtmp://HOST:PORT/sip/USER@DOMAIN with login, password and display name as arguments.
Encoders publish to rtmp://HOST:PORT/live/NAME, and players play from there.
Every setting can also come from the environment, such as SIPRTMP_SIP__PORT=5070, or from a TOML file.
"""

# Destination of each flag in the configuration.
_SETTINGS: dict[str, tuple[str, ...]] = {
    "host": ("rtmp", "host"),
    "port": ("rtmp", "port"),
    "max_connections": ("rtmp", "max_connections"),
    "max_calls": ("max_calls",),
    "rtmps_port": ("rtmp", "tls_port"),
    "certificate": ("rtmp", "certificate"),
    "key": ("rtmp", "key"),
    "root": ("live", "recordings"),
    "int_ip": ("sip", "int_ip"),
    "ext_ip": ("sip", "ext_ip"),
    "sip_port": ("sip", "port"),
    "rtp_ports": ("media", "rtp_ports"),
    "outbound_proxy": ("sip", "outbound_proxy"),
    "workers": ("workers", "count"),
    "max_workers": ("workers", "max"),
    "control": ("control",),
}


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="siprtmp",
        usage=f"%(prog)s [flags]\n       %(prog)s {{{','.join(control.COMMANDS)}}} [flags]",
        description="SIP-RTMP gateway: lets RTMP clients register, call and be called as SIP phones.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("-i", "--host", help="address to listen on for RTMP (default 0.0.0.0)")
    add("-p", "--port", type=int, help="TCP port for RTMP (default 1935)")
    add("--rtmps-port", type=int, metavar="PORT", help="TCP port for RTMPS, RTMP in TLS (default: none)")
    add("--certificate", metavar="FILE", help="PEM file with the certificate for RTMPS")
    add("--key", metavar="FILE", help="PEM file with its key (default: in the file of the certificate)")
    add("-l", "--int-ip", metavar="IP", help="address that SIP and RTP are bound to (default: all)")
    add("-e", "--ext-ip", metavar="IP", help="address written into SIP and SDP, if the gateway is behind NAT")
    add(
        "--sip-port",
        type=int,
        metavar="PORT",
        help="UDP and TCP port of SIP (default 5060); each further worker has the next one",
    )
    add("--rtp-ports", metavar="LOW-HIGH", help="UDP ports of RTP (default 10000-10999)")
    add("--outbound-proxy", metavar="PROXY", help="host[:port] or SIP URI that all requests go to first")
    add("-r", "--root", metavar="DIR", help="directory of the recordings of live streams (default: none)")
    add(
        "--workers",
        metavar="auto|N",
        help="processes for calls; auto: as many as are needed (default); 1: all is one process",
    )
    add(
        "--max-workers",
        type=int,
        metavar="M",
        help="how many there may be (default: by --rtp-ports, up to 32)",
    )
    add("--max-calls", type=int, metavar="N", help="calls at a time (default: as many as the processes hold)")
    add("--max-connections", type=int, metavar="N", help="RTMP connections at a time (default 10000)")
    add("--control", metavar="PATH", help="socket for status, drain and reload; none: no socket (see below)")
    add(
        "--config",
        type=Path,
        metavar="FILE",
        help="TOML file with settings; flags and environment win over it",
    )
    add("--check-config", action="store_true", help="check the configuration, print it, and exit")
    add("-d", "--verbose", action="store_true", help="log each step")
    add("-D", "--verbose-all", action="store_true", help="log everything, whole SIP messages too")
    add("--version", action="version", version=_version())
    return parser


def _version() -> str:
    """Return the version, and whether the core is compiled (docs/compiling.md)."""
    is_compiled = not str(chunk_reader.__file__).endswith(".py")
    return f"siprtmp {__version__}{' (compiled)' if is_compiled else ''}"


def flag_settings(arguments: argparse.Namespace) -> dict[str, Setting]:
    """Return the settings that were given as flags, nested as the configuration is."""
    settings: dict[str, Any] = {}
    for flag, place in _SETTINGS.items():
        value = getattr(arguments, flag)
        if value is not None:
            *sections, name = place
            table = settings
            for section in sections:
                table = table.setdefault(section, {})
            table[name] = value
    return settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in control.COMMANDS:
        return control.main(argv)
    arguments = make_parser().parse_args(argv)
    verbosity = 2 if arguments.verbose_all else 1 if arguments.verbose else 0
    configure_logging(verbosity)

    def load() -> GatewayConfig:
        return GatewayConfig.load(arguments.config, flag_settings(arguments))

    try:
        config = load()
        if arguments.check_config:
            check(config)
            print(config.model_dump_json(indent=2))  # noqa: T201 - the answer to the command
            return EXIT_OK
        uvloop.run(serve(load, verbosity))
    except ConfigurationError as error:
        return _fail(error, EXIT_CONFIGURATION)
    except StartupError as error:
        return _fail(error, EXIT_STARTUP)
    return EXIT_OK


def check(config: GatewayConfig) -> None:
    """Look whether a gateway could start, but for what others hold: its ports.

    Raises `StartupError` and `ConfigurationError`.
    """
    if not is_one_process(config):
        check_slots(config, most_workers(config))
    load_certificate(config.rtmp)
    check_recordings(config.live)


async def serve(load: Callable[[], GatewayConfig], verbosity: int) -> None:
    """Run a gateway until SIGTERM or SIGINT; raises `StartupError` and `ConfigurationError`."""
    config = load()
    service = Gateway(config) if is_one_process(config) else Supervisor(config, verbosity)
    await ServiceRunner(service, config, load).run()


def _fail(error: Exception, status: int) -> int:
    print(f"siprtmp: {error}", file=sys.stderr)  # noqa: T201 - the one line that the user needs
    return status
