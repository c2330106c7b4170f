"""The places of a server's connections: who gets one, and when the last has been given back."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from rtmp.admission import Admission, address_group
from rtmp.aio.peername import format_peer, peer_host
from rtmp.errors import TooManyConnections

logger = logging.getLogger("rtmp")


class Place:
    """A connection's place, from its first moment (before TLS) to its last.

    Until the connection of RTMP has taken it, whoever asked for it gives it back; afterwards only that
    connection does.
    """

    __slots__ = ("_places", "group", "is_taken")

    def __init__(self, places: Places, group: str) -> None:
        self._places = places
        self.group = group
        self.is_taken = False

    def take(self) -> bool:
        """Take it for a connection of RTMP; return False if it is too late for one."""
        self.is_taken = self._places.has_open(self)
        return self.is_taken

    def give_back(self) -> None:
        """Give it back; more than once does no harm."""
        self._places.release(self)


class Places:
    """Those of one server. `admission`, which servers may share, says how many there are."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self._is_closed = False
        self._places: set[Place] = set()
        self._all_left = asyncio.Event()

    def enter(self, transport: asyncio.BaseTransport, peername: object = None) -> Place | None:
        """Return a place for a new connection, or None: it is refused, and closed.

        `peername` is its address if the transport has another.
        """
        peername = peername or transport.get_extra_info("peername")
        group = address_group(peer_host(peername))
        now = asyncio.get_running_loop().time()
        try:
            if not self._is_closed:  # the listener may have accepted it before it was closed
                self.admission.admit(group, now)
                place = Place(self, group)
                self._places.add(place)
                return place
        except TooManyConnections as error:
            count = self.admission.refusals_to_log(group, now)
            if count:
                others = f" ({count - 1} others since the last such line)" if count > 1 else ""
                logger.warning("connection from %s refused: %s%s", format_peer(peername), error, others)
        cast("asyncio.Transport", transport).abort()
        return None

    def close(self) -> None:
        """Let nobody in any more."""
        self._is_closed = True

    def has_open(self, place: Place) -> bool:
        """Return whether a place has not been given back, and may be used."""
        return place in self._places and not self._is_closed

    def release(self, place: Place) -> None:
        """Take a place back."""
        if place in self._places:
            self._places.remove(place)
            self.admission.release(place.group)
            if not self._places:
                self._all_left.set()

    async def wait_left(self) -> None:
        """Wait until every place has been given back."""
        while self._places:
            self._all_left.clear()
            await self._all_left.wait()
