"""How fast the chunk reader and writer are, beside the least that does the same in plain Python.

    python -m benchmarks.rtmp_parse [--compare pyrtmp]

Live streams of H.264 with AAC at 1 Mb/s, and of Speex, are read in blocks of 64 KiB, as after a stall, and
message by message, as they arrive. Messages and megabytes (10^6) a second on one core, best of several
rounds; library and plain code take turns, so that what else the machine does hits both. So does another
library with `--compare`, in fewer rounds, as it takes long.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.bare_parse import BareParser, bare_write
from benchmarks.markdown_table import markdown
from benchmarks.pyrtmp_read import HOW_TO_INSTALL, pyrtmp_reader
from benchmarks.rtmp_stream import Kind, StreamMessage, make_cycle
from rtmp.chunk_reader import ChunkReader
from rtmp.chunk_writer import ChunkWriter
from rtmp.messages import Message

CASES: Sequence[tuple[Kind, int]] = (("av", 128), ("av", 4096), ("av", 65536), ("speex", 4096))
READ_SIZE = 65536
_OTHER_ROUNDS = 3
Reader = Callable[[Sequence[bytes], int], int]
"""Returns the number of messages in blocks of bytes, in chunks of a size."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The least times, in s, that library, plain code and maybe another library took for the same."""

    name: str
    messages: int
    size: int
    ours_s: float
    bare_s: float
    other_s: float | None = None

    def line(self) -> list[str]:
        """Of the report."""
        speeds = [
            text
            for seconds in (self.ours_s, self.bare_s)
            for text in (f"{self.messages / seconds:.0f}", f"{self.size / seconds / 1e6:.0f}")
        ]
        return [self.name, *speeds, f"{self.bare_s / self.ours_s:.2f}"]

    def other(self) -> list[str]:
        """What a longer line of the report says of the other library."""
        if self.other_s is None:
            return ["", ""]
        return [f"{self.size / self.other_s / 1e6:.1f}", f"{self.other_s / self.ours_s:.0f}"]


def write_ours(messages: Sequence[StreamMessage], chunk_size: int) -> list[bytes]:
    """Each message in chunks."""
    writer = ChunkWriter()
    writer.chunk_size = chunk_size
    write = writer.write
    return [b"".join(write(m.chunk_stream_id, m.type_id, 1, m.timestamp_ms, m.payload)) for m in messages]


def write_bare(messages: Sequence[StreamMessage], chunk_size: int) -> list[bytes]:
    """The same by the plain code."""
    return [
        bare_write(m.chunk_stream_id, m.type_id, 1, m.timestamp_ms, m.payload, chunk_size) for m in messages
    ]


def read_ours(blocks: Sequence[bytes], chunk_size: int) -> int:
    """The number of messages."""
    reader = ChunkReader()
    reader.chunk_size = chunk_size
    count = 0
    for block in blocks:
        found: list[Message] = []
        reader.receive_data(block, found)
        count += len(found)
    return count


def read_bare(blocks: Sequence[bytes], chunk_size: int) -> int:
    """The same by the plain code."""
    parser = BareParser(chunk_size)
    return sum(len(parser.feed(block)) for block in blocks)


def compare(
    kind: Kind, chunk_size: int, rounds: int, read_other: Reader | None = None
) -> Iterator[Comparison]:
    """Read in two ways, and write; another library only reads."""
    messages = make_cycle(kind)
    pieces = write_ours(messages, chunk_size)
    data = b"".join(pieces)
    blocks = [data[at : at + READ_SIZE] for at in range(0, len(data), READ_SIZE)]
    name = f"{kind}, chunks of {chunk_size}"
    for what, ours, bare in (
        ("read 64 KiB", partial(read_ours, blocks, chunk_size), partial(read_bare, blocks, chunk_size)),
        ("read each", partial(read_ours, pieces, chunk_size), partial(read_bare, pieces, chunk_size)),
        ("write", partial(write_ours, messages, chunk_size), partial(write_bare, messages, chunk_size)),
    ):
        # they take turns
        times = [(_time(ours), _time(bare)) for _ in range(rounds)]
        ours_s, bare_s = min(first for first, _ in times), min(second for _, second in times)
        other_s = None
        if read_other is not None and what != "write":
            other = partial(read_other, blocks if what == "read 64 KiB" else pieces, chunk_size)
            if other() != len(messages):
                raise RuntimeError(f"the other library does not find {len(messages)} messages in {name}")
            other_s = min(_time(other) for _ in range(min(rounds, _OTHER_ROUNDS)))
        yield Comparison(f"{name}, {what}", len(messages), len(data), ours_s, bare_s, other_s)


def _time(run: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    run()
    return time.perf_counter() - start_s


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the usual chunk sizes; returns the exit status."""
    parser = argparse.ArgumentParser(description="How fast RTMP chunks are read and written.")
    parser.add_argument("--rounds", type=int, default=15, help="of which the best counts (default 15)")
    parser.add_argument("--compare", choices=["pyrtmp"], help="another library to compare with, if installed")
    options = parser.parse_args(argv)
    read_other: Reader | None = None
    if options.compare:
        try:
            read_other = pyrtmp_reader()
        except ImportError:
            parser.error(HOW_TO_INSTALL)
    rows = [row for kind, size in CASES for row in compare(kind, size, options.rounds, read_other)]
    heading = ["", "messages/s", "MB/s", "plain messages/s", "plain MB/s", "times as fast"]
    lines = [row.line() for row in rows]
    if read_other is not None:
        heading += ["pyrtmp MB/s", "times as fast"]
        lines = [row.line() + row.other() for row in rows]
    print(markdown(heading, lines, texts=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
