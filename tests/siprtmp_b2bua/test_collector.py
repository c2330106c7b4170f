"""What ends as a circle of objects does not stay for long."""

from __future__ import annotations

import subprocess
import sys

_CONNECTIONS_COME_AND_GO = """
from collections import deque
from siprtmp_b2bua.collector import freeze_what_is_there

class Connection:
    there_are = most = 0

    def __init__(self):
        self.itself = self
        Connection.there_are += 1
        Connection.most = max(Connection.most, Connection.there_are)

    def __del__(self):
        Connection.there_are -= 1

freeze_what_is_there()
open_ = deque(maxlen=4000)
for _ in range(200_000):
    open_.append(Connection())
print(Connection.most)
"""


def test_circles_of_objects_do_not_pile_up() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CONNECTIONS_COME_AND_GO], capture_output=True, text=True, check=True
    )
    assert 4000 <= int(done.stdout) < 25_000
