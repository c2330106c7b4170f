"""What the AMF0 and AMF3 codecs share: the bound on a message's elements, references, dates and text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rtmp.amf_value import AmfValue, BackReference, OtherDate
from rtmp.errors import AmfDecodeError, AmfEncodeError
from rtmp.limits import Limits

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Budget:
    """Counts the elements of one message as if every reference were written out.

    References make a small message stand for an enormous (or, in a cycle, infinite) value; whoever later
    walks, logs or encodes it would pay. So a reference costs as much as what it refers to.
    """

    __slots__ = ("_limit", "spent")

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.max_amf_elements
        self.spent = 0

    def spend(self, elements: int) -> None:
        """Raise AmfDecodeError when the message has more than `Limits.max_amf_elements` elements."""
        self.spent += elements
        if self.spent > self._limit:
            raise AmfDecodeError(f"AMF value has more than {self._limit} elements, references written out")


class ReferenceTable:
    """The complex values of one message in the order in which they began, each with its cost."""

    __slots__ = ("_budget", "_entries", "_open")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._entries: list[tuple[AmfValue, int | None]] = []
        self._open: dict[int, BackReference] = {}  # to values that are being read

    def begin(self) -> int:
        """Enter a value that is about to be read; return its index for `finish`."""
        self._entries.append((None, None))
        return len(self._entries) - 1

    def finish(self, index: int, spent_before: int, value: AmfValue) -> None:
        """Note that the value is complete. Raise AmfDecodeError if it is nothing but itself."""
        self._entries[index] = (value, self._budget.spent - spent_before)
        reference = self._open.pop(index, None)
        if reference is not None:
            if reference is value:
                raise AmfDecodeError(f"AMF reference {index} is cyclic: there is no value but itself")
            reference.close(value)

    def get(self, index: int) -> AmfValue:
        """Return an earlier value, or a BackReference to one that is not complete.

        Raise AmfDecodeError if there is none.
        """
        if index >= len(self._entries):
            raise AmfDecodeError(f"AMF reference {index}, but only {len(self._entries)} values came before")
        value, cost = self._entries[index]
        if cost is None:
            return self._open.setdefault(index, BackReference())
        self._budget.spend(cost)
        return value


def date_from_ms(milliseconds: float) -> datetime | OtherDate:
    """Return the UTC time that is so many milliseconds after 1970."""
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except (OverflowError, ValueError):
        return OtherDate(milliseconds)


def ms_from_date(value: datetime | OtherDate) -> float:
    """Return milliseconds since 1970. Raise AmfEncodeError for a time without a time zone."""
    if isinstance(value, OtherDate):
        return value.milliseconds
    if value.tzinfo is None:
        raise AmfEncodeError(f"date {value} has no time zone")
    return (value - EPOCH) / timedelta(milliseconds=1)


def encode_utf8(text: str) -> bytes:
    """Return UTF-8. Raise AmfEncodeError for lone surrogates."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise AmfEncodeError(f"text is not expressible in UTF-8: {error.reason}") from error
