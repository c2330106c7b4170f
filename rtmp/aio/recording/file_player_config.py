"""What a program may say of how files are played."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FilePlayerConfig:
    """How far ahead of its playing a client is sent the file: what it asks for, `max_buffer_ms` at most.

    How fast it is sent that is bounded by `max_file_bytes_per_second`, of `Limits` for each connection and of
    `AdmissionLimits` for all.
    """

    default_buffer_ms: int = 1000
    max_buffer_ms: int = 60_000


DEFAULT_CONFIG = FilePlayerConfig()
