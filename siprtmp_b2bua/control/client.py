"""The commands `siprtmp status`, `siprtmp drain` and `siprtmp reload`."""

from __future__ import annotations

import argparse
import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from .place import control_path
from .status import GatewayStatus, as_tables

COMMANDS: Final = {
    "status": "tell what a running gateway does: its processes, clients, calls and streams",
    "drain": "let a running gateway take no more calls, and end when the last one has ended",
    "reload": "let a running gateway read its configuration and certificates again",
}
_TIMEOUT_S: Final = 10.0
EXIT_OK, EXIT_FAILED = 0, 1


def main(argv: Sequence[str]) -> int:
    """Run one of the commands; returns its exit status."""
    arguments = make_parser().parse_args(argv)
    path = control_path(arguments.control, arguments.port)
    try:
        answer = ask(path, arguments.command)
    except OSError as error:
        reason = error.strerror or str(error)
        return _fail(f"no gateway answers at {path}: {reason}; name its -p or --control, and be its user")
    except ValueError:
        return _fail(f"what answers at {path} is no gateway")
    if "text" in answer:
        print(answer["text"])  # noqa: T201 - the answer
    if "error" in answer:  # also beside a text: one thing was done, another was not
        return _fail(str(answer["error"]))
    if arguments.command == "status":
        status = GatewayStatus.model_validate(answer)
        print(status.model_dump_json(indent=2) if arguments.json else as_tables(status))  # noqa: T201 - the answer
    return EXIT_OK


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="siprtmp", description="Ask a gateway that runs on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command.add_argument(
            "-p", "--port", type=int, default=1935, help="its RTMP port (default %(default)s)"
        )
        command.add_argument(
            "--control", default="", metavar="PATH", help="its control socket, if it is elsewhere"
        )
        if name == "status":
            command.add_argument("--json", action="store_true", help="as JSON instead of tables")
    return parser


def ask(path: Path, command: str) -> dict[str, Any]:
    """Ask a gateway; raises OSError if none answers, ValueError if the answer is no JSON object."""
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rwb") as stream:
        sock.settimeout(_TIMEOUT_S)
        sock.connect(str(path))
        stream.write(json.dumps({"command": command}).encode() + b"\n")
        stream.flush()
        answer = json.loads(stream.readline())
    if not isinstance(answer, dict):
        raise ValueError("no object")
    return answer


def _fail(message: str) -> int:
    print(f"siprtmp: {message}", file=sys.stderr)  # noqa: T201 - the one line that the user needs
    return EXIT_FAILED
