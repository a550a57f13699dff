"""From a file to a topology, or to the list of everything that is wrong with it, each with its line.

The YAML is composed to nodes first: they know their lines. Twice the same key, which YAML parsers pass over, is a
problem like any other. What pydantic finds about single values and what ``checks`` finds between values is reported
together: a value that is wrong becomes an ``Unusable``, and only the checks that need it are left out.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from components.topology.checks import CHECKS
from components.topology.model import Topology
from components.topology.problem import Location, UnusableError, one_of, shown


class TopologyError(Exception):
    """A topology file that cannot be used. Its text has one line for every problem, in the order of the file."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def load(path: Path | str) -> Topology:
    """Read and check a topology file. Raises TopologyError, whose text lists every problem, one a line:

    ``topologies/a.yaml:31: portal.tiers[0].cluster.address: 172.21.5.151 is the address of machine Portal1; …``
    """
    file = Path(path)
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        hint = "the configuration key topology names the file, relative to the project's folder"
        raise TopologyError([f"{path}: cannot be read ({error.strerror}); {hint}."]) from None
    except UnicodeDecodeError as error:
        raise TopologyError([f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8."]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise TopologyError([f"{path}:{line}: is not YAML: {error.problem}; look at this line and above."]) from None
    except yaml.YAMLError as error:
        raise TopologyError([f"{path}: is not YAML: {str(error).splitlines()[0]}."]) from None
    if not isinstance(root, yaml.MappingNode):
        raise TopologyError([f"{path}:1: is no topology; start with `name: …` (docs/topology.md)."])

    source = _Source(root)
    problems = [(source.line(at), f"{shown(at)}: {text}") for at, text in _problems(source)]
    topology: Topology | None = None
    try:
        topology = Topology.model_validate(source.value)
    except ValidationError as error:
        problems += [(source.line(at), f"{shown(at)}: {text}") for at, text in _in_words(error)]
    for at, text in _crossing(topology or _partial(Topology, source.value)):
        problems.append((source.line(at), f"{shown(at)}: {text}"))
    if problems or topology is None:
        ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem[0])
        raise TopologyError([f"{path}:{line}: {text}" for line, text in ordered])
    return topology


class _Source:
    """The file's values and the line of each."""

    def __init__(self, root: yaml.MappingNode) -> None:
        self._lines: dict[Location, int] = {}
        self.twice: list[tuple[Location, int, int]] = []
        self._scalars = yaml.SafeLoader("")
        self.value = self._read(root, ())

    def line(self, at: Location) -> int:
        """The line of a place, or of the innermost part around it that the file has."""
        if at and isinstance(at[-1], _Again):
            return at[-1].line
        while at not in self._lines:
            at = at[:-1]
        return self._lines[at]

    def _read(self, node: yaml.Node, at: Location) -> Any:
        self._lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self._read(item, (*at, index)) for index, item in enumerate(node.value)]
        return self._scalars.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, at: Location) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in values:
                self.twice.append(((*at, _Again(key, line)), self._lines[(*at, key)], line))
                continue
            self._lines[(*at, key)] = line
            values[key] = self._read(value_node, (*at, key))
        return values


class _Again(str):
    """A key that stands in a mapping for the second time, with the line of that."""

    line: int

    def __new__(cls, key: str, line: int) -> _Again:
        again = super().__new__(cls, key)
        again.line = line
        return again


def _problems(source: _Source) -> Iterator[tuple[Location, str]]:
    for at, first, _ in source.twice:
        yield at, f"is given twice, first in line {first}; keep one of the two."


# --- what pydantic found, in an operator's words -------------------------------------------------------------------


def _in_words(error: ValidationError) -> Iterator[tuple[Location, str]]:
    for details in error.errors(include_url=False):
        at = details["loc"]
        if details["type"] == "extra_forbidden":
            yield at, _unknown_key(at)
        elif details["type"] == "missing":
            field = _field(at)
            meaning = (field.description or "").split("\n")[0].rstrip(".") if field else "it is needed"
            yield at, f"is missing; add it ({meaning})."
        else:
            words = _WORDS.get(details["type"])
            if words is None:
                raise LookupError(f"topology model: no words for {details['type']} at {shown(at)}") from error
            yield at, words(details)


def _value(details: ErrorDetails) -> str:
    value = details["input"]
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None:
        return "empty"
    return str(value).lower() if isinstance(value, bool) else repr(value)


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
        f"has {details['ctx']['actual_length']} entries; at least {details['ctx']['min_length']} are needed: add them."
    ),
    "too_long": lambda details: (
        f"has {details['ctx']['actual_length']} entries; at most {details['ctx']['max_length']} are allowed:"
        " remove the others."
    ),
}


def _model_at(at: Location) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Topology
    for step in at:
        if isinstance(step, str):
            if model is None or step not in model.model_fields:
                return None
            model = _model_in(model.model_fields[step].annotation)
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in ``Model``, ``Model | None`` or ``tuple[Model, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in typing.get_args(annotation):
        found = _model_in(inner)
        if found is not None:
            return found
    return None


def _field(at: Location) -> Any:
    model = _model_at(at[:-1])
    return model.model_fields.get(str(at[-1])) if model else None


def _unknown_key(at: Location) -> str:
    model = _model_at(at[:-1])
    names = list(model.model_fields) if model else []
    near = difflib.get_close_matches(str(at[-1]), names, n=1)
    return f"is no key of a topology; did you mean {near[0]}?" if near else f"is no key of a topology; {one_of(names)}."


# --- the checks, on whatever part of the topology can be used ------------------------------------------------------


def _crossing(topology: Topology) -> Iterator[tuple[Location, str]]:
    for check in CHECKS:
        try:
            yield from check(topology)
        except UnusableError:
            continue  # a value this check needs is wrong itself, and reported as such


class Unusable:
    """Stands where a value is missing or wrong. Whoever tries to use it gets UnusableError."""

    def _refuse(self, *_: object) -> NoReturn:
        raise UnusableError

    __getattr__ = __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = _refuse
    __iter__ = __len__ = __bool__ = __contains__ = __getitem__ = __str__ = __format__ = __hash__ = _refuse


def _partial(model: type[BaseModel], value: Any) -> Any:
    """As much of a model as the value allows; everything else in it is Unusable."""
    try:
        return model.model_validate(value)
    except ValidationError:
        if not isinstance(value, dict):
            return Unusable()
    return model.model_construct(**{name: _partial_field(model, name, value) for name in model.model_fields})


def _partial_field(model: type[BaseModel], name: str, value: dict[str, Any]) -> Any:
    field = model.model_fields[name]
    if name not in value:
        return Unusable() if field.is_required() else field.get_default(call_default_factory=True)
    inner = _model_in(field.annotation)
    if inner is not None and isinstance(value[name], list):
        return tuple(_partial(inner, item) for item in value[name])
    if inner is not None:
        return _partial(inner, value[name])
    try:
        kind: Any = typing.Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
        return TypeAdapter(kind).validate_python(value[name])
    except ValidationError:
        items = value[name]
        return tuple(_usable_item(field.annotation, item) for item in items) if isinstance(items, list) else Unusable()


def _usable_item(annotation: Any, item: Any) -> Any:
    try:
        return TypeAdapter(typing.get_args(annotation)[0]).validate_python(item)
    except ValidationError:
        return Unusable()
