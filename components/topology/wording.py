"""What pydantic found wrong with a value, in an operator's words."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from components.meanings import meanings
from components.topology.model import Topology
from components.topology.problem import Problem, one_of, shown
from components.topology.values import quoted


def in_words(error: ValidationError) -> Iterator[Problem]:
    """A sentence for each error, with the valid choices where there are any."""
    for details in error.errors(include_url=False):
        at = details["loc"]
        if details["type"] == "extra_forbidden":
            yield at, _unknown_key(at)
        elif details["type"] == "missing":
            meaning = _meaning(at).split("\n")[0].rstrip(".") or "it is needed"
            yield at, f"is missing; add it ({meaning})."
        elif not _left_over(details):
            words = _WORDS.get(details["type"])
            if words is None:
                raise LookupError(f"topology model: no words for {details['type']} at {shown(at)}") from error
            yield at, words(details)


def _left_over(details: ErrorDetails) -> bool:
    """Whether a list is only too short because entries that are wrong themselves were not counted."""
    return details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]


def _value(details: ErrorDetails) -> str:
    value = details["input"]
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else str(value)


def _expected(what: str) -> Callable[[ErrorDetails], str]:
    return lambda details: f"is {_value(details)}; write {what}."


def _bound(word: str, key: str) -> Callable[[ErrorDetails], str]:
    return lambda details: f"is {_value(details)}; choose a number {word} {details['ctx'][key]}."


_WORDS: dict[str, Callable[[ErrorDetails], str]] = {
    "value_error": lambda details: f"{details['ctx']['error']}.",
    "literal_error": lambda details: (
        f"{_value(details)} is unknown; choose {details['ctx']['expected'].replace(chr(39), '')}."
    ),
    "string_type": _expected("text, in quotes where it looks like something else"),
    "string_too_short": lambda _: "is empty; write some text.",
    "string_too_long": lambda details: (
        f"has {len(details['input'])} characters; at most {details['ctx']['max_length']} are allowed: shorten it."
    ),
    "int_type": _expected("a whole number"),
    "bool_type": _expected("true or false"),
    "greater_than_equal": _bound("from", "ge"),
    "less_than_equal": _bound("up to", "le"),
    "tuple_type": _expected("a list"),
    "model_type": _expected("a mapping with keys (docs/topology.md)"),
    "model_attributes_type": _expected("a mapping with keys (docs/topology.md)"),
    "too_short": lambda details: (
        f"has too few entries ({len(details['input'])}); give at least {details['ctx']['min_length']}."
    ),
    "too_long": lambda details: (
        f"has too many entries ({len(details['input'])}); give at most {details['ctx']['max_length']}."
    ),
}


def _model_at(at: tuple[str | int, ...]) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Topology
    for step in at:
        if isinstance(step, str):
            if model is None or step not in model.model_fields:
                return None
            model = model_in(model.model_fields[step].annotation)
    return model


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in ``Model``, ``Model | None`` or ``tuple[Model, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in typing.get_args(annotation):
        found = model_in(inner)
        if found is not None:
            return found
    return None


def _meaning(at: tuple[str | int, ...]) -> str:
    model = _model_at(at[:-1])
    return meanings(model).get(str(at[-1]), "") if model else ""


def _unknown_key(at: tuple[str | int, ...]) -> str:
    model = _model_at(at[:-1])
    names = list(model.model_fields) if model else []
    near = difflib.get_close_matches(str(at[-1]), names, n=1)
    instead = f"did you mean {near[0]}?" if near else f"{one_of(names)}."
    return f"is not a key of a topology; {instead}"
