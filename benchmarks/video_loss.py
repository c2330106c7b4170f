"""What loss costs the video of a call, and how soon the picture is back after a key picture was asked for.

    python benchmarks/video_loss.py --seconds 20

Two ends of a call's video (`CallVideo`: all of the gateway's but SIP and RTMP) are connected by UDP sockets
that lose, delay (20 ms each way) and reorder RTP and RTCP, the same datagrams each time. The camera makes a
key picture every 4 s, and when it is asked for one. What arrives is compared with what was sent, NAL unit by
NAL unit. `median` and `longest` are from the first PLI after a loss to the next picture at the player,
`answered` is the longest from the last one: the others got lost, or the key pictures that they brought. Needs
PyAV with x264.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.lossy_network import (
    HOST,
    Fate,
    Wire,
    bursts,
    in_order,
    open_wire,
    random_loss,
    reordering,
)
from benchmarks.markdown_table import markdown
from benchmarks.video import Workload, encode
from benchmarks.video_ends import FRAME_S, Camera, Client, Picture, agreement, call_video
from media_bridge.rtp.rtcp import parse_compound
from media_bridge.rtp.rtcp_feedback import PictureLoss
from siprtmp_b2bua.video_sdp import FEEDBACK, H264

WITH_NACK, PLI_ALONE = frozenset(FEEDBACK), frozenset({"nack pli"})
_DELAY_S = 0.02
GROUP_S = 4
WORKLOADS = (Workload(320, 240, 300_000), Workload(640, 360, 1_000_000))
_STRAGGLERS_S = 0.5
"""What is asked for again comes within that."""


@dataclass(frozen=True, slots=True)
class Network:
    """What happens to RTP, and to RTCP both ways; the peers know NACK or PLI alone."""

    name: str
    feedback: frozenset[str]
    make: Callable[[int], Fate]
    """Makes a fate from a seed."""


@dataclass(frozen=True, slots=True)
class LossFigures:
    """Of one network. Times are in s; `recoveries_s` begin at the first request after a loss, `answered_s` at
    the one that was answered, which is another where a request or the key picture got lost."""

    network: str
    nack: bool
    lost_share: float
    arrived_share: float
    requests: int
    longest_pause_s: float
    recoveries_s: list[float]
    answered_s: list[float]


async def measure(network: Network, camera: Camera, count: int) -> LossFigures:
    """Send so many pictures one way. Raises AssertionError if one arrives that is not as it was sent."""
    rtp = await open_wire(network.make(1), network.make(2))
    rtcp = await open_wire(network.make(3), network.make(4))
    client, viewer, asked = Client(), Client(), list[None]()
    requests_s = note_requests(rtcp, of_sender=False)
    with ExitStack() as stack:
        sender, receiver = (stack.enter_context(call_video(each, asked)) for each in (client, viewer))
        for wire, offset in ((rtp, 0), (rtcp, 1)):
            stack.callback(wire.close)
            wire.sender = (HOST, sender.line((H264,)).port + offset)
            wire.receiver = (HOST, receiver.line((H264,)).port + offset)
        for each_end in (sender, receiver):
            each_end.agree(agreement(rtp.port, rtcp.port, network.feedback))
        sent = await camera.send(sender.push_tag, client, count)
        await asyncio.sleep(_STRAGGLERS_S)
    check(sent, viewer)
    times_s = [at_s for at_s, _ in viewer.pictures]
    first, last = recoveries(requests_s, times_s)
    return LossFigures(
        network.name,
        "nack" in network.feedback,
        rtp.lost / rtp.carried,
        len(times_s) / len(sent),
        len(requests_s),
        max(after - before for before, after in pairwise(times_s)),
        first,
        last,
    )


def note_requests(rtcp: Wire, *, of_sender: bool) -> list[float]:
    """Return a list that gets the moment of each PLI of one end."""
    loop, moments_s = asyncio.get_running_loop(), list[float]()

    def watch(data: bytes, is_there: bool) -> None:
        packets = parse_compound(data).packets if is_there is of_sender else ()
        moments_s.extend(loop.time() for packet in packets if isinstance(packet, PictureLoss))

    rtcp.watchers.append(watch)
    return moments_s


def check(sent: Sequence[Picture], viewer: Client) -> None:
    """Assert that what was played was sent, in that order, at times that do not go back."""
    rest = iter(sent)
    assert all(picture in rest for _, picture in viewer.pictures), "damaged, twice, or out of order"
    times_ms = [timestamp_ms for _, timestamp_ms, _ in viewer.tags]
    assert times_ms == sorted(times_ms)


def recoveries(requests_s: Sequence[float], pictures_s: Sequence[float]) -> tuple[list[float], list[float]]:
    """From the first and from the last request between two pictures to the second of them."""
    first, last = list[float](), list[float]()
    for before_s, after_s in pairwise([float("-inf"), *pictures_s]):
        between = [at_s for at_s in requests_s if before_s < at_s <= after_s]
        if between:
            first.append(after_s - between[0])
            last.append(after_s - between[-1])
    return first, last


def networks() -> list[Network]:
    """Those of the report."""
    kinds: dict[str, Callable[[int], Fate]] = {
        "nothing lost": lambda _: in_order(_DELAY_S),
        "1 % lost": lambda seed: random_loss(0.01, delay_s=_DELAY_S, seed=seed),
        "5 % lost": lambda seed: random_loss(0.05, delay_s=_DELAY_S, seed=seed),
        "ten in a row": lambda seed: bursts(delay_s=_DELAY_S, seed=seed),
        "out of order": lambda seed: reordering(delay_s=_DELAY_S, seed=seed),
    }
    return [
        Network(name, feedback, make) for feedback in (WITH_NACK, PLI_ALONE) for name, make in kinds.items()
    ]


def report(all_figures: Sequence[LossFigures]) -> str:
    """A table."""
    heading = ("network", "feedback", "packets lost", "pictures", "requests", "median", "longest", "answered")
    lines = [
        (
            each.network,
            "NACK, PLI" if each.nack else "PLI",
            f"{each.lost_share * 100:.1f} %",
            f"{each.arrived_share * 100:.1f} %",
            str(each.requests),
            _ms(statistics.median(each.recoveries_s) if each.recoveries_s else None),
            _ms(max(each.recoveries_s, default=None)),
            _ms(max(each.answered_s, default=None)),
        )
        for each in all_figures
    ]
    return markdown(heading, lines)


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.0f} ms"


async def measure_all(camera: Camera, count: int) -> list[LossFigures]:
    """All networks at the same time: they have little to do."""
    return await asyncio.gather(*(measure(network, camera, count) for network in networks()))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="of each (default 20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args(argv)
    found: list[LossFigures] = []
    print(f"{options.seconds:g} s each, 20 ms each way")
    for workload in WORKLOADS:
        header, *pictures = [tag for _, tag in encode(workload, 6 * GROUP_S, GROUP_S)]
        camera = Camera(header, pictures, GROUP_S * workload.rate_hz)
        figures = asyncio.run(measure_all(camera, int(options.seconds / FRAME_S)))
        found += figures
        packets = -(-max(map(len, pictures)) // 1200)
        print(f"\n{workload.name}, key pictures of up to {packets} packets:\n\n{report(figures)}")
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
