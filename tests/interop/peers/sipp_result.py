"""What a run of SIPp came to: exit code and the last line of its statistics."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Self

LOG_TAIL_CHARS = 4000


@dataclass(frozen=True, slots=True)
class SippResult:
    """Counters of a finished run, with the logs for a failed test's report.

    `exit_code`: 0 all calls successful, 1 one failed or the run timed out, 97 ended by the scenario, 99 no
    calls, 254 and 255 fatal errors.
    """

    scenario: str
    exit_code: int
    successful: int
    failed: int
    retransmissions: int
    unexpected_messages: int
    errors: str
    messages: str

    @classmethod
    def read(cls, scenario: str, exit_code: int, directory: Path) -> Self:
        """Read stat.csv, errors.log and messages.log of a run."""
        statistics = _last_row(directory / "stat.csv")
        return cls(
            scenario=scenario,
            exit_code=exit_code,
            successful=int(statistics.get("SuccessfulCall(C)", 0)),
            failed=int(statistics.get("FailedCall(C)", 0)),
            retransmissions=int(statistics.get("Retransmissions(C)", 0)),
            unexpected_messages=int(statistics.get("FailedUnexpectedMessage(C)", 0)),
            errors=_text(directory / "errors.log"),
            messages=_text(directory / "messages.log"),
        )

    @property
    def ok(self) -> bool:
        """Every call went as the scenario wants."""
        return self.exit_code == 0 and self.failed == 0

    def check(self) -> Self:
        """Return self; AssertionError with SIPp's errors and messages if a call failed."""
        if not self.ok:
            raise AssertionError(
                f"SIPp {self.scenario}: exit code {self.exit_code}, {self.successful} successful, "
                f"{self.failed} failed\n{self.errors[-LOG_TAIL_CHARS:]}\n{self.messages[-LOG_TAIL_CHARS:]}"
            )
        return self


def _last_row(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    return rows[-1] if rows else {}


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
