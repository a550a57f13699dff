"""A secret is never seen; an error is one line that says where, what, what was found and what to do."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel, ValidationError

from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.secret import MASK, Secret, plain, redact

TEXT = 'Quote"Back\\Ünïcode-1!'


class Model(BaseModel):
    password: Secret


def test_it_prints_as_a_mask() -> None:
    secret = Secret(TEXT)
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}", repr(Model(password=secret))):
        assert TEXT not in shown
        assert MASK in shown
    assert secret.reveal() == TEXT
    assert secret == Secret(TEXT)
    assert secret != Secret("Another-1!")
    assert secret != TEXT
    assert bool(Secret("")) is False
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_redact_finds_it_plain_and_escaped() -> None:
    Secret(TEXT)
    Secret("Long-Secret")
    Secret("Long-Secret-With-More")
    assert redact(f"a {TEXT} b") == "a *** b"
    assert redact(f"sent {json.dumps({'p': TEXT})}") == 'sent {"p": "***"}'
    assert redact("Long-Secret-With-More!") == "***!", "the longer one first, or its end would be left"
    Secret("")
    assert redact("nothing") == "nothing"


def test_models_take_and_dump_text() -> None:
    model = Model.model_validate({"password": TEXT})
    assert model.password == Secret(TEXT)
    assert model.model_dump(mode="json") == {"password": TEXT}
    assert Model.model_validate(model.model_dump(mode="json")) == model


@pytest.mark.parametrize("wrong", [["only-here"], {"only-here": "only-here"}, 12345, None])
def test_a_wrong_type_does_not_show_the_value(wrong: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate({"password": wrong})
    (problem,) = caught.value.errors()
    assert (problem["loc"], problem["msg"]) == (("password",), "Input should be a text")


def test_plain_reveals_for_the_wire_only() -> None:
    value = {"a": [Secret(TEXT), 1], "b": (Secret("x-y-z"),), "c": {"d": Secret(TEXT)}, "e": None}
    assert plain(value) == {"a": [TEXT, 1], "b": ["x-y-z"], "c": {"d": TEXT}, "e": None}


@pytest.mark.parametrize(
    ("found", "remedy", "expected"),
    [
        ("it is gone", "", "SQL1: read it: it is gone."),
        ("it is gone.", "Look.", "SQL1: read it: it is gone. Look."),
        ("why?", "Look.", "SQL1: read it: why? Look."),
        ("first\r\n  second\tthird", "", "SQL1: read it: first second third."),
        (f"password {TEXT} is wrong", "", "SQL1: read it: password *** is wrong."),
    ],
)
def test_the_text_of_an_error(found: str, remedy: str, expected: str) -> None:
    Secret(TEXT)
    error = MachineError("SQL1", "read it", found, remedy)
    assert str(error) == expected
    assert TEXT not in repr(error)
    assert TEXT not in error.found


def test_secrets_in_any_part_of_an_error_are_masked() -> None:
    Secret(TEXT)
    assert str(MachineError("SQL1", f"log on with {TEXT}", "no", f"Use {TEXT}")) == "SQL1: log on with ***: no. Use ***"


@pytest.mark.parametrize("kind", [MachineError, UnreachableError, LostAnswerError])
def test_errors_print_without_a_path(kind: type[MachineError]) -> None:
    assert kind.__module__ == "builtins"
    error = kind("SQL1", "a", "b", number=1205, error_id="X")
    assert (error.machine, error.number, error.error_id) == ("SQL1", 1205, "X")
    assert isinstance(error, MachineError)
