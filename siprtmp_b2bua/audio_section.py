"""The m=audio sections of a raw session description, as the guard looks at them. Pure functions on text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from media_bridge.rtp.crypto_attribute import alters_packets

MEDIA_LINE: Final = re.compile(r"(?:\A|[\r\n])m=")
"""What begins a media section."""
KEY_LINE: Final = re.compile(r"(?:\A|[\r\n])a=\s*crypto([^\r\n]*)", re.IGNORECASE)
"""An attribute with a key of SRTP (RFC 4568); its value is behind a colon."""
_AUDIO: Final = re.compile(r"\s*audio", re.IGNORECASE)
_ACTIVE: Final = re.compile(r"\s*audio\s+0*[1-9]", re.IGNORECASE)
_SECURE: Final = re.compile(r"\s*audio\s+0*[1-9]\S*\s+RTP/SAVPF?\s", re.IGNORECASE)
_DTLS: Final = re.compile(r"\s*audio\s+(0*[1-9]\d*)\S*\s+UDP/TLS/RTP/SAVPF?(?!\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AudioSection:
    """A section from behind its `m=` to the next one. `start` is where it begins in the description."""

    text: str
    start: int

    @property
    def is_active(self) -> bool:
        """Whether it is not rejected (port 0)."""
        return _ACTIVE.match(self.text) is not None

    @property
    def is_secure(self) -> bool:
        """Whether it is active and in SRTP with keys in SDP."""
        return _SECURE.match(self.text) is not None

    @property
    def dtls_port(self) -> range | None:
        """Where its port's digits are in the description, if it is active and in DTLS-SRTP (RFC 5764)."""
        match = _DTLS.match(self.text)
        return range(self.start + match.start(1), self.start + match.end(1)) if match else None

    @property
    def misleading_keys(self) -> tuple[int, ...]:
        """Where the names of those keys end in the description whose packets pjsip would misread.

        pjsip reads over an MKI and session parameters.
        """
        return tuple(
            self.start + line.start(1)
            for line in KEY_LINE.finditer(self.text)
            if alters_packets(line[1].lstrip(": \t"))
        )

    @property
    def has_misleading_keys_alone(self) -> bool:
        """Whether it has keys, all of which are of that kind."""
        return 0 < len(KEY_LINE.findall(self.text)) == len(self.misleading_keys)


def audio_sections(description: str) -> Iterator[AudioSection]:
    """Yield the sections of audio. White space may be in front of the word, which is in any case."""
    lines = list(MEDIA_LINE.finditer(description))
    ends = [line.start() for line in lines[1:]] + [len(description)]
    for line, end in zip(lines, ends, strict=False):
        if _AUDIO.match(description, line.end(), end):
            yield AudioSection(description[line.end() : end], line.end())
