"""Players on librtmp, which write what comes into an FLV file: rtmpdump and curl."""

import subprocess
from typing import ClassVar

from tests.interop.peers.errors import PeerMissing
from tests.interop.peers.peer import program_path
from tests.interop.peers.rtmp_program import RtmpProgram


class Rtmpdump(RtmpProgram):
    """Plays a live stream; `connect_arguments` are in rtmpdump's notation, such as `S:text` and `N:1`."""

    program: ClassVar[str] = "rtmpdump"

    def __init__(self, url: str, *, connect_arguments: tuple[str, ...] = ()) -> None:
        arguments = [word for argument in connect_arguments for word in ("-C", argument)]
        super().__init__("-q", "-v", "-r", url, *arguments, "-o", "@OUTPUT@")


class Curl(RtmpProgram):
    """Plays a stream, if curl was built with librtmp.

    It waits at the socket for what librtmp has read already, so it ends only when the server closes.
    """

    program: ClassVar[str] = "curl"

    def __init__(self, url: str) -> None:
        super().__init__("-sS", "-o", "@OUTPUT@", url)


def curl_knows_rtmp() -> bool:
    """Whether there is a curl that was built with librtmp."""
    try:
        command = [program_path("curl"), "--version"]
    except PeerMissing:
        return False
    version = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout
    return " rtmp " in version
