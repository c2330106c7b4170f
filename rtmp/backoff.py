"""How long to wait before trying again: longer each time, and not in step with others."""

from __future__ import annotations

from dataclasses import dataclass

from rtmp.errors import LocalProtocolError


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """The first wait is up to `first_s` seconds, each further one `factor` times as long, up to `longest_s`.

    `jitter` is the part of a wait that is left to chance, 0 to 1. After `max_attempts` in a row that failed
    comes no other (None: there always is one). A success that lasted `stable_s` makes the next failure the
    first again; a shorter one does not, or a server that accepts and then drops us would be tried at once
    for ever.
    """

    first_s: float = 0.5
    factor: float = 2.0
    longest_s: float = 30.0
    jitter: float = 0.5
    max_attempts: int | None = None
    stable_s: float = 10.0

    def __post_init__(self) -> None:
        if not (0 <= self.first_s <= self.longest_s and self.factor >= 1 and 0 <= self.jitter <= 1):
            raise LocalProtocolError(f"not a way to wait: {self}")


class Backoff:
    """The waits of one thing that is tried again and again."""

    def __init__(self, policy: BackoffPolicy) -> None:
        self._policy = policy
        self._next_s = policy.first_s
        self._succeeded_at_s: float | None = None
        self.attempts = 0
        """How many in a row have failed."""

    def succeeded(self, now_s: float) -> None:
        """Note a success; how long it lasts tells the next failure."""
        self._succeeded_at_s = now_s

    def failed(self, now_s: float, chance: float) -> float | None:
        """Note a failure or the end of a success; return the seconds to wait, None to give up.

        `now_s` is any clock that does not go back, `chance` a random number from 0 to 1.
        """
        policy = self._policy
        if self._succeeded_at_s is not None and now_s - self._succeeded_at_s >= policy.stable_s:
            self.attempts = 0
            self._next_s = policy.first_s
        self._succeeded_at_s = None
        self.attempts += 1
        if policy.max_attempts is not None and self.attempts >= policy.max_attempts:
            return None
        wait_s = self._next_s
        self._next_s = min(wait_s * policy.factor, policy.longest_s)
        return wait_s * (1 - policy.jitter * chance)
