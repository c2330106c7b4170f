"""Tables for reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown(heading: Sequence[str], lines: Iterable[Sequence[str]], texts: int = 2) -> str:
    """Markdown that can also be read as it is; the first columns are texts, the others are numbers."""
    cells = [heading, *lines]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heading))]
    sides = ["<" if column < texts else ">" for column in range(len(heading))]
    rows = [
        " | ".join(f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True))
        for line in cells
    ]
    ends = ["-" if side == "<" else ":" for side in sides]
    rule = "|".join("-" * (width + 1) + end for width, end in zip(widths, ends, strict=True))
    return "\n".join([f"| {rows[0]} |", f"|{rule}|", *(f"| {row} |" for row in rows[1:])])
