"""Which peer programs this machine has."""

from tests.interop.peers.asterisk_installation import AsteriskInstallation
from tests.interop.peers.errors import PeerMissing
from tests.interop.peers.peer import program_path

PROGRAMS = {
    "sipp": "SIP call flows",
    "asterisk": "PBX: registration, echo, tones, DTMF, hold, transfer",
    "kamailio": "SIP registrar and proxy",
    "baresip": "SIP phone with H.264",
    "ffmpeg": "RTMP publisher and player",
    "ffprobe": "what is in a recorded file",
    "rtmpdump": "RTMP player (librtmp)",
    "curl": "RTMP player (librtmp)",
    "nginx": "RTMP server (nginx-rtmp)",
    "tshark": "dissectors for SIP, RTP, RTCP and RTMP",
    "gst-launch-1.0": "RTMP client and RTP (GStreamer)",
    "espeak-ng": "speech to be heard at the other end",
    "sox": "audio files",
    "ip": "network namespaces (root)",
}
"""Programs by name, with what they are for."""


def require(program: str) -> str:
    """The path of a program of `PROGRAMS`, or PeerMissing; for Asterisk, the path inside its chroot."""
    if program == "asterisk":
        return AsteriskInstallation.find().command()[-1]
    return program_path(program)


def is_available(program: str) -> bool:
    """Whether `require` would succeed."""
    try:
        require(program)
    except PeerMissing:
        return False
    return True


def missing_programs() -> list[str]:
    """One line for each program that cannot be used: why, what it is for, and how to get it."""
    lines = []
    for program, purpose in PROGRAMS.items():
        try:
            require(program)
        except PeerMissing as error:
            lines.append(f"{error} ({purpose})")
    return lines
