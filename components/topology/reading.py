"""From a file to a topology, or to the list of everything that is wrong with it, each with its line.

The YAML is composed to nodes first: they know their lines. Twice the same key, which YAML parsers pass over, is a
problem like any other. What pydantic finds about single values and what ``checks`` finds between values is reported
together: a value that is wrong becomes an ``Unusable``, and only the checks that need it are left out.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from components.topology.checks import CHECKS
from components.topology.lines import DEEPEST, ShallowLoader, Source, TooDeepError, too_large
from components.topology.model import Topology
from components.topology.problem import Problem, UnusableError, shown
from components.topology.spelling import as_declared
from components.topology.wording import in_words, model_in


class TopologyError(Exception):
    """A topology file that cannot be used. Its text has one line for every problem, in the order of the file."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def load(path: Path | str) -> Topology:
    """Read and check a topology file, with one spelling for each name (``spelling``), and take the lost machines out of
    its lists. Raises TopologyError, whose text lists every problem, one a line:

    ``topologies/a.yaml:31: portal.tiers[0].cluster.address: 172.21.5.151 is the address of machine Portal1; …``
    """
    file = Path(path)
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=ShallowLoader)
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
    except TooDeepError as error:
        raise TopologyError(
            [f"{path}:{error.line}: is nested more than {DEEPEST} levels deep; no topology is."]
        ) from None
    if not isinstance(root, yaml.MappingNode):
        raise TopologyError([f"{path}:1: is not a topology; start with `name: …` (docs/topology.md)."])

    if why := too_large(root):
        raise TopologyError([f"{path}:1: {why}"])
    source = Source(root)
    value = as_declared(source.value)
    problems = list(source.problems)
    topology: Topology | None = None
    try:
        topology = Topology.model_validate(value)
    except ValidationError as error:
        problems += [(source.line(at), f"{shown(at)}: {text}") for at, text in in_words(error)]
    for at, text in _crossing(topology or _partial(Topology, value)):
        problems.append((source.line(at), f"{shown(at)}: {text}"))
    if problems or topology is None:
        ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem[0])
        raise TopologyError([f"{path}:{line}: {text}" for line, text in ordered])
    return topology.without_lost()


def _crossing(topology: Topology) -> Iterator[Problem]:
    for check in CHECKS:
        try:
            yield from check(topology)
        except UnusableError:
            continue  # a value this check needs is wrong itself, and reported as such


class Unusable:
    """Stands where a value is missing or wrong. Any use of it raises UnusableError."""

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
    if typing.get_origin(field.annotation) is tuple:
        entry = typing.get_args(field.annotation)[0]
        return tuple(_usable(entry, item) for item in value[name]) if isinstance(value[name], list) else Unusable()
    kind: Any = typing.Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    return _usable(kind, value[name])


def _usable(kind: Any, value: Any) -> Any:
    part = model_in(kind)
    if part is not None and not (value is None and type(None) in typing.get_args(kind)):
        return _partial(part, value)
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return Unusable()
