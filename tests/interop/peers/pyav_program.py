"""The program of peers/pyav.py: encodes an FLV file, publishes one, lists the packets of a stream or file.

A process of its own, because PyAV blocks while it waits for the network.
"""

import array
import hashlib
import json
import math
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.logging

FRAME_RATE = 25
AUDIO_RATE_HZ = 48000
AUDIO_FRAME = 960
KEY_INTERVAL = 8
WIDTH, HEIGHT = 160, 120
ENCODER_OPTIONS = {
    "libx264": {"preset": "veryfast", "bf": "2"},
    "libx265": {"preset": "ultrafast", "x265-params": f"bframes=2:keyint={KEY_INTERVAL}:log-level=none"},
    "libsvtav1": {"preset": "12"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}


def encode(path: str, video: str, *audio: str) -> None:
    """Make an FLV file of one second, by copying: an encoder tells the muxer more than a file does."""
    encoded = f"{path}.encoded"
    with av.open(encoded, "w", format="flv") as container:
        pictures = container.add_stream(video, rate=FRAME_RATE, options=ENCODER_OPTIONS[video])
        pictures.width, pictures.height, pictures.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        pictures.gop_size = KEY_INTERVAL
        tones = [container.add_stream(name, rate=AUDIO_RATE_HZ, layout="mono") for name in audio]
        packets = [packet for frame in (*video_frames(), None) for packet in pictures.encode(frame)]
        for number, tone in enumerate(tones, 1):
            packets += [packet for frame in (*audio_frames(number), None) for packet in tone.encode(frame)]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    copy(encoded, path)


def video_frames() -> Iterator[av.VideoFrame]:
    """Yield moving stripes."""
    for number in range(FRAME_RATE):
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane in frame.planes:
            row = bytes((column * 2 + number * 5) & 255 for column in range(plane.line_size))
            plane.update(row * plane.height)
        frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
        yield frame


def audio_frames(number: int) -> Iterator[av.AudioFrame]:
    """Yield a tone of its own for each number."""
    step = 2 * math.pi * 300 * number / AUDIO_RATE_HZ
    for start in range(0, AUDIO_RATE_HZ, AUDIO_FRAME):
        frame = av.AudioFrame("s16", "mono", AUDIO_FRAME)
        samples = (int(8000 * math.sin(step * (start + at))) for at in range(AUDIO_FRAME))
        frame.planes[0].update(array.array("h", samples).tobytes())
        frame.rate, frame.pts, frame.time_base = AUDIO_RATE_HZ, start, Fraction(1, AUDIO_RATE_HZ)
        yield frame


def copy(path: str, url: str, hold_after: int = 0) -> None:
    """Write the packets of a file to a URL or another file.

    After `hold_after` pictures it says "held" and waits for a line.
    """
    options = {"flush_packets": "1", "flvflags": "no_duration_filesize"}
    with av.open(path) as source, av.open(url, "w", format="flv", options=options) as container:
        streams = [container.add_stream_from_template(stream, opaque=True) for stream in source.streams]
        pictures = 0
        for packet in source.demux():
            if packet.dts is None:
                continue
            is_picture = packet.stream.type == "video"
            packet.stream = streams[packet.stream.index]
            container.mux(packet)
            pictures += is_picture
            if is_picture and pictures == hold_after:
                print("held", flush=True)
                sys.stdin.readline()


def publish(path: str, url: str, hold_after: str) -> None:
    """Publish a file."""
    copy(path, url, int(hold_after))


def play(source: str, output: str, codecs: str) -> None:
    """List the streams and packets of a URL or file as JSON; `codecs` are FourCCs to tell the server."""
    options = {"rtmp_live": "live", "rtmp_enhanced_codecs": codecs} if codecs else {}
    with av.open(source, options=options) as container:
        packets = [
            (packet.stream.index, packet.dts, packet.pts, packet.is_keyframe, md5(bytes(packet)))
            for packet in container.demux()
            if packet.dts is not None
        ]
        # after the packets: a stream may turn up late
        streams = [
            (stream.index, stream.codec.canonical_name, md5(stream.codec_context.extradata or b""))
            for stream in container.streams
        ]
    Path(output).write_text(json.dumps({"streams": streams, "packets": packets}))


def md5(data: bytes) -> str:
    """Digest some bytes."""
    return hashlib.md5(data).hexdigest()


if __name__ == "__main__":
    av.logging.set_level(av.logging.ERROR)
    {"encode": encode, "publish": publish, "play": play}[sys.argv[1]](*sys.argv[2:])
