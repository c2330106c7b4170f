"""The lines of a session description (RFC 4566) and its media sections. Pure functions on text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

DIRECTIONS: Final = ("sendrecv", "sendonly", "recvonly", "inactive")


def split(sdp: str) -> tuple[list[str], list[list[str]]]:
    """Split into the session section and one list of lines a media section."""
    session: list[str] = []
    sections: list[list[str]] = []
    for line in sdp.replace("\r\n", "\n").split("\n"):
        if not line:
            continue
        if line.startswith("m="):
            sections.append([line])
        elif sections:
            sections[-1].append(line)
        else:
            session.append(line)
    return session, sections


def join(session: list[str], sections: list[list[str]]) -> str:
    """Undo `split`."""
    return "\r\n".join([*session, *(line for section in sections for line in section)]) + "\r\n"


def attributes(section: list[str], name: str) -> Iterator[tuple[str, str]]:
    """The attributes that begin with a format, as `a=rtpmap:96 …`: the format and the rest."""
    prefix = f"a={name}:"
    for line in section:
        if line.startswith(prefix):
            first, _, rest = line[len(prefix) :].strip().partition(" ")
            if first:
                yield first, rest.strip()


def direction(lines: list[str]) -> str | None:
    """The direction attribute of a section, if it has one."""
    return next((line[2:] for line in lines if line.startswith("a=") and line[2:] in DIRECTIONS), None)


def connection(lines: list[str]) -> str | None:
    """The address of a section's c= line, if it has one."""
    for line in lines:
        if line.startswith("c="):
            fields = line[2:].split()
            return fields[2].partition("/")[0] if len(fields) == 3 else None
    return None


def port(field: str) -> int:
    """The port of an m= line; 0, which rejects the section, if it is none."""
    number = field.partition("/")[0]
    if not number.isdecimal() or len(number) > 5:
        return 0
    return int(number) if int(number) < 1 << 16 else 0
