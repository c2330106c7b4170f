"""The indexes of files, for all who play: made by one thread, one for each file, and kept for the next."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from typing import Final

from rtmp.aio.recording.flv_scan import index_of
from rtmp.errors import FlvError
from rtmp.limits import MIB
from rtmp.recording.flv_index import FlvIndex

_Key = tuple[int, int, int, int]
"""Device, inode, time of the last change (ns) and size: what a file is now."""

_ERROR_SIZE: Final = 1024


class _Scan:
    def __init__(self, file: FileIO) -> None:
        self.file = file
        self.stop = threading.Event()
        self.waiters = 0
        self.future: Future[FlvIndex]


class FlvIndexes:
    """Looks files up, at most `max_bytes` of indexes in memory: those that were asked for last.

    All who ask for a file at the same time wait for one look at it, which ends when none of them does.
    """

    def __init__(self, max_bytes: int = 32 * MIB) -> None:
        self.size = 0
        self._max_bytes = max_bytes
        self._kept: OrderedDict[_Key, FlvIndex | FlvError] = OrderedDict()
        self._scans: dict[_Key, _Scan] = {}
        self._thread: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()  # of what the thread and the loops, perhaps several, have in common

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, file: FileIO) -> FlvIndex:
        """Return the index of an open file, which is closed here. Raise OSError, FlvError if it is broken."""
        status = os.fstat(file.fileno())
        key = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
        with self._lock:
            known = self._kept.get(key)
            if known is None:
                scan = self._join(key, file)
            else:
                self._kept.move_to_end(key)
        if known is not None:
            file.close()
            return _or_raise(known)
        found = asyncio.wrap_future(scan.future)
        found.add_done_callback(_note_seen)  # whoever wanted it may have gone
        try:
            return await asyncio.shield(found)
        finally:
            self._leave(key, scan)

    def _join(self, key: _Key, file: FileIO) -> _Scan:
        scan = self._scans.get(key)
        if scan is None:
            scan = self._scans[key] = _Scan(file)
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, "flv-index")
            scan.future = self._thread.submit(self._work, key, scan)
        else:
            file.close()
        scan.waiters += 1
        return scan

    def _leave(self, key: _Key, scan: _Scan) -> None:
        with self._lock:
            scan.waiters -= 1
            if scan.waiters:
                return
            if self._scans.get(key) is scan:  # nobody may join it any more
                del self._scans[key]
        scan.stop.set()
        if scan.future.cancel():
            scan.file.close()

    # In the thread

    def _work(self, key: _Key, scan: _Scan) -> FlvIndex:
        result: FlvIndex | FlvError
        with scan.file:
            try:
                result = index_of(scan.file, scan.stop)
            except FlvError as error:
                result = error
        with self._lock:
            self._keep(key, result)
        return _or_raise(result)

    def _keep(self, key: _Key, result: FlvIndex | FlvError) -> None:
        before = self._kept.pop(key, None)
        self._kept[key] = result
        self.size += _size(result) - (0 if before is None else _size(before))
        while self.size > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self.size -= _size(oldest)


def _note_seen(found: asyncio.Future[FlvIndex]) -> None:
    if not found.cancelled():
        found.exception()


def _size(result: FlvIndex | FlvError) -> int:
    return result.memory_size if isinstance(result, FlvIndex) else _ERROR_SIZE


def _or_raise(result: FlvIndex | FlvError) -> FlvIndex:
    if isinstance(result, FlvError):
        raise FlvError(str(result))
    return result


SHARED: Final = FlvIndexes()
"""Those of the process: files are the same for all its applications, and so is its time."""
