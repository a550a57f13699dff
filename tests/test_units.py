"""A number that is a time says its unit in its name: ``timeout_seconds``, ``drain_minutes``, ``age_days``."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import BaseModel

from components.topology.model import Topology
from components.topology.values import Kind

ROOT = Path(__file__).resolve().parents[1]
CODE = ("components", "lab", "operations", "policy", "remote", "tools")
UNIT = re.compile(r"[a-z]_(seconds|minutes|hours|days|milliseconds|ms)$")
NUMBER = re.compile(r"(Annotated\[)?(float|int|Seconds\w*)\b")
TIME = re.compile(
    r"(^|_)(age|days|delay|duration|grace|hours|interval|lifetime|minutes|patience|pause|period|seconds|time|timeout|"
    r"took|wait|waits)(_|$)"
)
SENTENCE = re.compile(r"\b(seconds?|minutes?|hours?|days?|milliseconds?)\b|\bhow long\b", re.IGNORECASE)
"""What the docstring of a field says that is a time."""
PARAMETERS = re.compile(r"(?m)^param\((.+)\)$")
"""The one line with the parameters of a script."""
NO_UNIT = {
    # Microsoft's name: Timeout of Set-NlbClusterPortRule, in minutes.
    "components/nlb/port_rules.py RuleInputs.timeout",
    "components/nlb/state.py PortRule.timeout",
    "lab/windows/nlb.py rule.timeout",
    # The function says what it is, the parameter the unit.
    "components/nlb/node_health.py duration.seconds",
    "lab/sql/engine/session.py sleep.seconds",
    "lab/clock.py sleep.seconds",
}


class Named(NamedTuple):
    """A field of a public class or a parameter of a public function that holds a number."""

    place: str
    """``file Class.field``, or ``file function.parameter``."""
    sentence: str = ""
    """The docstring of a field."""

    @property
    def is_time(self) -> bool:
        return bool(TIME.search(self.place.rpartition(".")[2]) or SENTENCE.search(self.sentence))

    @property
    def has_unit(self) -> bool:
        return bool(UNIT.search(self.place)) or self.place in NO_UNIT


def numbers(source: str, file: str) -> Iterator[Named]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for index, one in enumerate(node.body):
                if isinstance(one, ast.AnnAssign) and NUMBER.match(ast.unparse(one.annotation)):
                    place = f"{file} {node.name}.{ast.unparse(one.target)}"
                    yield Named(place, sentence_of(node.body[index + 1 :]))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                if argument.annotation and NUMBER.match(ast.unparse(argument.annotation)):
                    yield Named(f"{file} {node.name}.{argument.arg}")


def sentence_of(following: Sequence[ast.stmt]) -> str:
    """The docstring of a field, which follows it."""
    first = following[0] if following else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return first.value.value
    return ""


def files() -> list[str]:
    named = [f"{folder}/*.py" for folder in CODE]
    listed = subprocess.run(["git", "ls-files", *named], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if "/tests/" not in name]


def test_a_time_says_its_unit() -> None:
    found = [one for file in files() for one in numbers((ROOT / file).read_text(encoding="utf-8"), file)]
    assert len(found) > 300
    assert [one.place for one in found if one.is_time and not one.has_unit] == []
    assert {one.place for one in found} >= NO_UNIT, "an exception that is needed no more"


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("class A:\n    age: float", ["f A.age"]),
        ("class A:\n    age_days: float", []),
        ("class A:\n    seconds: float = 3", ["f A.seconds"]),
        ("class A:\n    off: float\n    'Seconds after the order.'", ["f A.off"]),
        ("class A:\n    off: int\n    'How many are off.'", []),
        ("class _A:\n    age: float", []),
        ("def f(timeout: float | None) -> None: ...", ["f f.timeout"]),
        ("class A:\n    def f(self, *, first_wait: int) -> None: ...", ["f f.first_wait"]),
        ("def f(waits: Waits, timeout_ms: int, pages: int) -> None: ...", []),
    ],
)
def test_what_says_none_is_found(source: str, wrong: list[str]) -> None:
    assert [one.place for one in numbers(source, "f") if one.is_time and not one.has_unit] == wrong


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every key of a topology that holds a plain value, and of which kind that is."""
    for name, field in model.model_fields.items():
        kind = next((one.name for one in field.metadata if isinstance(one, Kind)), "")
        yield f"{prefix}{name}", kind
        for part in parts(field.annotation):
            yield from keys(part, f"{prefix}{name}.")


def parts(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from parts(inner)


def test_a_key_of_the_topology_that_is_a_time_says_its_unit() -> None:
    times = {key for key, kind in keys(Topology) if kind.startswith("seconds")}
    assert {"waits.site_seconds", "drill.planned.sql_seconds"} <= times
    assert [key for key in times if not key.endswith("_seconds")] == []
    assert [key for key, kind in keys(Topology) if key.endswith("_seconds") and key not in times] == []


def test_a_parameter_of_a_leaf_script_that_is_a_time_says_its_unit() -> None:
    scripts = [file for folder in ("components", "remote") for file in (ROOT / folder).rglob("*.ps1")]
    given = {
        name for file in scripts for line in PARAMETERS.findall(file.read_text("utf-8")) for name in line.split(", ")
    }
    times = {name for name in given if TIME.search(re.sub(r"(?<!^)([A-Z])", r"_\1", name[1:]).lower())}
    assert {"$DrainMinutes", "$TimeoutSeconds"} <= times
    assert {name for name in times if not re.search(r"[a-z](Seconds|Minutes|Hours|Days|Milliseconds)$", name)} == {
        "$Timeout"  # Microsoft's: of Add-NlbClusterPortRule, in minutes
    }
