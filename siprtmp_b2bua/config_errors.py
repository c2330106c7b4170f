"""What is wrong with a configuration, in words of the configuration."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

_LIKE_A_NAME, _LIKE_A_LAST_PART = 0.7, 0.6
"""How alike (0 to 1) a name must be to be offered; fewer letters differ by more."""


def explain(error: ValidationError, model: type[BaseModel], sources: str) -> str:
    """Return one line that names each setting that cannot be used; `sources` says where they come from."""
    problems = [
        _explain_one(problem["type"], problem["loc"], problem["msg"], model)
        for problem in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    where = f" ({sources})" if sources else ""
    return f"bad configuration{where}: " + "; ".join(problems)


def _explain_one(kind: str, place: tuple[int | str, ...], message: str, model: type[BaseModel]) -> str:
    name = ".".join(map(str, place))
    match kind:
        case "extra_forbidden":
            known = ".".join(
                part for part in place if isinstance(part, str)
            )  # accounts.0.aor is accounts.aor
            offered = " or ".join(nearest_names(known, model))
            return f"there is no setting {name}" + (f" (did you mean {offered}?)" if offered else "")
        case "missing":
            return f"{name} is missing"
        case "model_type":
            return f"{name}: a section of settings is needed, [{name}]"
        case _:
            return f"{name}: {message.removeprefix('Value error, ')}"


def nearest_names(name: str, model: type[BaseModel]) -> list[str]:
    """Return the full names that a wrong one may have meant: in other sections, or spelt alike."""
    names = list(_names(model))
    if elsewhere := _ending_in(_last_part(name), names):
        return elsewhere
    if alike := difflib.get_close_matches(name, names, 1, _LIKE_A_NAME):
        return alike
    parts = {_last_part(known) for known in names}
    alike = difflib.get_close_matches(_last_part(name), sorted(parts), 1, _LIKE_A_LAST_PART)
    return _ending_in(alike[0], names) if alike else []


def _ending_in(part: str, names: list[str]) -> list[str]:
    return [name for name in names if _last_part(name) == part]


def _last_part(name: str) -> str:
    return name.rpartition(".")[2]


def _names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The full names of all settings and sections."""
    for name, field in model.model_fields.items():
        yield prefix + name
        for section in _sections(field.annotation):
            yield from _names(section, f"{prefix}{name}.")


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """The kind of section that a setting is, or is a list of."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
