"""What the attributes of a class mean: the sentence below each of them.

Pydantic can read these sentences when it makes a model (``use_attribute_docstrings``). For all models of the program
that takes as long as everything else that the program imports, and only the generated pages and one message need them.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from functools import cache
from typing import Any

from pydantic import BaseModel


@cache
def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Field → its sentence, those of the model's bases included."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if kind is not BaseModel and issubclass(kind, BaseModel):
            found |= sentences_below(kind)
    return found


def sentences_below(kind: type[Any]) -> dict[str, str]:
    """The sentence below each annotated attribute of a class itself."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for one, following in itertools.pairwise(body.body):
        match one, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text)
    return found
