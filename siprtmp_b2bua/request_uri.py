"""Whom a request is for: the part of its start line that says so, and the account that answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .pj_context import RegisteredAccount

_REQUEST_LINE: Final = re.compile(r"[A-Z]+ (sips?:(?:([^@\s]*)@)?[^\s]*) SIP/2\.0(?:\r?\n|\Z)")
_LINE: Final = re.compile(r";line=([0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class RequestUri:
    """A request's URI: the user, and the parameter `line`, which the Contact of each account has."""

    user: str | None
    line: str | None

    @classmethod
    def parse(cls, request: str) -> RequestUri | None:
        """Read the first line of a request; None if it has no SIP URI."""
        match = _REQUEST_LINE.match(request)
        if match is None:
            return None
        line = _LINE.search(match[1])
        return cls(match[2], line[1] if line is not None else None)

    def find_account(self, accounts: Mapping[int, RegisteredAccount]) -> int | None:
        """Return the id of the account that it is for: by our Contact's parameter, else by the user."""
        for index, account in accounts.items():
            if self.line is not None:
                if self.line == account.line_token:
                    return index
            elif self.user is not None and account.answers_for(self.user):
                return index
        return None
