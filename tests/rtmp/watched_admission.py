"""An admission that tells when a connection has come, before anything else happens with it."""

from __future__ import annotations

import asyncio

from rtmp.admission import Admission


class WatchedAdmission(Admission):
    """Sets `came`."""

    def __init__(self) -> None:
        super().__init__()
        self.came = asyncio.Event()

    def admit(self, group: str, now_s: float) -> None:
        super().admit(group, now_s)
        self.came.set()
