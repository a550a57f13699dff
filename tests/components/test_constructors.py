"""What a resource is given reaches its inputs."""

from __future__ import annotations

import ast
import inspect
import textwrap

import pytest

from components.resource import Managed
from tools.pages.resources import resources


@pytest.mark.parametrize("kind", resources(), ids=lambda kind: kind.__name__)
def test_no_argument_of_a_constructor_is_left_out(kind: type[Managed]) -> None:
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(kind.__init__))).body
    assert isinstance(function, ast.FunctionDef)
    given = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)} - {"self"}
    used = {node.id for node in ast.walk(ast.Module(function.body, [])) if isinstance(node, ast.Name)}
    assert given - used == set()
