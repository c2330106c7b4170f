"""What a worker tells the supervisor. It reads what strangers send, so what it says is checked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..control.status import CallStatus, StreamStatus
from ..dialog_notes import DialogNote

_TEXT = 500


class _Report(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ready(_Report):
    """The worker has started."""

    kind: Literal["ready"] = "ready"
    lines: int = Field(ge=1)
    """How many calls its pjsua2 can hold, and so how many clients it is given."""
    sip_port: int = Field(ge=0, le=65535)


class Failed(_Report):
    """The worker could not start, and ends."""

    kind: Literal["failed"] = "failed"
    reason: str = Field(max_length=_TEXT)


class Beat(_Report):
    """The worker is alive; once a second, and when it has more calls or fewer."""

    kind: Literal["beat"] = "beat"
    is_overloaded: bool
    """Whether new clients would disturb its calls."""
    calls: int = Field(ge=0)


class Closed(_Report):
    """The connection of a client has ended."""

    kind: Literal["closed"] = "closed"
    connection_id: int


class GoesOn(_Report):
    """Some of what goes on in the worker, in answer to `TellStatus`; with the last one all has been told."""

    kind: Literal["goes_on"] = "goes_on"
    request: int
    calls: tuple[CallStatus, ...] = ()
    streams: tuple[StreamStatus, ...] = ()
    is_last: bool = False


class DialogBegan(_Report):
    """A call has been answered; this is how to end it should the worker die."""

    kind: Literal["dialog_began"] = "dialog_began"
    note: DialogNote


class DialogEnded(_Report):
    """That call has ended."""

    kind: Literal["dialog_ended"] = "dialog_ended"
    call_id: str


Report = Ready | Failed | Beat | Closed | GoesOn | DialogBegan | DialogEnded

# Without a cache of the texts in them: each call has its own, and they would stay in memory.
_ADAPTER: TypeAdapter[Report] = TypeAdapter(
    Annotated[Report, Field(discriminator="kind")], config=ConfigDict(cache_strings="keys")
)


def pack(report: Report) -> bytes:
    """Return the bytes of a report."""
    return report.model_dump_json().encode()


def unpack(message: bytes) -> Report:
    """Return the report in a message; raises `ValueError` if it is none."""
    try:
        return _ADAPTER.validate_json(message)
    except ValidationError as error:
        raise ValueError(f"{error.error_count()} faults in a report: {error.errors()[0]['msg']}") from None


def short(text: str) -> str:
    """Return text of a length that a report may have."""
    return text[:_TEXT]
