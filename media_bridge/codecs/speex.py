"""Speex (RFC 5574) wideband and narrowband.

A Speex payload is a string of frames without lengths, packed to the bit and filled up to a byte with a
terminator; the decoder finds the end. A wideband frame is a narrowband frame with a high-band layer behind
it: either decoder plays both, a narrowband decoder by skipping the layer and a wideband decoder with an
empty upper half of the spectrum.
"""

import ctypes

from media_bridge.codecs import speex_library as lib
from media_bridge.codecs.speex_library import SpeexBits, speex_library
from media_bridge.errors import CodecDataError, MediaClosedError, UnsupportedCodecError
from media_bridge.frames import BYTES_PER_SAMPLE, FRAME_MS, Payload, frame_samples

_MODES = {8000: lib.MODE_NARROWBAND, 16000: lib.MODE_WIDEBAND}

MAX_PAYLOAD_BYTES = 4096
MAX_FRAMES = 50
"""Frames taken from one payload (1 s); clients send one to ten. It bounds the work a peer can cause with
one message.
"""

_DEFAULT_QUALITY = {lib.MODE_NARROWBAND: 8, lib.MODE_WIDEBAND: 6}
DEFAULT_COMPLEXITY = 2

_MIN_FRAME_BITS = 5
_MAX_FRAME_BYTES = 200


def _mode_of(rate_hz: int) -> int:
    try:
        return _MODES[rate_hz]
    except KeyError:
        raise UnsupportedCodecError(f"Speex runs at 8000 or 16000 Hz here, not {rate_hz}") from None


