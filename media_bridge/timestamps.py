"""A clock that counts samples: the only source of media timestamps."""


class SampleClock:
    """Turns a number of samples into milliseconds without drift.

    The milliseconds are rounded down from the whole count each time, so rounding errors never add up and a
    rate that does not divide 1000 (22.05 kHz) stays true for ever.
    """

    __slots__ = ("_rate_hz", "_samples", "_start_ms")

    def __init__(self, rate_hz: int, start_ms: int = 0) -> None:
        if rate_hz <= 0:
            raise ValueError(f"rate_hz must be positive, not {rate_hz}")
        self._rate_hz = rate_hz
        self._start_ms = start_ms
        self._samples = 0

    @property
    def samples(self) -> int:
        """Samples that went by since the start."""
        return self._samples

    @property
    def now_ms(self) -> int:
        """The time of the next sample, in milliseconds."""
        return self._start_ms + self._samples * 1000 // self._rate_hz

    def advance(self, samples: int) -> int:
        """Let `samples` go by; returns the time in ms of the first of them."""
        if samples < 0:
            raise ValueError(f"time does not run backwards: {samples} samples")
        first = self._samples
        self._samples = first + samples
        return self._start_ms + first * 1000 // self._rate_hz
