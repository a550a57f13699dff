"""docs/resources.md, from the resources."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import components
from components.component import Counted
from components.meanings import meanings, sentences_below
from components.resource import FarmResource, Kind, ReplaceOn, Resource, WithBaseline, fields
from components.resource.fields import Inputs, ThroughFarm
from components.topology.wording import model_in
from tools.pages.markdown import default_of, one_line, table, type_of

FILE = Path(__file__).resolve().parents[2] / "docs" / "resources.md"

_BEFORE = """# Resources

What the program manages, part by part: what each resource guarantees, what it takes, what it gives, and what
delete (a `destroy`, or an `up` after the thing left the topology) does. A resource's inputs come from the topology
and the stack's configuration; nobody writes them by hand, but they are what `pulumi preview --diff` shows.

This page is made from the code (`python -m tools.pages`); change the sentences there.

Every resource has these outputs beside its own, and delete never touches what was adopted:

"""

_INPUTS = """
An input marked *identity* makes another thing when it changes: the resource is replaced. One marked *secret* is
encrypted in the state and masked in every message. Three inputs appear in several resources:

"""

_PARTS = {
    "farm": "The farm as a whole",
    "iis": "IIS",
    "nlb": "Network Load Balancing",
    "portal": "The portal",
    "spf": "Service Provider Foundation",
    "sql": "SQL Server",
    "windows": "Windows",
}


def render() -> str:
    """The page."""
    common = (("adopt", Inputs), ("present", Inputs), ("reading", ThroughFarm))
    page = _BEFORE + _named("output", {**sentences_below(FarmResource), **sentences_below(Counted)}.items())
    page += _INPUTS + _named("input", ((name, meanings(model).get(name, "")) for name, model in common))
    groups: dict[str, list[type[FarmResource[Any]]]] = {}
    for kind in resources():
        groups.setdefault(type_name(kind).partition(":")[0], []).append(kind)
    for part, kinds in sorted(groups.items()):
        page += f"\n## {_PARTS.get(part, part)}\n" + "".join(_section(kind) for kind in kinds)
    return page


def resources() -> list[type[FarmResource[Any]]]:
    """Every resource of the program, by its Pulumi type."""
    for module in pkgutil.walk_packages(components.__path__, "components."):
        importlib.import_module(module.name)
    # A class made by a test is not of the program.
    found = {kind for kind in _below(FarmResource) if kind.__module__.partition(".")[0] == "components"}
    return sorted(found, key=type_name)


def guarantee(kind: type[FarmResource[Any]]) -> tuple[list[str], str]:
    """What a resource's module says: its paragraphs without the sentences about delete, and these (empty: none).

    They begin with the word Delete and go on to the end of their paragraph.
    """
    said, delete = [], ""
    for paragraph in (inspect.getdoc(sys.modules[kind.__module__]) or "").split("\n\n"):
        before, *rest = re.split(r"(?:^|(?<=\. ))Delete ", one_line(paragraph), maxsplit=1)
        said += [before.strip()] if before else []
        delete = delete or "".join(rest)
    return said, delete


def outputs(kind: type[FarmResource[Any]]) -> dict[str, str]:
    """The outputs of a resource beside its inputs, each with its meaning."""
    sentences = sentences_below(kind)
    return {name: sentences.get(name, "") for name in kind.implementation.COMPUTED}


def input_models(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """The inputs' model and those of the parts in it, each with the path it is found under."""
    yield "", model
    for name, field in model.model_fields.items():
        part = model_in(field.annotation)
        if part is not None:
            listed = "[]" if typing.get_origin(field.annotation) is tuple else ""
            yield from ((f"{name}{listed}{inner and '.'}{inner}", found) for inner, found in input_models(part))


def type_name(kind: type[FarmResource[Any]]) -> str:
    """``nlb:Cluster``: the end of a resource's Pulumi type, ``pulumi-python:dynamic/nlb:Cluster``."""
    return kind._resource_type_name.removeprefix("dynamic/")


def _section(kind: type[FarmResource[Any]]) -> str:
    provider = kind.implementation
    said, delete = guarantee(kind)
    made_of = f"{one_line(kind.__doc__)} Pulumi type `pulumi-python:{kind._resource_type_name}`."
    texts = (made_of, *said, f"**An object that exists already** {_there(provider)}", f"**Delete** {delete}")
    page = f"\n### {type_name(kind)}\n" + "".join(f"\n{textwrap.fill(text, 120)}\n" for text in texts)
    for path, model in input_models(provider.INPUTS):
        page += f"\n{f'Each of `{path}`' if path else 'Inputs'}:\n\n{_inputs(model, whole=not path)}"
    if given := outputs(kind):
        page += f"\nOutputs:\n\n{_named('output', given.items())}"
    return page


def _there(provider: type[Resource[Any, Any]]) -> str:
    if provider.KIND is Kind.PROBE:
        return "is only observed."
    if provider.KIND is Kind.OBJECT:
        return "is refused unless `adopt` is set; then it is managed like every other object, and delete leaves it."
    recorded = " The state before is recorded for delete." if issubclass(provider, WithBaseline) else ""
    return f"is brought to the declared state.{recorded}"


def _inputs(model: type[BaseModel], *, whole: bool) -> str:
    rows = []
    for name, field in model.model_fields.items():
        if whole and name in (*Inputs.model_fields, *ThroughFarm.model_fields):
            continue
        marks = {"identity": fields.marked(model, ReplaceOn), "secret": fields.secrets(model)}
        marked = ", ".join(f"*{mark}*" for mark, names in marks.items() if name in names)
        rows.append((f"`{name}`", type_of(field), default_of(field), marked, meanings(model).get(name, "")))
    return table(("input", "type", "default", "", "meaning"), rows)


def _named(what: str, rows: typing.Iterable[tuple[str, str]]) -> str:
    return table((what, "meaning"), ((f"`{name}`", meaning) for name, meaning in rows))


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for direct in kind.__subclasses__():
        yield direct
        yield from _below(direct)