class SpeexDecoder:
    """One Speex stream to PCM at 16 kHz (wideband) or 8 kHz (narrowband)."""

    def __init__(self, rate_hz: int) -> None:
        self._state: ctypes.c_void_p | None = None
        mode = _mode_of(rate_hz)
        self._lib = speex_library()
        self._rate_hz = rate_hz
        self._pcm = ctypes.create_string_buffer(frame_samples(rate_hz) * BYTES_PER_SAMPLE)
        self._bits = SpeexBits()
        self._bits_ref = ctypes.byref(self._bits)
        self._lib.bits_init(self._bits_ref)
        self._state = self._lib.new_decoder(mode)

    @property
    def rate_hz(self) -> int:
        """8000 or 16000."""
        return self._rate_hz

    def decode(self, payload: Payload) -> bytes:
        """PCM of every frame in `payload`, 20 ms each.

        Raises CodecDataError if not even the first frame is sound; a payload that goes bad later gives
        what came before.
        """
        state = self._open_state()
        size = len(payload)
        if not 0 < size <= MAX_PAYLOAD_BYTES:
            raise CodecDataError(f"a Speex payload has 1 to {MAX_PAYLOAD_BYTES} bytes, not {size}")
        library, bits, pcm = self._lib, self._bits_ref, self._pcm
        library.bits_read_from(bits, bytes(payload), size)
        frames: list[bytes] = []
        remaining = 8 * size
        while remaining >= _MIN_FRAME_BITS and len(frames) < MAX_FRAMES:
            result = library.decode(state, bits, pcm)
            if result == lib.DECODE_END:
                break
            remaining = library.bits_remaining(bits)
            if result != lib.DECODE_OK or remaining < 0:
                if not frames:
                    raise CodecDataError(f"damaged Speex frame ({size} bytes)")
                break
            frames.append(pcm.raw)
        return frames[0] if len(frames) == 1 else b"".join(frames)

    def conceal(self, samples: int) -> bytes:
        """What Speex extrapolates for lost frames: whole frames, as many as fit in `samples`."""
        state = self._open_state()
        frames = []
        for _ in range(samples * BYTES_PER_SAMPLE // len(self._pcm)):
            self._lib.decode(state, None, self._pcm)
            frames.append(self._pcm.raw)
        return b"".join(frames)

    def close(self) -> None:
        """Free the decoder's state."""
        state, self._state = self._state, None
        if state is not None:
            self._lib.decoder_destroy(state)
            self._lib.bits_destroy(self._bits_ref)

    def _open_state(self) -> ctypes.c_void_p:
        if self._state is None:
            raise MediaClosedError("Speex decoder is closed")
        return self._state

    def __del__(self) -> None:
        self.close()

    def __str__(self) -> str:
        return f"speex/{self._rate_hz}"


class SpeexEncoder:
    """PCM to one Speex stream, a 20 ms frame at a time.

    `quality` (0-10) sets the bit rate: wideband at 6, Flash's default, has 20.6 kbit/s, narrowband at 8
    has 15 kbit/s; narrowband at 6 loses 2 dB of a 1 kHz tone. `complexity` (1-10): 2 costs 10 % more than
    1 and takes 10 dB off the noise of a 1 kHz tone; more costs 50 %. `high_band=False` leaves out the 4-8
    kHz layer of wideband frames, which is right when the sound came from 8 kHz telephony, for there is
    nothing in it, and takes a quarter off the CPU.
    """

    def __init__(
        self,
        rate_hz: int,
        *,
        quality: int | None = None,
        complexity: int = DEFAULT_COMPLEXITY,
        high_band: bool = True,
    ) -> None:
        self._state: ctypes.c_void_p | None = None
        mode = _mode_of(rate_hz)
        if quality is None:
            quality = _DEFAULT_QUALITY[mode]
        if not (0 <= quality <= 10 and 1 <= complexity <= 10):
            raise UnsupportedCodecError(
                f"Speex quality is 0-10 and complexity 1-10, not {quality} and {complexity}"
            )
        self._lib = speex_library()
        self._rate_hz = rate_hz
        self._frame_samples = frame_samples(rate_hz, FRAME_MS)
        self._frame_bytes = self._frame_samples * BYTES_PER_SAMPLE
        self._high_band = high_band and mode == lib.MODE_WIDEBAND
        # An own copy of the frame: fixed-point builds of libspeex filter the input in place.
        self._pcm = ctypes.create_string_buffer(self._frame_bytes)
        self._out = ctypes.create_string_buffer(_MAX_FRAME_BYTES)
        self._out_view = memoryview(self._out)
        self._out_size = ctypes.c_int(_MAX_FRAME_BYTES)
        self._bits = SpeexBits()
        self._bits_ref = ctypes.byref(self._bits)
        self._lib.bits_init(self._bits_ref)
        self._state = self._lib.new_encoder(mode)
        self._set(lib.SET_QUALITY, quality)
        self._set(lib.SET_COMPLEXITY, complexity)
        if mode == lib.MODE_WIDEBAND and not high_band:
            self._set(lib.SET_HIGH_MODE, 0)

    @property
    def rate_hz(self) -> int:
        """8000 or 16000."""
        return self._rate_hz

    @property
    def frame_samples(self) -> int:
        """Samples of one 20 ms frame."""
        return self._frame_samples

    def encode(self, pcm: Payload) -> bytes:
        """One payload with one frame, filled up to a byte with a terminator."""
        state = self._state
        if state is None:
            raise MediaClosedError("Speex encoder is closed")
        if len(pcm) != self._frame_bytes:
            raise ValueError(f"a Speex frame is {self._frame_bytes} bytes of PCM here, not {len(pcm)}")
        library, bits, out = self._lib, self._bits_ref, self._out
        self._pcm.raw = bytes(pcm)
        library.bits_reset(bits)
        library.encode(state, self._pcm, bits)
        return self._out_view[: library.bits_write(bits, out, self._out_size)].tobytes()

    def close(self) -> None:
        """Free the encoder's state."""
        state, self._state = self._state, None
        if state is not None:
            self._lib.encoder_destroy(state)
            self._lib.bits_destroy(self._bits_ref)

    def _set(self, request: int, value: int) -> None:
        self._lib.encoder_ctl(self._state, request, ctypes.byref(ctypes.c_int(value)))

    def __del__(self) -> None:
        self.close()

    def __str__(self) -> str:
        low_only = " low band" if self._rate_hz == 16000 and not self._high_band else ""
        return f"speex/{self._rate_hz}{low_only}"
