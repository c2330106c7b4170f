"""How fast the chunk reader and writer are on a 1 Mb/s stream of H.264 and AAC.

    python -m benchmarks.rtmp_parse

Prints megabytes a second (10^6) on one core, best of seven.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from rtmp.chunk_reader import ChunkReader
from rtmp.chunk_writer import ChunkWriter
from rtmp.messages import Message

SECONDS = 20
READ_SIZE = 65536


def make_messages() -> list[tuple[int, int, int, bytes]]:
    """Return (timestamp, chunk stream, type, payload): 25 pictures and 47 AAC frames a second."""
    generator = random.Random(1)
    messages = []
    for n in range(SECONDS * 25):
        size = generator.randrange(15_000, 25_000) if n % 50 == 0 else generator.randrange(2000, 6000)
        messages.append((n * 40, 5, 9, bytes(size)))
    messages += [(n * 1000 // 47, 4, 8, bytes(generator.randrange(200, 400))) for n in range(SECONDS * 47)]
    return sorted(messages, key=lambda message: message[0])


def best_of(rounds: int, run: Callable[[], object]) -> float:
    """Return the least time in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Measure the usual chunk sizes."""
    messages = make_messages()
    for chunk_size in (128, 4096, 65536):

        def write(size: int = chunk_size) -> bytes:
            writer = ChunkWriter()
            writer.chunk_size = size
            pieces = []
            for timestamp, chunk_stream, type_id, payload in messages:
                pieces += writer.write(chunk_stream, type_id, 1, timestamp, payload)
            return b"".join(pieces)

        data = write()
        blocks = [data[at : at + READ_SIZE] for at in range(0, len(data), READ_SIZE)]

        def read(size: int = chunk_size, parts: list[bytes] = blocks) -> None:
            reader = ChunkReader()
            reader.chunk_size = size
            count = 0
            for block in parts:
                found: list[Message] = []
                reader.receive_data(block, found)
                count += len(found)
            assert count == len(messages)

        megabytes = len(data) / 1e6
        read_speed, write_speed = (megabytes / best_of(7, run) for run in (read, write))
        print(f"chunk size {chunk_size:6}: read {read_speed:6.0f} MB/s, write {write_speed:6.0f} MB/s")


if __name__ == "__main__":
    main()
