"""docs/resources.md: made from the resources, whole, and as they are now."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from components.meanings import meanings
from components.resource import FarmResource, ReplaceOn, fields
from components.resource.fields import Inputs
from tools.pages import resources as docs

COMPONENTS = Path(__file__).parents[2] / "components"
every = pytest.mark.parametrize("kind", docs.resources(), ids=lambda kind: kind.__name__)


def test_the_page_is_up_to_date() -> None:
    assert docs.FILE.read_text(encoding="utf-8") == docs.render(), "run: .venv/bin/python -m tools.pages"


def test_every_resource_is_on_the_page() -> None:
    """Every class that is based on ``FarmResource`` by its source, whether or not anything imports it."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in COMPONENTS.rglob("*.py")]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    managed = {node.name for node in classes for base in node.bases if ast.unparse(base).startswith("FarmResource[")}
    page = docs.render()
    assert managed == {kind.__name__ for kind in docs.resources()}
    assert [name for name in managed if f":{name}\n" not in page] == []


@every
def test_a_resource_says_what_it_guarantees_and_what_delete_does(kind: type[FarmResource[Any]]) -> None:
    said, delete = docs.guarantee(kind)
    assert said[0].startswith("Guarantees "), f"the docstring of {kind.__module__} begins with: Guarantees …"
    assert delete.endswith("."), f"the docstring of {kind.__module__} needs a sentence that begins with: Delete …"


@every
def test_every_input_and_output_has_a_meaning(kind: type[FarmResource[Any]]) -> None:
    for path, model in docs.input_models(kind.implementation.INPUTS):
        without = [name for name in model.model_fields if not meanings(model).get(name)]
        assert without == [], f"write a docstring below these fields of {model.__name__} {path}"
    assert [name for name, meaning in docs.outputs(kind).items() if not meaning] == [], "write a docstring below it"


@every
def test_marks_name_inputs(kind: type[FarmResource[Any]]) -> None:
    provider = kind.implementation
    assert {*fields.marked(provider.INPUTS, ReplaceOn), *fields.secrets(provider.INPUTS)} <= set(
        provider.INPUTS.model_fields
    ) - set(Inputs.model_fields)
